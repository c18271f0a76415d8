use super::UsageBudget;
use stockade_policy_sdk::prelude::*;
use stockade_policy_sdk::{Denial, Usage};

const BUDGET: &str =
    r#"{ "hour": { "requests": 10 }, "day": { "requests": 100, "tokens": 5000 } }"#;

fn ask(settings: &str, operation: &str, used: impl FnOnce(&mut Usage)) -> Verdict {
    let policy = Harness::<UsageBudget>::new(settings).unwrap();
    policy.evaluate(&Request::builder().operation(operation).usage(used).build())
}

fn spent(what: &str) -> Verdict {
    Denial::new(format!("your budget of {what} is spent")).later().into()
}

#[test]
fn the_last_request_of_a_budget_passes_and_the_next_does_not() {
    assert_eq!(ask(BUDGET, "chat", |_| ()), Verdict::abstain());
    assert_eq!(ask(BUDGET, "chat", |used| used.total.hour.requests = 9), Verdict::abstain());
    let refused = ask(BUDGET, "chat", |used| used.total.hour.requests = 10);
    assert_eq!(refused, spent("10 requests for this hour"));
}

#[test]
fn a_minute_is_the_shortest_window() {
    let minute = r#"{ "minute": { "requests": 2 }, "hour": { "requests": 10 } }"#;
    assert_eq!(ask(minute, "chat", |used| used.total.minute.requests = 1), Verdict::abstain());
    let refused = ask(minute, "chat", |used| used.total.minute.requests = 2);
    assert_eq!(refused, spent("2 requests for this minute"));
}

#[test]
fn tokens_count_too() {
    assert_eq!(ask(BUDGET, "chat", |used| used.total.day.tokens = 4999), Verdict::abstain());
    let refused = ask(BUDGET, "chat", |used| used.total.day.tokens = 70_000);
    assert_eq!(refused, spent("5000 tokens for this day"));
}

#[test]
fn only_named_windows_and_numbers_limit() {
    let all = |used: &mut Usage| {
        used.total.hour.tokens = u64::MAX;
        used.total.day.requests = 99;
        used.total.month.tokens = u64::MAX;
    };
    assert_eq!(ask(BUDGET, "chat", all), Verdict::abstain());
    let month = r#"{ "month": { "tokens": 1 } }"#;
    assert_eq!(ask(month, "chat", all), spent("1 tokens for this month"));
    let day = r#"{ "day": { "requests": 99 } }"#;
    assert_eq!(ask(day, "chat", all), spent("99 requests for this day"));
}

#[test]
fn reading_and_managing_go_on_unless_they_are_named() {
    let spent = |used: &mut Usage| used.total.hour.requests = 10;
    for operation in ["list", "show", "pull", "whoami"] {
        assert_eq!(ask(BUDGET, operation, spent), Verdict::abstain(), "{operation}");
    }
    for operation in ["chat", "embed", "web-search"] {
        assert!(matches!(ask(BUDGET, operation, spent), Verdict::Deny(_)), "{operation}");
    }
    let pulls = r#"{ "hour": { "requests": 10 }, "operations": ["pull"] }"#;
    assert!(matches!(ask(pulls, "pull", spent), Verdict::Deny(_)));
    assert_eq!(ask(pulls, "chat", spent), Verdict::abstain());
}

#[test]
fn settings_that_limit_nothing_are_errors() {
    for (settings, expected) in [
        ("{}", "limits nothing; write `minute`"),
        (r#"{ "hour": {} }"#, "hour: limits nothing; write `requests`"),
        (r#"{ "hour": { "tokens": 0 } }"#, "hour.tokens: must be at least 1"),
        (r#"{ "hour": { "tokens": -1 } }"#, "hour.tokens: "),
        (r#"{ "hour": { "token": 1 } }"#, "hour"),
        (r#"{ "week": { "tokens": 1 } }"#, "week"),
        (r#"{ "hour": { "tokens": 1 }, "operations": [] }"#, "operations: lists no"),
    ] {
        let problem = Harness::<UsageBudget>::new(settings).unwrap_err().to_string();
        assert!(problem.contains(expected), "{settings}: {problem}");
    }
}

#[test]
fn gpu_time_and_a_model_can_be_budgeted() {
    let hour = r#"{ "hour": { "gpu_seconds": 60 } }"#;
    let used =
        |milliseconds: u64| move |used: &mut Usage| used.total.hour.gpu_milliseconds = milliseconds;
    assert_eq!(ask(hour, "chat", used(59_999)), Verdict::abstain());
    assert_eq!(ask(hour, "chat", used(60_000)), spent("60 seconds of GPU time for this hour"));

    let model = r#"{ "per": "model", "day": { "requests": 5 } }"#;
    assert_eq!(ask(model, "chat", |used| used.total.day.requests = 9), Verdict::abstain());
    let refused = ask(model, "chat", |used| used.with_model.day.requests = 5);
    assert_eq!(refused, spent("5 requests for this day"));
}
