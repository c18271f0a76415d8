//! The fields that say how the model is to think, in which form to answer, and how to be loaded.

use super::*;

fn parameters(path: &str, fields: &str) -> stockade_core::Parameters {
    let body = format!(r#"{{"model":"m"{fields}}}"#);
    understood(path, &body).parameters().clone()
}

#[test]
fn thinking_is_found_in_every_api() {
    for (path, fields, think) in [
        ("/api/chat", r#","think":true"#, Some("true")),
        ("/api/generate", r#","think":false"#, Some("false")),
        ("/api/chat", r#","think":"h\u0069gh""#, Some("high")),
        ("/api/chat", r#","think":"""#, None),
        ("/api/chat", r#","think":null"#, None),
        ("/api/embed", r#","think":true"#, None),
        ("/v1/chat/completions", r#","reasoning_effort":"low""#, Some("low")),
        ("/v1/chat/completions", r#","reasoning":{"effort":"none"}"#, Some("false")),
        (
            "/v1/chat/completions",
            r#","reasoning_effort":"low","reasoning":{"effort":"high"}"#,
            Some("high"),
        ),
        (
            "/v1/chat/completions",
            r#","reasoning":{"effort":"high"},"reasoning_effort":"low""#,
            Some("high"),
        ),
        ("/v1/chat/completions", r#","think":true"#, None),
        ("/v1/responses", r#","reasoning":{"effort":"medium"}"#, Some("medium")),
        ("/v1/messages", r#","thinking":{"type":"enabled","budget_tokens":9}"#, Some("true")),
        (
            "/v1/messages",
            r#","thinking":{"type":"disabled"},"output_config":{"effort":"max"}"#,
            Some("false"),
        ),
        ("/v1/messages", r#","output_config":{"effort":" High"}"#, Some("high")),
        (
            "/v1/messages",
            r#","thinking":{"type":"adaptive"},"output_config":{"effort":"max"}"#,
            Some("max"),
        ),
        ("/v1/messages", r#","thinking":{"type":"adaptive"}"#, Some("adaptive")),
    ] {
        assert_eq!(parameters(path, fields).think.as_deref(), think, "{path} {fields}");
    }
}

#[test]
fn what_is_no_level_of_thinking_is_refused() {
    let long = "x".repeat(33);
    for (path, field) in [
        ("/api/chat", r#""think":1"#.to_owned()),
        ("/api/chat", r#""think":["high"]"#.to_owned()),
        ("/api/chat", format!(r#""think":"{long}""#)),
        ("/v1/chat/completions", r#""reasoning":{"effort":5}"#.to_owned()),
        ("/v1/responses", format!(r#""reasoning":{{"effort":"{long}"}}"#)),
        ("/v1/messages", format!(r#""thinking":{{"type":"{long}"}}"#)),
    ] {
        let refusal = read(path, &format!(r#"{{"model":"m",{field}}}"#)).unwrap_err();
        assert_eq!(refusal.status, StatusCode::BAD_REQUEST, "{path} {field}");
    }
}

#[test]
fn the_format_is_found_in_every_api() {
    for (path, fields, format) in [
        ("/api/chat", r#","format":"json""#, Some("json")),
        ("/api/generate", r#","format":{"type":"object","Type":1}"#, Some("schema")),
        ("/api/chat", r#","format":"""#, None),
        ("/api/chat", r#","format":null"#, None),
        ("/v1/chat/completions", r#","response_format":{"type":"json_object"}"#, Some("json")),
        (
            "/v1/chat/completions",
            r#","response_format":{"type":"json_schema","json_schema":{"schema":{}}}"#,
            Some("schema"),
        ),
        ("/v1/chat/completions", r#","response_format":{"type":"text"}"#, None),
        ("/v1/responses", r#","text":{"format":{"type":"json_schema"}}"#, Some("schema")),
        ("/v1/messages", r#","format":"json""#, None),
    ] {
        assert_eq!(parameters(path, fields).format.as_deref(), format, "{path} {fields}");
    }
}

#[test]
fn options_that_load_the_model_anew_are_named() {
    let options =
        r#","options":{"num_thread":8,"num_gpu":0,"main_gpu":null,"Num_batch":1,"num_ctx":9}"#;
    assert_eq!(parameters("/api/chat", options).runner_options, ["num_gpu", "num_thread"]);
    assert_eq!(parameters("/api/embed", options).runner_options, ["num_gpu", "num_thread"]);
    assert!(parameters("/v1/chat/completions", options).runner_options.is_empty());
}
