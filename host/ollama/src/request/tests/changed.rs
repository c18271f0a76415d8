//! Requests that policies change, and what they are then.

use super::*;

/// Rules as these tests write them: `-` before what is stripped, `!` before what is forbidden, `=`
/// before the value of what is inserted, `~` before the name of a tool, and `~` alone for those that
/// search the web.
pub(super) fn rules(written: &[&str]) -> Vec<FieldRule> {
    let path = |text: &str| FieldPath::new(text).unwrap();
    let rule = |text: &&str| {
        let mut rest = text.chars();
        match (rest.next(), rest.as_str()) {
            (Some('-'), name) => FieldRule::Strip(path(name)),
            (Some('!'), name) => FieldRule::Forbid(path(name)),
            (Some('~'), "") => FieldRule::StripTools(ToolSelector::WebSearch),
            (Some('~'), name) => FieldRule::StripTools(ToolSelector::Named(name.into())),
            _ => {
                let (name, json) = text.split_once('=').unwrap();
                FieldRule::Insert(path(name), json.to_owned())
            }
        }
    };
    written.iter().map(rule).collect()
}

pub(super) fn obliging(written: &[&str]) -> Obligations {
    Obligations { fields: rules(written), ..Obligations::default() }
}

/// The request after the change, and whether it is another one.
pub(super) fn changed(
    path: &str,
    body: &str,
    written: &[&str],
) -> Result<(CanonicalRequest, bool), String> {
    let mut request = understood(path, body);
    let another = request.change(None, &rules(written))?;
    Ok((request, another))
}

