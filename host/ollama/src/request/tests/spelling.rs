//! The spelling of models, for policies, and for Ollama.

use super::*;

#[test]
fn policies_see_one_spelling_and_ollama_that_of_the_caller() {
    let body = |model: &str| {
        format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"Hi"}}]}}"#)
    };
    let sent = body("hf.co/Bartowski/Llama-3.2-GGUF:Q4_K_M");
    for path in ["/api/chat", "/v1/chat/completions", "/v1/messages"] {
        let request = understood(path, &sent);
        let folded = "hf.co/bartowski/llama-3.2-gguf:q4_k_m";
        assert_eq!(names(&request), [(folded, ModelRole::Use)]);
        assert_eq!(request.body_text(), Some(body(folded)));
        assert_eq!(written(path, &sent), sent);
    }
    let both = r#"{"model":"","name":"Me/Mine:V1"}"#;
    assert_eq!(written("/api/delete", both), r#"{"model":"Me/Mine:V1"}"#);
    let twice = r#"{"model":"Mine:V1","name":"mine:v1"}"#;
    assert_eq!(written("/api/delete", twice), r#"{"model":"Mine:V1"}"#);
    // A letter that Unicode folds to an ASCII one is none of a model name.
    for confusable in ["\u{212a}imi", "\u{17f}ecret"] {
        assert!(read("/api/chat", &body(confusable)).is_err(), "{confusable}");
    }
}

#[test]
fn a_base_is_spelled_as_it_is_installed() {
    let written = |body: &str, spelling: &str| {
        let installed = vec![ModelName::parse(spelling).unwrap()];
        let options = WriteOptions { installed, ..WriteOptions::default() };
        let request = understood("/api/create", body);
        json(request.write(&Obligations::default(), &options).unwrap().body)
    };
    let body = r#"{"model":"M","from":"hf.co/a/b:q4"}"#;
    let expected = r#"{"model":"M:latest","from":"hf.co/A/B:Q4"}"#;
    assert_eq!(written(body, "hf.co/A/B:Q4"), expected);
    let other = r#"{"model":"M:latest","from":"hf.co/a/b:q4"}"#;
    assert_eq!(written(body, "hf.co/A/C:Q4"), other, "another name");
    let base = |body: &str| understood("/api/create", body).base().map(ToString::to_string);
    assert_eq!(base(body).as_deref(), Some("hf.co/a/b:q4"));
    assert_eq!(base(r#"{"model":"m","from":"x","remote_host":"https://x"}"#), None);
    assert_eq!(base(r#"{"model":"m","files":{}}"#), None);
}

#[test]
fn what_is_installed_is_forwarded_in_its_spelling_on_every_route() {
    let installed: Vec<_> =
        ["Mixed:V1", "Me/Other:latest"].map(|name| ModelName::parse(name).unwrap()).into();
    let options = WriteOptions { installed, ..WriteOptions::default() };
    let write =
        |request: CanonicalRequest| request.write(&Obligations::default(), &options).unwrap();
    for (path, field) in [
        ("/api/chat", "model"),
        ("/api/embed", "model"),
        ("/api/embeddings", "model"),
        ("/api/show", "model"),
        ("/api/push", "model"),
        ("/api/delete", "model"),
        ("/v1/chat/completions", "model"),
        ("/v1/messages", "model"),
    ] {
        for caller in ["mixed:v1", "MIXED:V1", "library/Mixed:v1"] {
            let sent = format!(r#"{{"{field}":"{caller}"}}"#);
            let expected = format!(r#"{{"{field}":"Mixed:V1"}}"#);
            assert_eq!(json(write(understood(path, &sent)).body), expected, "{path}");
        }
    }
    let copy = r#"{"source":"mixed:V1","destination":"me/OTHER"}"#;
    let copied = r#"{"source":"Mixed:V1","destination":"Me/Other:latest"}"#;
    assert_eq!(json(write(understood("/api/copy", copy)).body), copied);
    let in_path = PathValue::Model(ModelName::parse("mixed:v1").unwrap());
    let limits = ReadLimits::default();
    let shown = CanonicalRequest::read(route("/v1/models/{model}"), in_path, "".into(), &limits);
    let in_path = write(shown.unwrap());
    assert_eq!(in_path.path, "/v1/models/Mixed:V1");
    let other = write(understood("/api/show", r#"{"model":"Third:V1"}"#));
    assert_eq!(json(other.body), r#"{"model":"Third:V1"}"#);
}
