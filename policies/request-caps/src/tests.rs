use super::RequestCaps;
use stockade_policy_sdk::prelude::*;

const LOWERING: &str = r#"{ "models": ["llama3.2:*"], "context": 8192, "output": 1024,
    "keep_alive": 300, "forbid_fields": ["raw"], "strip_fields": ["options.num_gpu"], "images": 2 }"#;
const REFUSING: &str =
    r#"{ "context": 8192, "output": 1024, "keep_alive": 300, "tools": 0, "above": "refuse" }"#;

fn ask(settings: &str, model: &str, sent: impl FnOnce(&mut Parameters)) -> Verdict {
    let policy = Harness::<RequestCaps>::new(settings).unwrap();
    policy.evaluate(&Request::builder().model(model).parameters(sent).build())
}

fn within(sent: &mut Parameters) {
    sent.output = Some(1024);
}

#[test]
fn caps_hold_without_permitting_anything() {
    let capped = Obligations::new()
        .cap_or_insert(LimitedParameter::Context, 8192)
        .cap_or_insert(LimitedParameter::Output, 1024)
        .cap_or_insert(LimitedParameter::KeepAlive, 300)
        .strip_field("options.num_gpu")
        .forbid_field("raw");
    assert_eq!(ask(LOWERING, "llama3.2:3b", |_| ()), Verdict::restrict(capped));
    assert_eq!(ask(LOWERING, "llama3.3:70b", |_| ()), Verdict::abstain(), "another model");
    assert!(matches!(ask(r#"{ "output": 7 }"#, "any", |_| ()), Verdict::Restrict(_)));
}

#[test]
fn tools_are_stripped_by_name() {
    let stripped = Obligations::new().strip_tools("shell").strip_tools("web_search");
    let settings = r#"{ "strip_tools": ["shell", "web_search"] }"#;
    assert_eq!(ask(settings, "any", |_| ()), Verdict::restrict(stripped));
}

#[test]
fn what_cannot_be_lowered_is_refused() {
    let reason = "3 images are too many; at most 2 are allowed";
    assert_eq!(ask(LOWERING, "llama3.2:3b", |sent| sent.images = 3), Verdict::deny(reason));
    assert!(matches!(ask(LOWERING, "llama3.2:3b", |sent| sent.images = 2), Verdict::Restrict(_)));
    assert_eq!(ask(r#"{ "images": 2 }"#, "any", |sent| sent.images = 2), Verdict::abstain());
}

#[test]
fn it_can_refuse_instead_of_lowering() {
    assert_eq!(ask(REFUSING, "any", within), Verdict::abstain());
    let refused = |sent: fn(&mut Parameters)| match ask(REFUSING, "any", sent) {
        Verdict::Deny(denial) => denial.reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        refused(|sent| sent.output = Some(1025)),
        "output is limited to 1024; the request asks for 1025"
    );
    assert!(refused(|sent| sent.output = Some(-1)).contains("asks for -1"), "without end");
    assert!(refused(|_| ()).starts_with("say how many tokens"), "no number is without end");
    assert!(refused(|sent| sent.context = Some(8193)).starts_with("context is limited"));
    assert!(refused(|sent| sent.context = Some(0)).starts_with("context is limited"));
    assert!(
        refused(|sent| {
            within(sent);
            sent.keep_alive = Some(-1);
        })
        .starts_with("keep_alive is limited")
    );
    assert!(refused(|sent| sent.tools = 1).contains("at most 0"));
}

#[test]
fn unloading_at_once_is_not_too_long() {
    let sent = |sent: &mut Parameters| {
        within(sent);
        sent.keep_alive = Some(0);
    };
    assert_eq!(ask(REFUSING, "any", sent), Verdict::abstain());
}

#[test]
fn it_says_nothing_about_what_runs_no_model() {
    for settings in [LOWERING, REFUSING] {
        let policy = Harness::<RequestCaps>::new(settings).unwrap();
        for operation in ["show", "list", "pull", "unload", "pin", "web-search", "dream"] {
            let request = Request::builder().operation(operation).model("llama3.2:3b").build();
            assert_eq!(policy.evaluate(&request), Verdict::abstain(), "{operation}");
        }
    }
}

#[test]
fn settings_that_cap_nothing_are_errors() {
    for (settings, expected) in [
        ("{}", "caps nothing; write"),
        (r#"{ "models": ["*"] }"#, "caps nothing; write"),
        (r#"{ "output": 1, "models": [] }"#, "models: lists no model"),
        (r#"{ "output": 0 }"#, "output: must be at least 1"),
        (r#"{ "keep_alive": -1 }"#, "keep_alive: must be at least 1"),
        (r#"{ "images": 1, "above": "refuse" }"#, "above: has no effect"),
        (r#"{ "forbid_fields": [""] }"#, "forbid_fields[0]: \"\" is no field"),
        (r#"{ "strip_fields": ["options."] }"#, "strip_fields[0]: \"options.\" is no field"),
        (r#"{ "strip_tools": [""] }"#, "strip_tools[0]: is empty"),
        (r#"{ "outputs": 1 }"#, "outputs"),
    ] {
        let problem = Harness::<RequestCaps>::new(settings).unwrap_err().to_string();
        assert!(problem.contains(expected), "{settings}: {problem}");
    }
}
