//! Requests that policies change, and what they are then.

use super::*;

fn strip(path: &str) -> FieldRule {
    FieldRule::Strip(FieldPath::new(path).unwrap())
}

fn forbid(path: &str) -> FieldRule {
    FieldRule::Forbid(FieldPath::new(path).unwrap())
}

fn insert(path: &str, json: &str) -> FieldRule {
    FieldRule::Insert(FieldPath::new(path).unwrap(), json.to_owned())
}

/// The request after the change, and whether it is another one.
fn changed(
    path: &str,
    body: &str,
    rules: &[FieldRule],
) -> Result<(CanonicalRequest, bool), String> {
    let mut request = understood(path, body);
    let another = request.change(None, rules)?;
    Ok((request, another))
}

/// Path, fields besides the model, rules, fields as forwarded.
fn golden() -> Vec<(&'static str, &'static str, Vec<FieldRule>, &'static str)> {
    vec![
        ("/api/chat", r#","think":true,"x":1"#, vec![strip("think")], r#","x":1"#),
        ("/api/chat", r#","Future":1,"x":1"#, vec![strip("future")], r#","x":1"#),
        ("/api/chat", r#","future":null"#, vec![strip("future")], ""),
        (
            "/api/chat",
            r#","options":{"a": 1,"num_gpu":9,"b":[2]}"#,
            vec![strip("options.num_gpu")],
            r#","options":{"a":1,"b":[2]}"#,
        ),
        (
            "/api/chat",
            r#","options":{"a":1,"num\u005fgpu":9}"#,
            vec![strip("options.num_gpu")],
            r#","options":{"a":1}"#,
        ),
        (
            "/api/chat",
            r#","options":{"num_gpu":9}"#,
            vec![strip("options.num_gpu")],
            r#","options":{}"#,
        ),
        (
            "/api/chat",
            r#","options":{"num_gpu":9},"tools":[{}]"#,
            vec![strip("options"), strip("tools")],
            "",
        ),
        ("/api/chat", "", vec![insert("think", "false")], r#","think":false"#),
        ("/api/chat", r#","think":null"#, vec![insert("think", " \"low\" ")], r#","think":"low""#),
        ("/api/chat", r#","future":null"#, vec![insert("future", "1")], r#","future":1"#),
        (
            "/api/chat",
            r#","options":{"seed":1}"#,
            vec![insert("options.num_gpu", "0")],
            r#","options":{"seed":1,"num_gpu":0}"#,
        ),
        (
            "/api/chat",
            r#","options":null"#,
            vec![insert("options.num_gpu", "0")],
            r#","options":{"num_gpu":0}"#,
        ),
        (
            "/api/chat",
            "",
            vec![insert("options.num_gpu", "0"), insert("options.a.b", "1")],
            r#","options":{"a":{"b":1},"num_gpu":0}"#,
        ),
        ("/api/chat", "", vec![insert("options.\"", "0")], r#","options":{"\"":0}"#),
        // Of both, the value is written whatever the caller says.
        (
            "/api/chat",
            r#","think":"high","x":1"#,
            vec![insert("think", "false"), strip("think")],
            r#","think":false,"x":1"#,
        ),
        (
            "/api/chat",
            r#","options":{"num_gpu":9,"a":1}"#,
            vec![strip("options"), insert("options.num_gpu", "0")],
            r#","options":{"num_gpu":0}"#,
        ),
        // Objects that Ollama reads into structs are compared as Go does, maps are not.
        (
            "/v1/messages",
            r#","thinking":{"type":"enabled","budget_tokens":5}"#,
            vec![strip("Thinking.Budget_Tokens")],
            r#","thinking":{"type":"enabled"}"#,
        ),
        (
            "/v1/chat/completions",
            r#","reasoning":{"effort":"high"}"#,
            vec![strip("reasoning.effort"), insert("reasoning.effort", "\"low\"")],
            r#","reasoning":{"effort":"low"}"#,
        ),
        (
            "/api/chat",
            r#","format":{"type":"object","Type":1}"#,
            vec![strip("format.Type")],
            r#","format":{"type":"object"}"#,
        ),
        // What is forwarded as the output is the output.
        ("/v1/chat/completions", r#","max_completion_tokens":5"#, vec![strip("max_tokens")], ""),
        (
            "/v1/chat/completions",
            r#","max_completion_tokens":5,"max_tokens":6"#,
            vec![strip("max_completion_tokens")],
            r#","max_tokens":6"#,
        ),
        (
            "/v1/chat/completions",
            r#","max_completion_tokens":5"#,
            vec![strip("max_tokens"), insert("max_tokens", "9")],
            r#","max_tokens":9"#,
        ),
        (
            "/api/create",
            r#","remote_host":"https://x","from":"b:x""#,
            vec![strip("remote_host")],
            r#","from":"b:x""#,
        ),
        (
            "/api/experimental/web_search",
            r#","max_results":3"#,
            vec![strip("max_results"), insert("max_results", "1")],
            r#","max_results":1"#,
        ),
    ]
}

fn with_model(path: &str, fields: &str) -> String {
    let models = match path {
        "/api/experimental/web_search" => r#""query":"x""#,
        "/api/create" if fields.contains("from") => {
            return format!(
                r#"{{"model":"m:x","from":"b:x"{}}}"#,
                fields.replace(r#","from":"b:x""#, "")
            );
        }
        _ => r#""model":"m:x""#,
    };
    format!("{{{models}{fields}}}")
}

#[test]
fn fields_are_changed_by_their_path() {
    for (path, sent, rules, forwarded) in golden() {
        let (mut request, another) = changed(path, &with_model(path, sent), &rules).unwrap();
        assert!(another, "{path} {sent} {rules:?}");
        let obligations = Obligations { fields: rules.clone(), ..Obligations::default() };
        let expected = with_model(path, forwarded);
        assert_eq!(request.body_text().as_deref(), Some(&*expected), "{rules:?}");
        assert_eq!(request.change(None, &rules), Ok(false), "{path} {sent}: changed twice");
        assert_eq!(request.parameters(), understood(path, &expected).parameters(), "{rules:?}");
        let upstream = request.write(&obligations, &WriteOptions::default()).unwrap();
        assert_eq!(json(upstream.body), expected, "{path} {sent} {rules:?}");
    }
}

#[test]
fn what_is_as_wanted_is_not_changed() {
    for (path, body, rules) in [
        (
            "/api/chat",
            r#"{"model":"m:x"}"#,
            vec![strip("think"), strip("options.num_gpu"), forbid("x")],
        ),
        ("/api/chat", r#"{"model":"m:x","think":true}"#, vec![insert("think", "false")]),
        ("/api/chat", r#"{"model":"m:x","think":null}"#, vec![strip("think")]),
        ("/api/chat", r#"{"model":"m:x"}"#, vec![insert("think", "null")]),
        ("/api/chat", r#"{"model":"m:x","Future":1}"#, vec![insert("future", "2")]),
        ("/api/chat", r#"{"model":"m:x","options":{"Num_gpu":1}}"#, vec![strip("options.num_gpu")]),
        ("/api/chat", r#"{"model":"m:x","think":true}"#, vec![strip("think.depth")]),
        (
            "/v1/chat/completions",
            r#"{"model":"m:x","max_completion_tokens":5}"#,
            vec![insert("max_tokens", "9")],
        ),
        // Lists have no paths inside.
        (
            "/api/chat",
            r#"{"model":"m:x","tools":[{"type":"function"}]}"#,
            vec![strip("tools.type"), forbid("tools.type")],
        ),
        (
            "/v1/chat/completions",
            r#"{"model":"m:x","messages":{"content":"x"}}"#,
            vec![strip("messages.content"), forbid("messages.content")],
        ),
        ("/api/copy", r#"{"source":"a","destination":"b"}"#, vec![strip("think")]),
    ] {
        let as_it_was = understood(path, body).body_text();
        let (request, another) = changed(path, body, &rules).unwrap();
        assert!(!another, "{path} {body} {rules:?}");
        assert_eq!(request.body_text(), as_it_was);
        let obligations = Obligations { fields: rules, ..Obligations::default() };
        assert!(request.write(&obligations, &WriteOptions::default()).is_ok());
    }
}

#[test]
fn a_request_that_is_changed_is_what_is_left_of_it() {
    use Operation::{Chat, Generate, Load, Unload};
    for (path, fields, rules, before, after) in [
        (
            "/api/generate",
            r#","prompt":"x","keep_alive":0"#,
            vec![strip("prompt")],
            Generate,
            Unload,
        ),
        (
            "/api/generate",
            r#","prompt":"x","keep_alive":0"#,
            vec![strip("prompt"), strip("keep_alive")],
            Generate,
            Load,
        ),
        ("/api/chat", r#","messages":[{}]"#, vec![strip("messages")], Chat, Load),
        ("/api/chat", r#","keep_alive":-1"#, vec![strip("keep_alive")], Operation::Pin, Load),
        ("/api/generate", "", vec![insert("prompt", "\"x\"")], Load, Generate),
        ("/api/chat", "", vec![insert("keep_alive", "\"0s\"")], Load, Unload),
    ] {
        let body = with_model(path, fields);
        assert_eq!(understood(path, &body).operation(), before);
        let (request, _) = changed(path, &body, &rules).unwrap();
        assert_eq!(request.operation(), after, "{path} {fields} {rules:?}");
    }
    let body = r#"{"model":"m","stream":false,"think":true,"keep_alive":"1h","tools":[{}],"images":[""],"options":{"num_ctx":5,"num_gpu":1}}"#;
    let rules = ["stream", "think", "keep_alive", "tools", "options.num_ctx", "images"].map(strip);
    let (request, _) = changed("/api/chat", body, &rules).unwrap();
    let left = request.parameters();
    assert!(left.streaming && left.think.is_none() && left.keep_alive.is_none());
    assert_eq!((left.tools, left.images, left.context), (0, 0, None));
    assert_eq!(left.runner_options, ["num_gpu"]);
}

#[test]
fn what_was_left_out_or_replaced_before_stays_so() {
    let mut request = understood("/api/pull", r#"{"model":"big","insecure":true,"x":1}"#);
    request.leave_out_insecure();
    let small = ModelName::parse("Small").unwrap();
    assert_eq!(request.change(Some(&small), &[]), Ok(true));
    assert_eq!(request.change(Some(&small), &[strip("x")]), Ok(true));
    assert_eq!(request.change(Some(&small), &[strip("x")]), Ok(false));
    assert!(!request.parameters().insecure);
    assert_eq!(names(&request), [("small:latest", ModelRole::Target)]);
    let upstream = request.write(&Obligations::default(), &WriteOptions::default()).unwrap();
    assert_eq!(json(upstream.body), r#"{"model":"Small:latest"}"#);
}

#[test]
fn some_changes_are_never_made() {
    let chat = r#"{"model":"m","think":true}"#;
    let create = r#"{"model":"m","from":"b"}"#;
    for (path, body, rule, reason) in [
        ("/api/chat", chat, strip("model"), "names a model"),
        ("/api/chat", chat, strip("MODEL"), "names a model"),
        ("/api/chat", chat, strip("name"), "names a model"),
        ("/api/chat", chat, insert("model.x", "1"), "names a model"),
        ("/api/create", create, strip("from"), "names a model"),
        ("/api/copy", r#"{"source":"a","destination":"b"}"#, strip("destination"), "names a model"),
        ("/api/chat", chat, insert("stream", "true"), "no policy may write"),
        ("/api/create", create, insert("files.a", "\"x\""), "no policy may write"),
        ("/api/chat", chat, insert("x", "{}"), "no JSON"),
        ("/api/chat", chat, insert("x", "[1]"), "no JSON"),
        ("/api/chat", chat, insert("x", "1,\"y\":2"), "no JSON"),
        ("/api/chat", chat, insert("x", "high"), "no JSON"),
        ("/api/chat", chat, insert("x", ""), "no JSON"),
        ("/api/chat", chat, insert("think.depth", "1"), "no object"),
        ("/api/chat", chat, insert("tools.x", "1"), "no object"),
        ("/api/chat", chat, insert("tools", "1"), "tools must be an array"),
        ("/api/chat", chat, insert("keep_alive", "\"5\""), "this is no time"),
        ("/api/chat", chat, insert("Keep_Alive", "5"), "could be read as"),
        ("/api/chat", chat, forbid("think"), "not allowed for you"),
    ] {
        let refused = changed(path, body, std::slice::from_ref(&rule)).unwrap_err();
        assert!(refused.contains(reason), "{rule:?}: {refused}");
    }
    let both = [insert("options.x", "1"), forbid("options")];
    assert!(changed("/api/chat", chat, &both).unwrap_err().contains("forbids"));
    let both = [insert("options", "1"), insert("options.x", "1")];
    assert!(changed("/api/chat", chat, &both).unwrap_err().contains("inside of it"));
}

#[test]
fn a_field_is_forbidden_by_its_path() {
    for (path, body, rule, refused) in [
        ("/api/chat", r#"{"model":"m","options":{"num_gpu":1}}"#, forbid("options.num_gpu"), true),
        ("/api/chat", r#"{"model":"m","options":{"num_gpu":1}}"#, forbid("Options.num_gpu"), true),
        (
            "/api/chat",
            r#"{"model":"m","options":{"num_gpu":null}}"#,
            forbid("options.num_gpu"),
            true,
        ),
        ("/api/chat", r#"{"model":"m","options":{"NUM_GPU":1}}"#, forbid("options.num_gpu"), false),
        ("/api/chat", r#"{"model":"m","future":{"A":{"b":1}}}"#, forbid("future.a.B"), true),
        (
            "/v1/chat/completions",
            r#"{"model":"m","max_completion_tokens":5}"#,
            forbid("max_tokens"),
            true,
        ),
    ] {
        let obligations = Obligations { fields: vec![rule.clone()], ..Obligations::default() };
        assert_eq!(written_with(path, body, &obligations).is_err(), refused, "{rule:?} {body}");
        assert_eq!(changed(path, body, &[rule]).is_err(), refused, "{body}");
    }
}

/// A change that was not made before the request was judged is one that nobody was asked about.
#[test]
fn fields_are_never_changed_on_the_way_out() {
    for rule in [strip("think"), insert("options.num_gpu", "0")] {
        let obligations = Obligations { fields: vec![rule], ..Obligations::default() };
        let body = r#"{"model":"m","think":true}"#;
        let refusal = written_with("/api/chat", body, &obligations).unwrap_err();
        assert_eq!(refusal.status, StatusCode::FORBIDDEN);
        assert!(refusal.message.contains("nobody was asked"), "{}", refusal.message);
    }
}

#[test]
fn rules_change_nothing_where_there_is_no_body() {
    let (route, body) = (route("/api/tags"), bytes::Bytes::new());
    let mut request =
        CanonicalRequest::read(route, PathValue::None, body, &ReadLimits::default()).unwrap();
    let rules = [strip("think"), insert("think", "true"), forbid("think")];
    assert_eq!(request.change(None, &rules), Ok(false));
    let obligations = Obligations { fields: rules.to_vec(), ..Obligations::default() };
    assert!(request.write(&obligations, &WriteOptions::default()).is_ok());
}
