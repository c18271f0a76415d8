//! The texts and tools of requests, in every API.

use super::*;

fn texts(path: &str, fields: &str) -> Vec<(String, String)> {
    let fields = if fields.is_empty() { String::new() } else { format!(",{fields}") };
    let content = understood(path, &format!(r#"{{"model":"m"{fields}}}"#)).content();
    content.texts.into_iter().map(|text| (text.role, text.text)).collect()
}

fn tools(path: &str, tools: &str) -> Vec<String> {
    understood(path, &format!(r#"{{"model":"m","tools":{tools}}}"#)).content().tools
}

/// A role and a text.
type Said = (&'static str, &'static str);

/// Path, fields besides the model, roles and texts.
const TEXTS: &[(&str, &str, &[Said])] = &[
    ("/api/chat", "", &[]),
    (
        "/api/generate",
        r#""prompt":"a\u00e9\n","system":"s","suffix":"z","template":"{{.}}","images":["eA=="],"raw":true"#,
        &[("prompt", "aé\n"), ("system", "s"), ("suffix", "z"), ("template", "{{.}}")],
    ),
    ("/api/generate", r#""prompt":"","system":"","suffix":null"#, &[]),
    (
        "/api/chat",
        r#""messages":[{"role":"SYSTEM","content":"s"},{"content":"u","role":"user","images":["eA=="]},{"role":"assistant","thinking":"t","content":"a","tool_calls":[{"function":{"name":"f","arguments":{"text":"no"}}}]},{"role":"tool","tool_name":"f","content":"r"},{"content":"?"},{"role":"critic","content":"c"}]"#,
        &[
            ("system", "s"),
            ("user", "u"),
            ("assistant", "t"),
            ("assistant", "a"),
            ("tool", "r"),
            ("user", "?"),
            ("critic", "c"),
        ],
    ),
    ("/api/chat", r#""messages":[{"role":1,"content":2},3,[],{"content":{"a":"b"}},null]"#, &[]),
    ("/api/embed", r#""input":"one""#, &[("input", "one")]),
    ("/api/embed", r#""input":["one",2,"","two"]"#, &[("input", "one"), ("input", "two")]),
    ("/api/embeddings", r#""prompt":"p""#, &[("prompt", "p")]),
    ("/v1/embeddings", r#""input":["one",[1,2],"two"]"#, &[("input", "one"), ("input", "two")]),
    ("/v1/embeddings", r#""input":[1,2]"#, &[]),
    (
        "/v1/completions",
        r#""prompt":"p","suffix":"z","system":"no""#,
        &[("prompt", "p"), ("suffix", "z")],
    ),
    (
        "/v1/chat/completions",
        r#""messages":[{"role":"developer","content":"d"},{"role":"user","content":[{"type":"text","text":"one"},{"type":"image_url","image_url":{"url":"data:,no"}},{"type":"text","text":"two"}]},{"role":"assistant","reasoning":"t","content":null}]"#,
        &[("system", "d"), ("user", "one"), ("user", "two"), ("assistant", "t")],
    ),
    ("/v1/responses", r#""instructions":"s","input":"u""#, &[("system", "s"), ("user", "u")]),
    (
        "/v1/responses",
        r#""input":[{"type":"message","role":"developer","content":[{"type":"input_text","text":"d"}]},{"role":"user","content":"u"},{"type":"reasoning","summary":[{"type":"summary_text","text":"t"}],"encrypted_content":"e"},{"type":"function_call","name":"f","arguments":"{}"},{"type":"function_call_output","output":"r"},{"type":"function_call_output","output":[{"type":"input_text","text":"q"}]},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"a"}]}]"#,
        &[
            ("system", "d"),
            ("user", "u"),
            ("assistant", "t"),
            ("assistant", "e"),
            ("tool", "r"),
            ("tool", "q"),
            ("assistant", "a"),
        ],
    ),
    (
        "/v1/messages",
        r#""max_tokens":9,"system":"s","messages":[{"role":"user","content":"u"}]"#,
        &[("system", "s"), ("user", "u")],
    ),
    (
        "/v1/messages",
        r#""system":[{"type":"text","text":"one"},{"type":"text","text":"two"}],"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"t"},{"type":"tool_use","name":"f","input":{"text":"no"}}]},{"role":"User","content":[{"type":"tool_result","content":[{"type":"text","text":"r"},{"type":"image","source":{"data":"no"}}]},{"type":"tool_result","content":"q"},{"type":"text","text":"u"}]}]"#,
        &[
            ("system", "one"),
            ("system", "two"),
            ("assistant", "t"),
            ("tool", "r"),
            ("tool", "q"),
            ("user", "u"),
        ],
    ),
    (
        "/api/create",
        r#""from":"b","system":"s","template":"t","license":"no","messages":[{"role":"user","content":"u"}]"#,
        &[("system", "s"), ("template", "t"), ("user", "u")],
    ),
    ("/api/show", r#""system":"s""#, &[("system", "s")]),
    ("/api/pull", r#""username":"no","password":"no""#, &[]),
];

#[test]
fn texts_are_found_in_every_api() {
    for (path, fields, expected) in TEXTS {
        let found = texts(path, fields);
        let found: Vec<_> = found.iter().map(|(role, text)| (&**role, &**text)).collect();
        assert_eq!(found, *expected, "{path} {fields}");
    }
}

#[test]
fn what_goes_to_the_web_is_text() {
    for (path, name) in
        [("/api/experimental/web_search", "query"), ("/api/experimental/web_fetch", "url")]
    {
        let content = understood(path, &format!(r#"{{"{name}":"x"}}"#)).content();
        assert_eq!((&*content.texts[0].role, &*content.texts[0].text), (name, "x"));
    }
}

#[test]
fn tools_are_named_in_every_api() {
    let nested = r#"[{"type":"function","function":{"name":"b"}},{"function":{"name":"\u0061"}},{"name":"no","function":{}},{"function":{"name":1}},3]"#;
    for path in ["/api/chat", "/v1/chat/completions"] {
        assert_eq!(tools(path, nested), ["b", "a"], "{path}");
    }
    let own = r#"[{"type":"function","name":"f","function":{"name":"no"}},{"type":"web_search"},{"type":"namespace","name":"n","tools":[{"type":"function","name":"g"}]}]"#;
    assert_eq!(tools("/v1/responses", own), ["f", "web_search", "n", "g"]);
    let anthropic = r#"[{"name":"f","input_schema":{"name":"no"}},{"type":"web_search_20250305","name":"web_search"}]"#;
    assert_eq!(tools("/v1/messages", anthropic), ["f", "web_search"]);
    assert!(tools("/api/generate", r#"[{"function":{"name":"f"}}]"#).is_empty());
}

#[test]
fn content_is_that_of_the_request_as_it_will_be_forwarded() {
    let body = r#"{"model":"m","system":"s","prompt":"p"}"#;
    let mut request = understood("/api/generate", body);
    assert!(request.content().has_system_prompt());
    assert_eq!(request.content().bytes(), 2);
    let outline = stockade_core::Content { texts: Vec::new(), ..request.content() };
    assert_eq!(request.outline(), outline);
    let system = FieldPath::new("system").unwrap();
    let rules =
        [FieldRule::Strip(system.clone()), FieldRule::Insert(system, r#""fixed""#.to_owned())];
    assert_eq!(request.change(None, &rules), Ok(true));
    let texts = request.content().texts;
    assert_eq!(texts[0].text, "fixed");
    assert_eq!(texts[1].text, "p");
}
