//! Bodies that are refused, with what the caller is told.

use super::*;

const WITHOUT_ONE_MEANING: &[(&str, &str, &str)] = &[
    (
        "/api/chat",
        r#"{"Model":"m"}"#,
        r#"the key "Model" could be read as "model"; spell it "model", or leave it out (line 1, byte 1)"#,
    ),
    (
        "/api/chat",
        "{\"model\":\"m\",\"me\u{17f}sages\":[]}",
        "the key \"me\u{17f}sages\" could be read as \"messages\"; spell it \"messages\", or leave it out (line 1, byte 13)",
    ),
    ("/api/chat", "{\"model\":\"m\",\"\u{212a}eep_alive\":0}", "could be read as \"keep_alive\""),
    (
        "/api/chat",
        r#"{"model":"m","messages":[{"Content":"x"}]}"#,
        r#"could be read as "content"; spell it "content", or leave it out (at messages[0], line 1, byte 26)"#,
    ),
    (
        "/api/chat",
        r#"{"model":"m","messages":[{"tool_calls":[{"function":{"Name":"x"}}]}]}"#,
        "at messages[0].tool_calls[0].function",
    ),
    ("/api/chat", r#"{"model":"m","new":1,"NEW":2}"#, r#"could be read as "new""#),
    ("/api/chat", r#"{"\u006dodel":"m"}"#, r#"the key "model" is written with an escape"#),
    ("/api/chat", r#"{"model":"m\ud83d"}"#, "half a surrogate pair is no character"),
    (
        "/api/chat",
        r#"{"model":"m","keep_alive":"5m\ud83d"}"#,
        "half a surrogate pair is no character and may stand in free text only; leave it out",
    ),
    (
        "/v1/responses",
        r#"{"model":"m","input":"x","tools":[{"type":"web\ud83d"}]}"#,
        "half a surrogate pair",
    ),
    ("/api/chat", r#"{"model":"m","x\ud83d":1}"#, "half a surrogate pair"),
    ("/api/create", r#"{"model":"m","files":{"a":"\ud83d"}}"#, "half a surrogate pair"),
    ("/api/chat", r#"{"model":"m","model":"n"}"#, r#"the key "model" appears twice"#),
    ("/api/chat", r#"{"messages":[]}"#, "model: a model name is required"),
    ("/api/chat", r#"{"model":"","messages":[]}"#, "model: a model name is required"),
    ("/api/chat", r#"{"name":"m"}"#, "model: a model name is required"),
    ("/api/chat", r#"{"model":null}"#, "model must be a string (at model, line 1, byte 9)"),
    ("/api/chat", r#"{"model":["m"]}"#, "model must be a string"),
    ("/api/chat", r#"{"model":" m"}"#, "model: a model name has only letters"),
    ("/api/chat", r#"{"model":"m:local"}"#, "model: the suffix :local is ambiguous"),
    ("/api/chat", r#"{"model":"m","stream":"false"}"#, "stream must be true or false"),
    ("/api/chat", r#"{"model":"m","messages":{}}"#, "messages must be an array"),
    ("/api/chat", r#"{"model":"m","options":[]}"#, "options must be an object"),
    (
        "/api/chat",
        r#"{"model":"m","options":{"num_ctx":"1"}}"#,
        "num_ctx must be a whole number (at options.num_ctx",
    ),
    (
        "/api/chat",
        r#"{"model":"m","options":{"num_ctx":4096.5}}"#,
        "num_ctx must be a whole number",
    ),
    (
        "/api/chat",
        r#"{"model":"m","options":{"num_predict":1e30}}"#,
        "num_predict must be a whole number",
    ),
    (
        "/api/chat",
        r#"{"model":"m","keep_alive":true}"#,
        "keep_alive must be a number of seconds or",
    ),
    ("/api/chat", r#"{"model":"m","keep_alive":"-1"}"#, "keep_alive: this is no time"),
    ("/api/chat", r#"{"model":"m","keep_alive":1e300}"#, "keep_alive: the time is too long"),
    ("/api/generate", r#"{"model":"m","prompt":["x"]}"#, "prompt must be a string"),
    ("/api/generate", r#"{"model":"m","images":"x"}"#, "images must be an array"),
    ("/api/pull", r#"{"model":"m","name":"n"}"#, "name: another model than the field model names"),
    ("/api/pull", r#"{"model":"m","insecure":"yes"}"#, "insecure must be true or false"),
    ("/api/copy", r#"{"source":"a"}"#, "destination: a model name is required"),
    ("/api/create", r#"{"model":"m","files":{"a":"x"}}"#, "files: each file needs sha256:"),
    ("/api/create", r#"{"model":"m","from":"./model.gguf"}"#, "from: "),
    (
        "/v1/chat/completions",
        r#"{"model":"m","stream_options":{"Include_Usage":true}}"#,
        "at stream_options",
    ),
    (
        "/v1/responses",
        r#"{"model":"m","max_output_tokens":"5"}"#,
        "max_output_tokens must be a whole number",
    ),
    ("/v1/messages", r#"{"model":"m","tools":[{"Type":"web_search"}]}"#, "at tools[0]"),
    ("/v1/messages", "", "the request has no body"),
];

#[test]
fn bodies_without_one_meaning_are_refused() {
    for (path, body, message) in WITHOUT_ONE_MEANING {
        let refusal = read(path, body).expect_err(body);
        assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
        assert_eq!(refusal.dialect, route(path).dialect);
        assert!(refusal.message.contains(message), "{body}: {}", refusal.message);
    }
}

#[test]
fn a_body_over_the_limit_is_too_large() {
    let limits = ReadLimits { bytes: 20, ..ReadLimits::default() };
    let read = |body: &'static str| {
        let route = route("/api/chat");
        CanonicalRequest::read(route, PathValue::None, body.into(), &limits)
    };
    assert!(read(r#"{"model":"abcdefgh"}"#).is_ok());
    let refusal = read(r#"{"model":"abcdefghi"}"#).unwrap_err();
    assert_eq!(refusal.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(refusal.message, "the body has more than the 20 bytes allowed");
}

#[test]
fn a_route_takes_its_kind_of_body_and_no_other() {
    let refusal = read("/api/tags", "{}").unwrap_err();
    assert_eq!(refusal.message, "/api/tags takes no body; send none");
    assert!(read("/api/blobs/{digest}", "x").is_err());
    assert!(CanonicalRequest::streamed(route("/api/chat"), PathValue::None).is_err());
}
