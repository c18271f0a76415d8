use super::Rules;
use stockade_policy_sdk::prelude::*;

#[test]
fn it_declares_what_leaves_a_verdict_to_be_remembered() {
    for input in [Input::Prompt, Input::Texts, Input::Usage, Input::Body, Input::Blobs] {
        assert!(!Rules::INPUTS.contains(&input), "{input}");
    }
    let texts = r#"{ "rules": [{ "when": "texts contains x", "then": "deny" }] }"#;
    let problem = Harness::<Rules>::new(texts).unwrap_err();
    assert_eq!(problem.path(), "rules[0].when");
    assert!(problem.message().contains("builtin/fresh-rules"), "{problem}");
}

#[test]
fn it_judges_by_its_rules() {
    let settings = r#"{ "rules": [
        { "when": "time.of_day >= 22:00", "then": "deny" },
        { "when": "operation = chat and model.name like llama3.2:*", "then": "allow" }] }"#;
    let policy = Harness::<Rules>::new(settings).unwrap();
    let request = Request::builder().model("llama3.2:3b").weekday_at(1, 21, 50);
    let request = request.unix_seconds(60).build();
    assert_eq!(policy.evaluate(&request), Verdict::allow());
    assert_eq!(policy.valid_until(&request), Some(660));
}
