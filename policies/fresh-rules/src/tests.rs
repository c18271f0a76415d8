use super::FreshRules;
use stockade_policy_sdk::prelude::*;

#[test]
fn it_is_told_of_texts_prompts_and_usage() {
    let settings = r#"{ "rules": [
        { "when": "texts.user contains secret or prompt.bytes > 1 kB", "then": "deny" },
        { "when": "usage.hour.requests >= 3", "then": "abstain", "note": "slowly" },
        { "when": "access = inference", "then": "allow" }] }"#;
    let policy = Harness::<FreshRules>::new(settings).unwrap();
    let ask = |text: &str| policy.evaluate(&Request::builder().text("user", text).build());
    assert_eq!(ask("hello"), Verdict::allow());
    assert!(matches!(ask("a SECRET"), Verdict::Deny(_)));
    assert!(matches!(ask(&"x".repeat(1001)), Verdict::Deny(_)));
    let often = Request::builder().usage(|usage| usage.total.hour.requests = 3).build();
    assert_eq!(policy.evaluate(&often), Verdict::abstain_because("slowly"));
    assert_eq!(policy.valid_until(&often), Some(u64::MAX));
}
