use super::{error_body, error_event};
use http::StatusCode;
use proptest::prelude::*;
use serde_json::Value;
use stockade_core::Dialect;

const DIALECTS: [Dialect; 3] = [Dialect::Native, Dialect::OpenAi, Dialect::Anthropic];

fn body(dialect: Dialect, status: u16) -> String {
    let status = StatusCode::from_u16(status).unwrap();
    let bytes = error_body(dialect, status, "say \"why\"", "req_0123");
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn native_errors_have_one_text() {
    for status in [400, 403, 404, 429, 500, 503] {
        assert_eq!(body(Dialect::Native, status), r#"{"error":"say \"why\""}"#, "{status}");
    }
    let unauthorized = r#"{"error":"say \"why\"","status":"say \"why\""}"#;
    assert_eq!(body(Dialect::Native, 401), unauthorized);
}

#[test]
fn openai_errors_have_type_and_code() {
    let cases = [
        (400, "invalid_request_error", "null"),
        (401, "invalid_request_error", "\"invalid_api_key\""),
        (403, "permission_error", "\"permission_denied\""),
        (404, "not_found_error", "null"),
        (405, "invalid_request_error", "null"),
        (408, "invalid_request_error", "null"),
        (413, "invalid_request_error", "null"),
        (415, "invalid_request_error", "null"),
        (429, "rate_limit_error", "\"rate_limit_exceeded\""),
        (431, "invalid_request_error", "null"),
        (500, "api_error", "null"),
        (502, "api_error", "null"),
        (503, "api_error", "null"),
        (504, "api_error", "null"),
    ];
    for (status, kind, code) in cases {
        let expected = format!(
            r#"{{"error":{{"message":"say \"why\"","type":"{kind}","param":null,"code":{code}}}}}"#
        );
        assert_eq!(body(Dialect::OpenAi, status), expected, "{status}");
    }
}

#[test]
fn anthropic_errors_have_a_type_and_the_request_id() {
    let cases = [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (405, "invalid_request_error"),
        (408, "invalid_request_error"),
        (413, "request_too_large"),
        (415, "invalid_request_error"),
        (429, "rate_limit_error"),
        (431, "invalid_request_error"),
        (500, "api_error"),
        (502, "api_error"),
        (503, "overloaded_error"),
        (504, "timeout_error"),
    ];
    for (status, kind) in cases {
        let expected = format!(
            r#"{{"type":"error","error":{{"type":"{kind}","message":"say \"why\""}},"request_id":"req_0123"}}"#
        );
        assert_eq!(body(Dialect::Anthropic, status), expected, "{status}");
    }
}

#[test]
fn events_are_framed_as_the_streams_are() {
    let event = |dialect| {
        let bytes = error_event(dialect, StatusCode::BAD_GATEWAY, "gone", "req_1");
        String::from_utf8(bytes.to_vec()).unwrap()
    };
    assert_eq!(event(Dialect::Native), "{\"error\":\"gone\"}\n");
    assert_eq!(
        event(Dialect::OpenAi),
        "data: {\"error\":{\"message\":\"gone\",\"type\":\"api_error\",\"param\":null,\"code\":null}}\n\n"
    );
    assert_eq!(
        event(Dialect::Anthropic),
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"gone\"},\"request_id\":\"req_1\"}\n\n"
    );
}

proptest! {
    #[test]
    fn no_message_breaks_out_of_its_string(message in any::<String>(), id in any::<String>()) {
        for dialect in DIALECTS {
            let body = error_body(dialect, StatusCode::FORBIDDEN, &message, &id);
            let json: Value = serde_json::from_slice(&body).unwrap();
            let text = if dialect == Dialect::Native { &json["error"] } else { &json["error"]["message"] };
            prop_assert_eq!(text.as_str(), Some(message.as_str()));
            let event = error_event(dialect, StatusCode::FORBIDDEN, &message, &id);
            let lines = str::from_utf8(&event).unwrap().matches('\n').count();
            prop_assert_eq!(lines, match dialect { Dialect::Native => 1, Dialect::OpenAi => 2, Dialect::Anthropic => 3 });
        }
    }
}
