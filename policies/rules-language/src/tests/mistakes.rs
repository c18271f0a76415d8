//! Mistakes, told with their place and with what to write instead.

use stockade_policy_sdk::Input;

use super::rules;
use crate::{Condition, RuleSet};

#[test]
fn conditions_are_refused_with_column_and_help() {
    for (condition, column, expected) in [
        ("", 1, "a fact is missing here"),
        ("operation = pull and", 21, "a fact is missing here"),
        ("operaton = pull", 1, "did you mean `operation`?"),
        ("bytes > 3", 1, "did you mean `model.bytes`?"),
        ("not group = ops", 5, "did you mean `groups contains …`?"),
        ("usage.week.tokens > 1", 1, "write it like `usage.day.tokens`"),
        ("attributes. = x", 1, "there is no fact `attributes.`"),
        ("operation = chatt", 13, "`operation` is never `chatt`; it is one of generate, chat,"),
        ("operation > chat", 11, "write `operation = generate` or"),
        ("groups = ops", 8, "write `groups contains \"…\"`"),
        ("texts in [a]", 7, "write `texts contains"),
        ("ops in user", 8, "`user` is no list; write `user = ops`"),
        ("model.bytes > 20 GX", 15, "`20GX` cannot be read: a size is"),
        ("model.bytes", 12, "write `model.bytes > 20 GB`"),
        ("parameters.context > 8k", 22, "a whole number is expected here"),
        ("parameters.keep_alive > soon", 25, "a duration is a number and a unit"),
        ("model.parameters > many", 20, "is written like 8B"),
        ("time.of_day > 8:00", 15, "a time of day is written like 08:30"),
        ("model.cloud = maybe", 15, "this is true or false"),
        ("model.name = llama*", 14, "write `like` before a pattern"),
        ("model.name like a//b", 17, "`a//b`: no model's"),
        ("client.address in 10.0.0.1/8", 19, "write the first address of the range"),
        ("user in []", 9, "the list is empty"),
        ("user = [a, b]", 8, "write `in` before a list"),
        ("user in [a b]", 12, "a `,` or `]` is missing"),
        ("user = and", 8, "put it in quotes"),
        ("user =", 7, "a value is missing"),
        ("texts contains ''", 16, "this text is empty"),
        ("(user = a", 10, "a `)` is missing"),
        ("user = a user = b", 10, "join conditions with `and` or `or`"),
        ("user = a && user = b", 10, "write `and` instead of `&`"),
        ("!model.cloud", 1, "write `not` instead of `!`"),
        ("user = \"a", 8, "has no \" at its end"),
        ("any user = a", 5, "`any` is for facts about models"),
        ("user not = a", 10, "behind `not` stands"),
        ("\"ops\" = user", 1, "stands where a fact is expected"),
        ("usr = ä or operaton = x", 1, "did you mean `user`?"),
        ("user = ä or operaton = x", 13, "did you mean `operation`?"),
    ] {
        let error = Condition::parse(condition).unwrap_err();
        assert_eq!(error.column(), column, "{condition}: {error}");
        assert!(error.to_string().contains(expected), "{condition}: {error}");
    }
    let deep = format!("{}user = a{}", "(".repeat(13), ")".repeat(13));
    assert!(Condition::parse(&deep).unwrap_err().to_string().contains("nested too deeply"));
    assert!(Condition::parse(&"not ".repeat(900)).is_err());
    assert!(Condition::parse(&"x".repeat(5000)).unwrap_err().to_string().contains("4096 bytes"));
}

#[test]
fn rules_that_could_never_do_what_is_meant_are_errors() {
    for (rules_, expected) in [
        ("[]", "rules: is empty"),
        (
            r#"[{ "then": "deny", "when": "x = 1" }]"#,
            "rules[0].when: at column 1: there is no fact",
        ),
        (r#"[{ "then": "deny" }, { "then": "deny" }]"#, "rules[0]: has no `when`"),
        (r#"[{ "then": "allow" }]"#, "rules[0].when: an allow has to say for what"),
        (r#"[{ "then": "allow", "when": "user = a" }]"#, "an allow has to say for what"),
        (r#"[{ "then": "allow", "when": "operation != pull" }]"#, "an allow has to say for what"),
        (r#"[{ "then": "allow", "when": "not access = web" }]"#, "an allow has to say for what"),
        (
            r#"[{ "then": "allow", "when": "access = read and user = a or user = b" }]"#,
            "on both sides of an `or`",
        ),
        (r#"[{ "then": "restrict", "when": "user = a" }]"#, "rules[0].then: restricts nothing"),
        (r#"[{ "then": "deny", "cap": { "output": 1 } }]"#, "rules[0].then: caps, fields"),
        (r#"[{ "then": "restrict", "cap": { "output": 0 } }]"#, "rules[0].cap.output: must be"),
        (r#"[{ "then": "abstain", "reason": "x" }]"#, "rules[0].reason: is only shown"),
        (r#"[{ "then": "restrict", "note": "x", "labels": { "a": "b" } }]"#, "rules[0].note: is"),
        (r#"[{ "then": "restrict", "strip_fields": [""] }]"#, "rules[0].strip_fields[0]: \"\""),
        (r#"[{ "then": "restrict", "strip_tools": [""] }]"#, "rules[0].strip_tools[0]: is empty"),
        (r#"[{ "then": "restrict", "replace_model": "a*" }]"#, "rules[0].replace_model: is one"),
        (r#"[{ "then": "restrict", "replace_model": "a b" }]"#, "rules[0].replace_model: a model"),
        (r#"[{ "then": "restrict", "host_group": "" }]"#, "rules[0].host_group: is empty"),
    ] {
        let problem = rules(&format!(r#"{{ "rules": {rules_} }}"#)).unwrap_err().to_string();
        assert!(problem.contains(expected), "{rules_}: {problem}");
    }
}

#[test]
fn all_of_them_are_told_at_once() {
    let both = r#"{ "rules": [{ "when": "x", "then": "deny", "reason": "no" },
                              { "when": "y", "then": "allow", "note": "z" }] }"#;
    let problem = rules(both).unwrap_err().to_string();
    for place in ["rules[0].when", "rules[1].when", "rules[1].note"] {
        assert!(problem.contains(place), "{problem}");
    }
}

#[test]
fn facts_that_are_withheld_are_named() {
    let settings = r#"{ "rules": [{ "when": "texts contains x and user = a", "then": "deny" }] }"#;
    let settings = serde_json::from_str(settings).unwrap();
    let problem = RuleSet::new(&settings, &[Input::Caller]).unwrap_err().to_string();
    assert!(problem.starts_with("rules[0].when: `texts` is told to `builtin/fresh-rules` only"));
    assert!(RuleSet::new(&settings, &[Input::Caller, Input::Texts]).is_ok());
}
