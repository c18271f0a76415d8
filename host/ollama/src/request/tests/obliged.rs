//! The effects of obligations on a request.

use super::*;

fn limit(parameter: LimitedParameter, maximum: i64, insert: bool) -> Obligations {
    let insert = insert.then_some(maximum);
    let limit = Limit { insert, ..Limit::at_most(parameter, maximum) };
    Obligations { limits: vec![limit], ..Obligations::default() }
}

use LimitedParameter::{Context, KeepAlive, Output};

/// Path, fields besides the model, what is limited, whether it is written where it is
/// absent, fields as forwarded. Every limit is 100.
const LIMITED: &[(&str, &str, LimitedParameter, bool, &str)] = &[
    ("/api/chat", r#","options":{"num_ctx":101}"#, Context, false, r#","options":{"num_ctx":100}"#),
    ("/api/chat", r#","options":{"num_ctx":100}"#, Context, false, r#","options":{"num_ctx":100}"#),
    ("/api/chat", r#","options":{"num_ctx":0}"#, Context, false, r#","options":{"num_ctx":100}"#),
    (
        "/api/chat",
        r#","options":{"seed":1,"num_ctx":-5,"x":2}"#,
        Context,
        false,
        r#","options":{"seed":1,"num_ctx":100,"x":2}"#,
    ),
    (
        "/api/chat",
        r#","options":{"num_\u0063tx":101}"#,
        Context,
        false,
        r#","options":{"num_\u0063tx":100}"#,
    ),
    ("/api/chat", r#","options":{ "seed": 1 }"#, Context, false, r#","options":{ "seed": 1 }"#),
    (
        "/api/chat",
        r#","options":{ "seed": 1 }"#,
        Context,
        true,
        r#","options":{"seed":1,"num_ctx":100}"#,
    ),
    ("/api/chat", r#","options":{"num_ctx":null}"#, Context, true, r#","options":{"num_ctx":100}"#),
    ("/api/chat", r#","options":{}"#, Context, true, r#","options":{"num_ctx":100}"#),
    ("/api/chat", r#","options":null"#, Context, true, r#","options":{"num_ctx":100}"#),
    ("/api/chat", "", Context, true, r#","options":{"num_ctx":100}"#),
    ("/api/chat", "", Context, false, ""),
    ("/api/embed", "", Context, true, r#","options":{"num_ctx":100}"#),
    ("/api/embed", "", Output, true, ""),
    (
        "/api/generate",
        r#","options":{"num_predict":-2}"#,
        Output,
        false,
        r#","options":{"num_predict":100}"#,
    ),
    ("/api/generate", "", Output, true, r#","options":{"num_predict":100}"#),
    ("/api/generate", r#","keep_alive":"2m""#, KeepAlive, false, r#","keep_alive":100"#),
    ("/api/generate", r#","keep_alive":-1"#, KeepAlive, false, r#","keep_alive":100"#),
    ("/api/generate", r#","keep_alive":"100s""#, KeepAlive, true, r#","keep_alive":"100s""#),
    ("/api/generate", r#","keep_alive":100.5"#, KeepAlive, false, r#","keep_alive":100"#),
    ("/api/generate", r#","keep_alive":0"#, KeepAlive, true, r#","keep_alive":0"#),
    ("/api/generate", r#","keep_alive":null"#, KeepAlive, true, r#","keep_alive":100"#),
    ("/api/show", "", KeepAlive, true, ""),
    ("/v1/chat/completions", "", Context, true, ""),
    ("/v1/chat/completions", "", KeepAlive, true, ""),
    ("/v1/chat/completions", "", Output, true, r#","max_tokens":100"#),
    ("/v1/chat/completions", r#","max_tokens":101"#, Output, false, r#","max_tokens":100"#),
    (
        "/v1/chat/completions",
        r#","max_completion_tokens":101"#,
        Output,
        true,
        r#","max_completion_tokens":100,"max_tokens":100"#,
    ),
    (
        "/v1/chat/completions",
        r#","max_completion_tokens":9"#,
        Output,
        true,
        r#","max_completion_tokens":9,"max_tokens":9"#,
    ),
    (
        "/v1/chat/completions",
        r#","max_completion_tokens":-1,"max_tokens":5"#,
        Output,
        true,
        r#","max_completion_tokens":100,"max_tokens":5"#,
    ),
    ("/v1/completions", "", Output, true, r#","max_tokens":100"#),
    ("/v1/responses", r#","max_output_tokens":0"#, Output, false, r#","max_output_tokens":100"#),
    ("/v1/messages", r#","max_tokens":4096"#, Output, false, r#","max_tokens":100"#),
    ("/v1/embeddings", "", Output, true, ""),
];

#[test]
fn numbers_stay_within_their_limits() {
    for (path, sent, parameter, insert, forwarded) in LIMITED {
        let whole = |fields: &str| format!(r#"{{"model":"m:x"{fields}}}"#);
        let obligations = limit(parameter.clone(), 100, *insert);
        let body = written_with(path, &whole(sent), &obligations).unwrap();
        assert_eq!(body, whole(forwarded), "{path} {sent} {parameter:?}");
        let again = written_with(path, &body, &obligations).unwrap();
        assert_eq!(again, body, "{path} {sent}: not stable");
    }
}

#[test]
fn several_limits_meet_in_one_object() {
    let mut obligations = limit(Context, 100, true);
    obligations.limits.extend(limit(Output, 7, true).limits);
    obligations.limits.extend(limit(KeepAlive, 60, true).limits);
    let body = written_with("/api/chat", r#"{"model":"m:x"}"#, &obligations).unwrap();
    assert_eq!(
        body,
        r#"{"model":"m:x","options":{"num_ctx":100,"num_predict":7},"keep_alive":60}"#
    );
}

#[test]
fn limits_that_no_request_can_meet_refuse_it() {
    let body = r#"{"model":"m","prompt":"x"}"#;
    for obligations in
        [limit(Context, 0, false), limit(Output, -1, true), limit(KeepAlive, -1, false)]
    {
        let refusal = written_with("/api/generate", body, &obligations).unwrap_err();
        assert_eq!(refusal.status, StatusCode::FORBIDDEN);
        assert!(refusal.message.contains("no request can meet"));
    }
    assert!(written_with("/api/generate", body, &limit(KeepAlive, 0, true)).is_ok());
}

#[test]
fn a_limit_never_turns_a_load_into_an_unload() {
    for body in [r#"{"model":"m"}"#, r#"{"model":"m","keep_alive":-1}"#] {
        let refusal = written_with("/api/chat", body, &limit(KeepAlive, 0, true)).unwrap_err();
        assert!(refusal.message.contains("unload"), "{}", refusal.message);
    }
}

#[test]
fn a_model_is_replaced_where_there_is_one() {
    let small = ModelName::parse("Small:1B").unwrap();
    let written = |path: &str, body: &str| {
        let mut request = read(path, body).unwrap();
        request.change(Some(&small), &[])?;
        assert_eq!(request.models()[0].name, small);
        let upstream = request.write(&Obligations::default(), &WriteOptions::default()).unwrap();
        let UpstreamBody::Json(bytes) = upstream.body else { panic!("{upstream:?}") };
        Ok(String::from_utf8(bytes.into()).unwrap())
    };
    assert_eq!(written("/api/chat", r#"{"model":"Big"}"#).unwrap(), r#"{"model":"Small:1B"}"#);
    let several: String = written("/api/copy", r#"{"source":"a","destination":"b"}"#).unwrap_err();
    assert!(several.contains("2 models"), "{several}");
    assert!(written("/api/experimental/web_fetch", "{}").is_err());
}

#[test]
fn a_model_in_a_path_is_replaced_by_one_that_fits_there() {
    let retrieve = |by: &str| {
        let model = PathValue::Model(ModelName::parse("big").unwrap());
        let (route, body) = (route("/v1/models/{model}"), bytes::Bytes::new());
        let mut request =
            CanonicalRequest::read(route, model, body, &ReadLimits::default()).unwrap();
        request.change(Some(&ModelName::parse(by).unwrap()), &[])?;
        let upstream = request.write(&Obligations::default(), &WriteOptions::default());
        Ok::<_, String>(upstream.unwrap().path)
    };
    assert_eq!(retrieve("small").unwrap(), "/v1/models/small:latest");
    assert_eq!(retrieve("Small:Q8").unwrap(), "/v1/models/Small:Q8");
    assert!(retrieve("me/small").is_err());
}

/// An obligation to forward another model is one that nobody was asked about.
#[test]
fn a_model_is_never_replaced_on_the_way_out() {
    let replace = Obligations {
        replace_model: Some(ModelName::parse("small:1b").unwrap()),
        ..Obligations::default()
    };
    let refusal = written_with("/api/chat", r#"{"model":"big"}"#, &replace).unwrap_err();
    assert_eq!(refusal.status, StatusCode::FORBIDDEN);
}

#[test]
fn a_forbidden_field_refuses_the_request_by_name() {
    let forbid = |field: &str| Obligations {
        fields: vec![FieldRule::Forbid(FieldPath::new(field).unwrap())],
        ..Obligations::default()
    };
    let cases = [
        ("think", r#"{"model":"m","think":true}"#, true),
        ("think", r#"{"model":"m","think":false}"#, true),
        ("think", r#"{"model":"m","think":null}"#, false),
        ("think", r#"{"model":"m"}"#, false),
        ("future", r#"{"model":"m","Future":1}"#, true),
        ("future", r#"{"model":"m","future":null}"#, true),
        ("model", r#"{"model":"m"}"#, true),
        ("name", r#"{"model":"m","name":"x"}"#, false),
    ];
    for (field, body, refused) in cases {
        let outcome = written_with("/api/chat", body, &forbid(field));
        assert_eq!(outcome.is_err(), refused, "{field} {body}");
        if let Err(refusal) = outcome {
            assert_eq!(refusal.status, StatusCode::FORBIDDEN);
            assert!(refusal.message.to_lowercase().contains(field));
        }
    }
    let create = r#"{"model":"m","from":"x"}"#;
    assert!(written_with("/api/create", create, &forbid("from")).is_err());
}
