use super::outcome;
use crate::bindings::stockade::policy::types as wit;
use stockade_core::{LimitedParameter, Outcome, Verdict};

fn obligations() -> wit::Obligations {
    wit::Obligations {
        replace_model: None,
        limits: Vec::new(),
        forbid_fields: Vec::new(),
        labels: Vec::new(),
    }
}

fn failure(obligations: wit::Obligations) -> String {
    match outcome(wit::Verdict::Allow(obligations)) {
        Outcome::Failure(text) => text,
        Outcome::Verdict(verdict) => panic!("believed {verdict:?}"),
    }
}

fn context(maximum: i64, insert: bool) -> wit::Limit {
    wit::Limit { parameter: wit::LimitedParameter::Context, maximum, insert }
}

#[test]
fn a_reason_is_short_and_of_one_line() {
    let reason = format!("no\r\nSet-Cookie: x{}", "y".repeat(5000));
    match outcome(wit::Verdict::Deny(reason)) {
        Outcome::Verdict(Verdict::Deny(reason)) => {
            assert!(reason.starts_with("no  Set-Cookie: x"), "{reason}");
            assert!(reason.len() < 1030);
        }
        other => panic!("{other:?}"),
    }
    match outcome(wit::Verdict::Deny(" \0".to_owned())) {
        Outcome::Verdict(Verdict::Deny(reason)) => assert!(reason.contains("no reason")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn two_limits_of_one_parameter_become_the_strictest() {
    let said = wit::Obligations {
        limits: vec![context(4096, true), context(2048, false)],
        ..obligations()
    };
    match outcome(wit::Verdict::Allow(said)) {
        Outcome::Verdict(Verdict::Allow(obligations)) => {
            assert_eq!(obligations.limits.len(), 1);
            let limit = obligations.limits[0];
            assert_eq!(limit.parameter, LimitedParameter::Context);
            assert_eq!((limit.maximum, limit.insert), (2048, true));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_allow_that_makes_no_sense_is_a_failure() {
    let label = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let cases = [
        (wit::Obligations { limits: vec![context(-1, false)], ..obligations() }, "a maximum of -1"),
        (
            wit::Obligations { limits: vec![context(1, false); 17], ..obligations() },
            "17 limits, where 16 are allowed",
        ),
        (
            wit::Obligations { replace_model: Some("../etc".to_owned()), ..obligations() },
            "replaces the model by \"../etc\"",
        ),
        (
            wit::Obligations { forbid_fields: vec![String::new()], ..obligations() },
            "a forbidden field cannot be called \"\"",
        ),
        (
            wit::Obligations {
                labels: vec![("a".to_owned(), "b".to_owned()); 33],
                ..obligations()
            },
            "33 labels",
        ),
        (
            wit::Obligations { labels: label("a\n", "b"), ..obligations() },
            "a label cannot be called",
        ),
        (
            wit::Obligations { labels: label("a", &"b".repeat(300)), ..obligations() },
            "the value of label \"a\"",
        ),
    ];
    for (said, expected) in cases {
        let failure = failure(said);
        assert!(failure.starts_with("nonsense: "), "{failure}");
        assert!(failure.contains(expected), "{failure}");
    }
}
