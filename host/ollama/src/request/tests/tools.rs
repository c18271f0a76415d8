//! Tools that are left out of those that a request offers.

use super::changed::{changed, obliging, rules};
use super::*;

const CHAT: &str = "/api/chat";
const COMPLETIONS: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";
const MESSAGES: &str = "/v1/messages";

/// Path, tools, rules, tools as forwarded; nothing where the field is left out.
const GOLDEN: &[(&str, &str, &[&str], &str)] = &[
    (
        RESPONSES,
        r#"[{"type":"function","name":"shell"}, {"type":"web_search","external_web_access":false}]"#,
        &["~"],
        r#"[{"type":"function","name":"shell"}]"#,
    ),
    (RESPONSES, r#"[{"type":"web_search"}]"#, &["~"], ""),
    (RESPONSES, r#"[{"type":"web_search_preview"},{"type":"x"}]"#, &["~"], r#"[{"type":"x"}]"#),
    (
        MESSAGES,
        r#"[{"name":"Bash","input_schema":{}},{"type":"web_search_20250305","name":"other"}]"#,
        &["~"],
        r#"[{"name":"Bash","input_schema":{}}]"#,
    ),
    // What the caller runs itself is no search of Ollama's.
    (
        CHAT,
        r#"[{"type":"function","function":{"name":"web_search"}},{"type":"web_search"}]"#,
        &["~"],
        r#"[{"type":"function","function":{"name":"web_search"}}]"#,
    ),
    (
        CHAT,
        r#"[{"type":"function","function":{"name":"web_search"}},{"function":{"name":"f"}}]"#,
        &["~web_search"],
        r#"[{"function":{"name":"f"}}]"#,
    ),
    (COMPLETIONS, r#"[{"function":{"name":"\u0066"}},3,null]"#, &["~f"], "[3,null]"),
    (COMPLETIONS, r#"[{"type":"web\u005fsearch"}]"#, &["~"], ""),
    (RESPONSES, r#"[{"type":"web_search"},{"type":"a"},{"name":"b"}]"#, &["~a", "~b", "~"], ""),
    // Tools in tools, and lists that Ollama would not read.
    (
        RESPONSES,
        r#"[{"type":"namespace","name":"n","tools":[{"type":"web_search"},{"name":"g"}],"x":1}]"#,
        &["~"],
        r#"[{"type":"namespace","name":"n","tools":[{"name":"g"}],"x":1}]"#,
    ),
    (
        RESPONSES,
        r#"[{"name":"n","tools":[{"type":"web_search"}]},{"name":"g"}]"#,
        &["~"],
        r#"[{"name":"g"}]"#,
    ),
    (RESPONSES, r#"[[{"type":"web_search"}],[{"name":"g"}]]"#, &["~"], r#"[[{"name":"g"}]]"#),
    // With other rules.
    (RESPONSES, r#"[{"name":"g"},{"type":"web_search"}]"#, &["~", "-tools"], ""),
];

fn with_tools(tools: &str) -> String {
    let field = if tools.is_empty() { String::new() } else { format!(r#","tools":{tools}"#) };
    format!(r#"{{"model":"m:x"{field},"x":1}}"#)
}

#[test]
fn tools_are_left_out_by_kind_and_by_name() {
    for (path, sent, wanted, forwarded) in GOLDEN {
        let (mut request, another) = changed(path, &with_tools(sent), wanted).unwrap();
        assert!(another, "{path} {sent} {wanted:?}");
        let expected = with_tools(forwarded);
        assert_eq!(request.body_text().as_deref(), Some(&*expected), "{path} {sent} {wanted:?}");
        assert!(!wanted.contains(&"~") || !request.parameters().web_search, "{path} {sent}");
        assert_eq!(request.parameters(), understood(path, &expected).parameters(), "{path} {sent}");
        assert_eq!(request.change(None, &rules(wanted)), Ok(false), "{path} {sent}: twice");
        let upstream = request.write(&obliging(wanted), &WriteOptions::default()).unwrap();
        assert_eq!(json(upstream.body), expected, "{path} {sent} {wanted:?}");
    }
}

#[test]
fn a_request_without_them_stays_as_it_is() {
    for (path, tools) in [
        (RESPONSES, ""),
        (RESPONSES, "null"),
        (RESPONSES, "[]"),
        (RESPONSES, r#"[{"type":"function","name":"g","tools":[]}]"#),
        (CHAT, r#"[{"type":"function","name":"f","function":{"name":"g"}}]"#),
        // It has no tools, whatever is called so.
        ("/api/generate", r#"[{"type":"web_search","name":"f"}]"#),
    ] {
        let (request, another) = changed(path, &with_tools(tools), &["~", "~f"]).unwrap();
        assert!(!another, "{path} {tools}");
        assert!(request.write(&obliging(&["~", "~f"]), &WriteOptions::default()).is_ok());
    }
}

#[test]
fn tools_are_not_left_out_unjudged() {
    let body = with_tools(r#"[{"type":"web_search"}]"#);
    let refusal = written_with(RESPONSES, &body, &obliging(&["~"])).unwrap_err();
    assert!(refusal.message.contains("nobody was asked"), "{}", refusal.message);
}

#[test]
fn a_forbidden_list_of_tools_is_refused_whatever_is_left_of_it() {
    let body = with_tools(r#"[{"type":"web_search"}]"#);
    assert!(changed(RESPONSES, &body, &["~", "!tools"]).unwrap_err().contains("tools"));
}
