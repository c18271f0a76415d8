use super::EndpointAccess;
use stockade_policy_sdk::prelude::*;

fn ask(settings: &str, operation: &str, dialect: Dialect) -> Verdict {
    let policy = Harness::<EndpointAccess>::new(settings).unwrap();
    let request = Request::builder().operation(operation).dialect(dialect);
    policy.evaluate(&request.build())
}

fn problem(settings: &str) -> String {
    Harness::<EndpointAccess>::new(settings).unwrap_err().to_string()
}

fn is_denied(settings: &str, operation: &str) -> bool {
    matches!(ask(settings, operation, Dialect::Native), Verdict::Deny(_))
}

#[test]
fn what_is_listed_is_allowed_and_nothing_is_said_about_the_rest() {
    let settings = r#"{ "allow": ["whoami", "web-search"] }"#;
    assert_eq!(ask(settings, "whoami", Dialect::Native), Verdict::allow());
    assert_eq!(ask(settings, "web-search", Dialect::Native), Verdict::allow());
    for operation in ["chat", "sign-out", "web-fetch", "dream"] {
        assert_eq!(ask(settings, operation, Dialect::Native), Verdict::abstain(), "{operation}");
    }
}

#[test]
fn only_refuses_everything_else_also_what_is_newer_than_the_policy() {
    let settings = r#"{ "only": ["chat", "list"] }"#;
    for operation in ["chat", "list"] {
        assert_eq!(ask(settings, operation, Dialect::Native), Verdict::abstain(), "{operation}");
    }
    for operation in ["generate", "pull", "dream"] {
        assert!(is_denied(settings, operation), "{operation}");
    }
}

#[test]
fn deny_refuses_what_is_listed() {
    let settings = r#"{ "deny": ["embed"] }"#;
    assert!(is_denied(settings, "embed"));
    assert!(!is_denied(settings, "chat"));
}

#[test]
fn another_api_is_refused_and_the_right_one_named() {
    let settings = r#"{ "apis": ["openai", "anthropic"] }"#;
    assert_eq!(ask(settings, "chat", Dialect::Openai), Verdict::abstain());
    assert_eq!(ask(settings, "chat", Dialect::Anthropic), Verdict::abstain());
    let refused = "this API is not for you; use the OpenAI API or the Anthropic API";
    assert_eq!(ask(settings, "chat", Dialect::Native), Verdict::deny(refused));
}

#[test]
fn settings_that_open_every_model_or_contradict_themselves_are_errors() {
    for (settings, expected) in [
        ("{}", "says nothing; write"),
        (r#"{ "only": [] }"#, "only: lists no operation"),
        (r#"{ "apis": [] }"#, "apis: lists no API"),
        (
            r#"{ "allow": ["list", "chat"] }"#,
            "allow[1]: `chat` is about models; allow it with `model-access`",
        ),
        (
            r#"{ "allow": ["pull"] }"#,
            "allow[0]: `pull` is about models; allow it with `pull-guard`",
        ),
        (r#"{ "allow": ["list"], "deny": ["list"] }"#, "allow[0]: `list` is refused by"),
        (r#"{ "allow": ["list"], "only": ["chat"] }"#, "allow[0]: `list` is refused by"),
        (r#"{ "apis": ["grpc"] }"#, "apis[0]: "),
        (r#"{ "alow": ["list"] }"#, "alow"),
        (r#"{ "deny": ["dream"] }"#, "deny[0]: \"dream\" is not an operation"),
    ] {
        let problem = problem(settings);
        assert!(problem.contains(expected), "{settings}: {problem}");
    }
}