/// Path, fields besides the model, rules, fields as forwarded.
const GOLDEN: &[(&str, &str, &[&str], &str)] = &[
    ("/api/chat", r#","think":true,"x":1"#, &["-think"], r#","x":1"#),
    ("/api/chat", r#","Future":1,"x":1"#, &["-future"], r#","x":1"#),
    ("/api/chat", r#","future":null"#, &["-future"], ""),
    (
        "/api/chat",
        r#","options":{"a": 1,"num_gpu":9,"b":[2]}"#,
        &["-options.num_gpu"],
        r#","options":{"a":1,"b":[2]}"#,
    ),
    (
        "/api/chat",
        r#","options":{"a":1,"num\u005fgpu":9}"#,
        &["-options.num_gpu"],
        r#","options":{"a":1}"#,
    ),
    ("/api/chat", r#","options":{"num_gpu":9}"#, &["-options.num_gpu"], r#","options":{}"#),
    ("/api/chat", r#","options":{"num_gpu":9},"tools":[{}]"#, &["-options", "-tools"], ""),
    ("/api/chat", "", &["think=false"], r#","think":false"#),
    ("/api/chat", r#","think":null"#, &["think= \"low\" "], r#","think":"low""#),
    ("/api/chat", r#","future":null"#, &["future=1"], r#","future":1"#),
    (
        "/api/chat",
        r#","options":{"seed":1}"#,
        &["options.num_gpu=0"],
        r#","options":{"seed":1,"num_gpu":0}"#,
    ),
    ("/api/chat", r#","options":null"#, &["options.num_gpu=0"], r#","options":{"num_gpu":0}"#),
    (
        "/api/chat",
        "",
        &["options.num_gpu=0", "options.a.b=1"],
        r#","options":{"a":{"b":1},"num_gpu":0}"#,
    ),
    ("/api/chat", "", &["options.\"=0"], r#","options":{"\"":0}"#),
    // Of both, the value is written whatever the caller says.
    (
        "/api/chat",
        r#","think":"high","x":1"#,
        &["think=false", "-think"],
        r#","think":false,"x":1"#,
    ),
    (
        "/api/chat",
        r#","options":{"num_gpu":9,"a":1}"#,
        &["-options", "options.num_gpu=0"],
        r#","options":{"num_gpu":0}"#,
    ),
    // Objects that Ollama reads into structs are compared as Go does, maps are not.
    (
        "/v1/messages",
        r#","thinking":{"type":"enabled","budget_tokens":5}"#,
        &["-Thinking.Budget_Tokens"],
        r#","thinking":{"type":"enabled"}"#,
    ),
    (
        "/v1/chat/completions",
        r#","reasoning":{"effort":"high"}"#,
        &["-reasoning.effort", "reasoning.effort=\"low\""],
        r#","reasoning":{"effort":"low"}"#,
    ),
    (
        "/api/chat",
        r#","format":{"type":"object","Type":1}"#,
        &["-format.Type"],
        r#","format":{"type":"object"}"#,
    ),
    // What is forwarded as the output is the output.
    ("/v1/chat/completions", r#","max_completion_tokens":5"#, &["-max_tokens"], ""),
    (
        "/v1/chat/completions",
        r#","max_completion_tokens":5,"max_tokens":6"#,
        &["-max_completion_tokens"],
        r#","max_tokens":6"#,
    ),
    (
        "/v1/chat/completions",
        r#","max_completion_tokens":5"#,
        &["-max_tokens", "max_tokens=9"],
        r#","max_tokens":9"#,
    ),
    (
        "/api/create",
        r#","remote_host":"https://x","from":"b:x""#,
        &["-remote_host"],
        r#","from":"b:x""#,
    ),
    (
        "/api/experimental/web_search",
        r#","max_results":3"#,
        &["-max_results", "max_results=1"],
        r#","max_results":1"#,
    ),
];

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
    for (path, sent, wanted, forwarded) in GOLDEN {
        let (mut request, another) = changed(path, &with_model(path, sent), wanted).unwrap();
        assert!(another, "{path} {sent} {wanted:?}");
        let obligations = obliging(wanted);
        let expected = with_model(path, forwarded);
        assert_eq!(request.body_text().as_deref(), Some(&*expected), "{wanted:?}");
        assert_eq!(request.change(None, &rules(wanted)), Ok(false), "{path} {sent}: changed twice");
        assert_eq!(request.parameters(), understood(path, &expected).parameters(), "{wanted:?}");
        let upstream = request.write(&obligations, &WriteOptions::default()).unwrap();
        assert_eq!(json(upstream.body), expected, "{path} {sent} {wanted:?}");
    }
}

/// Path, body, rules.
const UNCHANGED: &[(&str, &str, &[&str])] = &[
    ("/api/chat", r#"{"model":"m:x"}"#, &["-think", "-options.num_gpu", "!x"]),
    ("/api/chat", r#"{"model":"m:x","think":true}"#, &["think=false"]),
    ("/api/chat", r#"{"model":"m:x","think":null}"#, &["-think"]),
    ("/api/chat", r#"{"model":"m:x"}"#, &["think=null"]),
    ("/api/chat", r#"{"model":"m:x","Future":1}"#, &["future=2"]),
    ("/api/chat", r#"{"model":"m:x","options":{"Num_gpu":1}}"#, &["-options.num_gpu"]),
    ("/api/chat", r#"{"model":"m:x","think":true}"#, &["-think.depth"]),
    ("/v1/chat/completions", r#"{"model":"m:x","max_completion_tokens":5}"#, &["max_tokens=9"]),
    // Lists have no paths inside.
    (
        "/api/chat",
        r#"{"model":"m:x","tools":[{"type":"function"}]}"#,
        &["-tools.type", "!tools.type"],
    ),
    (
        "/v1/chat/completions",
        r#"{"model":"m:x","messages":{"content":"x"}}"#,
        &["-messages.content", "!messages.content"],
    ),
    ("/api/copy", r#"{"source":"a","destination":"b"}"#, &["-think"]),
];

#[test]
fn what_is_as_wanted_is_not_changed() {
    for (path, body, wanted) in UNCHANGED {
        let as_it_was = understood(path, body).body_text();
        let (request, another) = changed(path, body, wanted).unwrap();
        assert!(!another, "{path} {body} {wanted:?}");
        assert_eq!(request.body_text(), as_it_was);
        let obligations = obliging(wanted);
        assert!(request.write(&obligations, &WriteOptions::default()).is_ok());
    }
}

#[test]
fn a_request_that_is_changed_is_what_is_left_of_it() {
    use Operation::{Chat, Generate, Load, Pin, Unload};
    let cases: &[(&str, &str, &[&str], Operation, Operation)] = &[
        ("/api/generate", r#","prompt":"x","keep_alive":0"#, &["-prompt"], Generate, Unload),
        (
            "/api/generate",
            r#","prompt":"x","keep_alive":0"#,
            &["-prompt", "-keep_alive"],
            Generate,
            Load,
        ),
        ("/api/chat", r#","messages":[{}]"#, &["-messages"], Chat, Load),
        ("/api/chat", r#","keep_alive":-1"#, &["-keep_alive"], Pin, Load),
        ("/api/generate", "", &["prompt=\"x\""], Load, Generate),
        ("/api/chat", "", &["keep_alive=\"0s\""], Load, Unload),
    ];
    for (path, fields, wanted, before, after) in cases {
        let body = with_model(path, fields);
        assert_eq!(understood(path, &body).operation(), *before);
        let (request, _) = changed(path, &body, wanted).unwrap();
        assert_eq!(request.operation(), *after, "{path} {fields} {wanted:?}");
    }
    let body = r#"{"model":"m","stream":false,"think":true,"keep_alive":"1h","tools":[{}],"images":[""],"options":{"num_ctx":5,"num_gpu":1}}"#;
    let wanted = ["-stream", "-think", "-keep_alive", "-tools", "-options.num_ctx", "-images"];
    let (request, _) = changed("/api/chat", body, &wanted).unwrap();
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
    assert_eq!(request.change(Some(&small), &rules(&["-x"])), Ok(true));
    assert_eq!(request.change(Some(&small), &rules(&["-x"])), Ok(false));
    assert!(!request.parameters().insecure);
    assert_eq!(names(&request), [("small:latest", ModelRole::Target)]);
    let upstream = request.write(&Obligations::default(), &WriteOptions::default()).unwrap();
    assert_eq!(json(upstream.body), r#"{"model":"Small:latest"}"#);
}

#[test]
fn rules_change_nothing_where_there_is_no_body() {
    let (route, body) = (route("/api/tags"), bytes::Bytes::new());
    let mut request =
        CanonicalRequest::read(route, PathValue::None, body, &ReadLimits::default()).unwrap();
    let wanted = ["-think", "think=true", "!think"];
    assert_eq!(request.change(None, &rules(&wanted)), Ok(false));
    let obligations = obliging(&wanted);
    assert!(request.write(&obligations, &WriteOptions::default()).is_ok());
}
