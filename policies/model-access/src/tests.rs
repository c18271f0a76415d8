use super::ModelAccess;
use stockade_policy_sdk::prelude::*;

fn policy(settings: &str) -> Harness<ModelAccess> {
    Harness::new(settings).unwrap()
}

fn problem(settings: &str) -> String {
    Harness::<ModelAccess>::new(settings).unwrap_err().to_string()
}

fn ask(policy: &Harness<ModelAccess>, operation: &str, models: &[&str]) -> Verdict {
    let request = Request::builder().operation(operation);
    let request = models.iter().fold(request, |request, model| request.model(model));
    policy.evaluate(&request.build())
}

#[test]
fn matching_models_are_allowed_for_every_operation_that_uses_or_reads_them() {
    let policy = policy(r#"{ "allow": ["llama3.2:*", "qwen3:8b"] }"#);
    for operation in ["generate", "chat", "embed", "transcribe", "load", "show"] {
        assert_eq!(ask(&policy, operation, &["llama3.2:3b"]), Verdict::allow(), "{operation}");
        assert_eq!(ask(&policy, operation, &["Qwen3:8B"]), Verdict::allow(), "{operation}");
        assert_eq!(ask(&policy, operation, &["qwen3:30b"]), Verdict::abstain(), "{operation}");
        assert_eq!(ask(&policy, operation, &["qwen3"]), Verdict::abstain(), "{operation}");
    }
}

#[test]
fn every_model_of_a_request_must_match() {
    let policy = policy(r#"{ "allow": ["llama3.2:*"] }"#);
    assert_eq!(ask(&policy, "chat", &["llama3.2:1b", "llama3.2:3b"]), Verdict::allow());
    assert_eq!(ask(&policy, "chat", &["llama3.2:1b", "qwen3:8b"]), Verdict::abstain());
    assert_eq!(ask(&policy, "chat", &["qwen3:8b", "llama3.2:1b"]), Verdict::abstain());
}

#[test]
fn a_denied_model_is_refused_by_name_though_it_is_allowed() {
    let policy = policy(r#"{ "allow": ["*"], "deny": ["*:70b", "hf.co/*"] }"#);
    let denied = |model: &str| Verdict::deny(format!("the model {model} is denied"));
    assert_eq!(ask(&policy, "chat", &["llama3.3:70b"]), denied("llama3.3:70b"));
    assert_eq!(ask(&policy, "show", &["me/mine:70b"]), denied("me/mine:70b"));
    assert_eq!(ask(&policy, "chat", &["ok", "HF.co/a/b"]), denied("hf.co/a/b:latest"));
    assert_eq!(ask(&policy, "chat", &["ok"]), Verdict::allow());
}

#[test]
fn lists_are_allowed_to_whoever_may_use_some_model() {
    let some = policy(r#"{ "allow": ["llama3.2"] }"#);
    let none = policy(r#"{ "deny": ["llama3.2"] }"#);
    for operation in ["list", "running", "recommend", "status"] {
        assert_eq!(ask(&some, operation, &[]), Verdict::allow(), "{operation}");
        assert_eq!(ask(&none, operation, &[]), Verdict::abstain(), "{operation}");
    }
}

#[test]
fn an_operation_on_a_model_is_not_allowed_without_one() {
    let policy = policy(r#"{ "allow": ["*"] }"#);
    for operation in ["chat", "generate", "embed", "show", "load"] {
        assert_eq!(ask(&policy, operation, &[]), Verdict::abstain(), "{operation}");
    }
}

#[test]
fn nothing_else_is_ever_allowed() {
    let policy = policy(r#"{ "allow": ["*"], "cloud": true, "web_search": true }"#);
    let others = [
        "unload",
        "pin",
        "pull",
        "push",
        "create",
        "copy",
        "delete",
        "upload-blob",
        "check-blob",
        "whoami",
        "sign-out",
        "web-search",
        "web-fetch",
    ];
    for operation in others {
        assert_eq!(ask(&policy, operation, &["llama3.2"]), Verdict::abstain(), "{operation}");
        assert_eq!(ask(&policy, operation, &[]), Verdict::abstain(), "{operation}");
    }
}

#[test]
fn an_operation_that_is_newer_than_the_policy_is_not_allowed() {
    let policy = policy(r#"{ "allow": ["*"] }"#);
    for access in [AccessClass::Inference, AccessClass::Read] {
        let request = Request::builder().operation("dream").access(access).model("llama3.2");
        assert_eq!(policy.evaluate(&request.build()), Verdict::abstain(), "{access:?}");
    }
}

#[test]
fn classes_and_operations_narrow_what_a_binding_speaks_of() {
    let reading = policy(r#"{ "allow": ["*"], "deny": ["qwen3"], "classes": ["read"] }"#);
    assert_eq!(ask(&reading, "show", &["llama3.2"]), Verdict::allow());
    assert_eq!(ask(&reading, "chat", &["llama3.2"]), Verdict::abstain());
    assert_eq!(ask(&reading, "chat", &["qwen3"]), Verdict::abstain());

    let embedding = policy(r#"{ "allow": ["*"], "operations": ["embed", "list"] }"#);
    assert_eq!(ask(&embedding, "embed", &["llama3.2"]), Verdict::allow());
    assert_eq!(ask(&embedding, "list", &[]), Verdict::allow());
    assert_eq!(ask(&embedding, "chat", &["llama3.2"]), Verdict::abstain());
    assert_eq!(ask(&embedding, "status", &[]), Verdict::abstain());
}

#[test]
fn cloud_models_need_to_be_wanted() {
    let local = policy(r#"{ "allow": ["*"] }"#);
    let cloud = policy(r#"{ "allow": ["*"], "cloud": true }"#);
    for model in ["gpt-oss:20b-cloud", "gpt-oss:cloud"] {
        let close = Verdict::abstain_because("cloud models are not allowed to you");
        assert_eq!(ask(&local, "chat", &[model]), close, "{model}");
        assert_eq!(ask(&local, "chat", &["llama3.2", model]), close, "{model}");
        assert_eq!(ask(&cloud, "chat", &[model]), Verdict::allow(), "{model}");
    }
}

#[test]
fn web_search_and_debugging_need_to_be_wanted() {
    let plain = policy(r#"{ "allow": ["*"] }"#);
    let search = policy(r#"{ "allow": ["*"], "web_search": true }"#);
    let debug = policy(r#"{ "allow": ["*"], "debug_render": true }"#);
    let request = Request::builder().model("llama3.2");
    let searching = request.clone().parameters(|asked| asked.web_search = true).build();
    let debugging = request.parameters(|asked| asked.debug_render = true).build();
    let web = Verdict::abstain_because("tools that search the web are not allowed to you");
    let rendered = Verdict::abstain_because("rendered prompts are not allowed to you");
    for (policy, searching_is, debugging_is) in [
        (plain, web.clone(), rendered.clone()),
        (search, Verdict::allow(), rendered),
        (debug, web, Verdict::allow()),
    ] {
        assert_eq!(policy.evaluate(&searching), searching_is);
        assert_eq!(policy.evaluate(&debugging), debugging_is);
    }
}

#[test]
fn tools_that_search_the_web_can_be_dropped() {
    let policy = policy(r#"{ "allow": ["llama3.2"], "web_search": "drop" }"#);
    let request = Request::builder().model("llama3.2");
    assert_eq!(policy.evaluate(&request.clone().build()), Verdict::allow());
    let searching = request.parameters(|asked| asked.web_search = true);
    let without = Verdict::from(Obligations::new().strip_web_search());
    assert_eq!(policy.evaluate(&searching.clone().build()), without);
    let more = searching.parameters(|asked| asked.debug_render = true).build();
    let rendered = Verdict::abstain_because("rendered prompts are not allowed to you");
    assert_eq!(policy.evaluate(&more), rendered);
    let other = Request::builder().model("qwen3").parameters(|asked| asked.web_search = true);
    assert_eq!(policy.evaluate(&other.build()), Verdict::abstain());
}

#[test]
fn settings_that_cannot_work_are_explained() {
    let cases = [
        ("{}", "neither `allow` nor `deny` lists a model"),
        (r#"{ "allow": [] }"#, "neither `allow` nor `deny` lists a model"),
        (r#"{ "alow": ["*"] }"#, "alow: unknown field `alow`, expected one of `allow`"),
        (r#"{ "allow": ["*", "a b"] }"#, "allow[1]: \"a b\": a model pattern cannot have"),
        (r#"{ "allow": ["*"], "classes": [] }"#, "classes: lists no class"),
        (r#"{ "allow": ["*"], "classes": ["manage"] }"#, "classes[0]: unknown variant `manage`"),
        (
            r#"{ "allow": ["*"], "web_search": "no" }"#,
            "web_search: invalid value: string \"no\", expected `true`, `false` or `drop`",
        ),
        (r#"{ "allow": ["*"], "operations": [] }"#, "operations: lists no operation"),
        (r#"{ "allow": ["*"], "operations": ["chat", "pull"] }"#, "operations[1]: `pull` neither"),
        (r#"{ "allow": ["*"], "operations": ["dream"] }"#, "operations[0]: \"dream\" is not an"),
        (
            r#"{ "allow": ["*"], "operations": ["chat"], "classes": ["read"] }"#,
            "operations[0]: `chat` is not in any of `classes`",
        ),
    ];
    for (settings, expected) in cases {
        let found = problem(settings);
        assert!(found.starts_with(expected), "{settings}\n{found}");
    }
}
