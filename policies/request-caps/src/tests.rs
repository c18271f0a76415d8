use super::RequestCaps;
use stockade_policy_sdk::prelude::*;

const LOWERING: &str = r#"{ "allow": ["llama3.2:*"], "context": 8192, "output": 1024,
    "keep_alive": 300, "forbid_fields": ["raw"], "images": 2 }"#;
const REFUSING: &str = r#"{ "context": 8192, "output": 1024, "keep_alive": 300, "tools": 0 }"#;

fn ask(settings: &str, model: &str, sent: impl FnOnce(&mut Parameters)) -> Verdict {
    let policy = Harness::<RequestCaps>::new(settings).unwrap();
    policy.evaluate(&Request::builder().model(model).parameters(sent).build())
}

fn within(sent: &mut Parameters) {
    sent.output = Some(1024);
}

#[test]
fn allowed_models_run_within_the_caps() {
    let capped = Obligations::new()
        .cap_or_insert(LimitedParameter::Context, 8192)
        .cap_or_insert(LimitedParameter::Output, 1024)
        .cap_or_insert(LimitedParameter::KeepAlive, 300)
        .forbid_field("raw");
    assert_eq!(ask(LOWERING, "llama3.2:3b", |_| ()), capped.into());
    assert_eq!(ask(LOWERING, "llama3.3:70b", |_| ()), Verdict::abstain());
}

#[test]
fn an_allow_never_covers_the_cloud_the_web_or_the_rendered_prompt() {
    assert_eq!(ask(LOWERING, "llama3.2:cloud", |_| ()), Verdict::abstain());
    assert_eq!(ask(LOWERING, "llama3.2:3b", |sent| sent.web_search = true), Verdict::abstain());
    assert_eq!(ask(LOWERING, "llama3.2:3b", |sent| sent.debug_render = true), Verdict::abstain());
}

#[test]
fn what_cannot_be_lowered_is_refused() {
    let reason = "3 images are too many; at most 2 are allowed";
    assert_eq!(ask(LOWERING, "llama3.2:3b", |sent| sent.images = 3), Verdict::deny(reason));
    assert!(matches!(ask(LOWERING, "llama3.2:3b", |sent| sent.images = 2), Verdict::Allow(_)));
}

#[test]
fn without_allow_it_only_refuses() {
    assert_eq!(ask(REFUSING, "any", within), Verdict::abstain());
    let refused = |sent: fn(&mut Parameters)| match ask(REFUSING, "any", sent) {
        Verdict::Deny(reason) => reason,
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
fn an_allow_needs_a_model() {
    let policy = Harness::<RequestCaps>::new(LOWERING).unwrap();
    assert_eq!(policy.evaluate(&Request::builder().build()), Verdict::abstain());
}

#[test]
fn settings_that_cap_nothing_are_errors() {
    for (settings, expected) in [
        ("{}", "caps nothing; write"),
        (r#"{ "allow": ["*"] }"#, "caps nothing; write"),
        (r#"{ "output": 0 }"#, "output: must be at least 1"),
        (r#"{ "keep_alive": -1 }"#, "keep_alive: must be at least 1"),
        (r#"{ "forbid_fields": ["raw"] }"#, "forbid_fields: needs `allow`"),
        (r#"{ "allow": ["*"], "forbid_fields": [""] }"#, "forbid_fields[0]: is empty"),
        (r#"{ "outputs": 1 }"#, "outputs"),
    ] {
        let problem = Harness::<RequestCaps>::new(settings).unwrap_err().to_string();
        assert!(problem.contains(expected), "{settings}: {problem}");
    }
}
