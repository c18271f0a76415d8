//! Changes that are never made, and fields that are forbidden.

use super::changed::{changed, obliging};
use super::*;

#[test]
fn some_changes_are_never_made() {
    let chat = r#"{"model":"m","think":true}"#;
    let create = r#"{"model":"m","from":"b"}"#;
    for (path, body, rule, reason) in [
        ("/api/chat", chat, "-model", "names a model"),
        ("/api/chat", chat, "-MODEL", "names a model"),
        ("/api/chat", chat, "-name", "names a model"),
        ("/api/chat", chat, "model.x=1", "names a model"),
        ("/api/create", create, "-from", "names a model"),
        ("/api/copy", r#"{"source":"a","destination":"b"}"#, "-destination", "names a model"),
        ("/api/chat", chat, "stream=true", "no policy may write"),
        ("/api/create", create, "files.a=\"x\"", "no policy may write"),
        ("/api/chat", chat, "x={}", "no JSON"),
        ("/api/chat", chat, "x=[1]", "no JSON"),
        ("/api/chat", chat, "x=1,\"y\":2", "no JSON"),
        ("/api/chat", chat, "x=high", "no JSON"),
        ("/api/chat", chat, "x=", "no JSON"),
        ("/api/chat", chat, "think.depth=1", "no object"),
        ("/api/chat", chat, "tools.x=1", "no object"),
        ("/api/chat", chat, "tools=1", "tools must be an array"),
        ("/api/chat", chat, "keep_alive=\"5\"", "this is no time"),
        ("/api/chat", chat, "Keep_Alive=5", "could be read as"),
        ("/api/chat", chat, "!think", "not allowed for you"),
    ] {
        let refused = changed(path, body, &[rule]).unwrap_err();
        assert!(refused.contains(reason), "{rule:?}: {refused}");
    }
    let both = ["options.x=1", "!options"];
    assert!(changed("/api/chat", chat, &both).unwrap_err().contains("forbids"));
    let both = ["think=1", "!think.x"];
    assert!(changed("/api/chat", r#"{"model":"m","think":true}"#, &both).is_ok());
    assert!(
        changed("/api/chat", r#"{"model":"m","future":{"x":1}}"#, &["future=1", "!future.x"])
            .is_err()
    );
    let both = ["options=1", "options.x=1"];
    assert!(changed("/api/chat", chat, &both).unwrap_err().contains("inside of it"));
}

#[test]
fn a_field_is_forbidden_by_its_path() {
    for (path, body, rule, refused) in [
        ("/api/chat", r#"{"model":"m","options":{"num_gpu":1}}"#, "!options.num_gpu", true),
        ("/api/chat", r#"{"model":"m","options":{"num_gpu":1}}"#, "!Options.num_gpu", true),
        ("/api/chat", r#"{"model":"m","options":{"num_gpu":null}}"#, "!options.num_gpu", true),
        ("/api/chat", r#"{"model":"m","options":{"NUM_GPU":1}}"#, "!options.num_gpu", false),
        ("/api/chat", r#"{"model":"m","future":{"A":{"b":1}}}"#, "!future.a.B", true),
        ("/v1/chat/completions", r#"{"model":"m","max_completion_tokens":5}"#, "!max_tokens", true),
    ] {
        let obligations = obliging(&[rule]);
        assert_eq!(written_with(path, body, &obligations).is_err(), refused, "{rule:?} {body}");
        assert_eq!(changed(path, body, &[rule]).is_err(), refused, "{body}");
    }
}

/// A change that was not made before the request was judged is one that nobody was asked about.
#[test]
fn fields_are_never_changed_on_the_way_out() {
    for rule in ["-think", "options.num_gpu=0"] {
        let obligations = obliging(&[rule]);
        let body = r#"{"model":"m","think":true}"#;
        let refusal = written_with("/api/chat", body, &obligations).unwrap_err();
        assert_eq!(refusal.status, StatusCode::FORBIDDEN);
        assert!(refusal.message.contains("nobody was asked"), "{}", refusal.message);
    }
}
