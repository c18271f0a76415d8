use super::outcome;
use crate::bindings::stockade::policy::types as wit;
use stockade_core::{DenialKind, Deny, LimitedParameter, Outcome, UnixTime, Verdict};

fn obligations() -> wit::Obligations {
    wit::Obligations {
        replace_model: None,
        limits: Vec::new(),
        fields: Vec::new(),
        labels: Vec::new(),
        priority: None,
        host_group: None,
    }
}

fn failure(obligations: wit::Obligations) -> String {
    match outcome(wit::Verdict::Allow(obligations)) {
        Outcome::Failure(text) => text,
        Outcome::Verdict(verdict) => panic!("believed {verdict:?}"),
    }
}

fn context(maximum: i64, insert: Option<i64>) -> wit::Limit {
    let parameter = wit::LimitedParameter::Context;
    wit::Limit { parameter, minimum: None, maximum: Some(maximum), insert }
}

fn denial(reason: &str) -> wit::Verdict {
    let kind = wit::DenialKind::Forbidden;
    wit::Verdict::Deny(wit::Denial { reason: reason.to_owned(), note: None, kind })
}

#[test]
fn a_reason_is_short_and_of_one_line() {
    let reason = format!("no\r\nSet-Cookie: x{}", "y".repeat(5000));
    match outcome(denial(&reason)) {
        Outcome::Verdict(Verdict::Deny(Deny { reason, .. })) => {
            assert!(reason.starts_with("no  Set-Cookie: x"), "{reason}");
            assert!(reason.len() < 1030);
        }
        other => panic!("{other:?}"),
    }
    match outcome(denial(" \0")) {
        Outcome::Verdict(Verdict::Deny(deny)) => assert!(deny.reason.contains("no reason")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn two_limits_of_one_parameter_become_the_strictest() {
    let said = wit::Obligations {
        limits: vec![context(4096, Some(4096)), context(2048, None)],
        ..obligations()
    };
    match outcome(wit::Verdict::Allow(said)) {
        Outcome::Verdict(Verdict::Allow(obligations)) => {
            assert_eq!(obligations.limits.len(), 1);
            let limit = &obligations.limits[0];
            assert_eq!(limit.parameter, LimitedParameter::Context);
            assert_eq!((limit.maximum, limit.inserted()), (Some(2048), Some(2048)));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_allow_that_makes_no_sense_is_a_failure() {
    let label = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let cases = [
        (wit::Obligations { limits: vec![context(-1, None)], ..obligations() }, "a maximum of -1"),
        (
            wit::Obligations { limits: vec![context(1, None); 17], ..obligations() },
            "17 limits, where 16 are allowed",
        ),
        (
            wit::Obligations { replace_model: Some("../etc".to_owned()), ..obligations() },
            "replaces the model by \"../etc\"",
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

#[test]
fn rules_and_limits_that_make_no_sense_are_failures() {
    let cases = [
        (
            wit::Obligations {
                fields: vec![wit::FieldRule::Forbid(String::new())],
                ..obligations()
            },
            "a field called \"\"",
        ),
        (
            wit::Obligations {
                fields: vec![wit::FieldRule::Forbid("tools.name".to_owned())],
                ..obligations()
            },
            "a field called \"tools.name\": a path does not go into lists",
        ),
        (
            wit::Obligations {
                fields: vec![wit::FieldRule::Insert(("think".to_owned(), "[1]".to_owned()))],
                ..obligations()
            },
            "it writes \"[1]\", which is no string",
        ),
        (
            wit::Obligations {
                fields: vec![wit::FieldRule::StripTools(wit::ToolSelector::Named(String::new()))],
                ..obligations()
            },
            "a tool cannot be called \"\"",
        ),
        (
            wit::Obligations { priority: Some("urgent".to_owned()), ..obligations() },
            "a priority of \"urgent\"",
        ),
        (
            wit::Obligations {
                limits: vec![
                    wit::Limit { minimum: Some(5), maximum: None, ..context(0, None) },
                    context(4, None),
                ],
                ..obligations()
            },
            "at least 5, another at most 4",
        ),
    ];
    for (said, expected) in cases {
        let failure = failure(said);
        assert!(failure.starts_with("nonsense: ") && failure.contains(expected), "{failure}");
    }
}

#[test]
fn notes_and_times_are_kept_and_bounded() {
    let said = wit::Denial {
        reason: "later".to_owned(),
        note: Some("a\nb".to_owned()),
        kind: wit::DenialKind::Later(Some(7)),
    };
    let Outcome::Verdict(Verdict::Deny(deny)) = outcome(wit::Verdict::Deny(said)) else {
        panic!("a deny")
    };
    assert_eq!(deny.note.as_deref(), Some("a b"));
    assert_eq!(deny.kind, DenialKind::Later(Some(UnixTime::from_secs(7))));
    let note = |text: &str| match outcome(wit::Verdict::Abstain(Some(text.to_owned()))) {
        Outcome::Verdict(Verdict::Abstain(note)) => note,
        other => panic!("{other:?}"),
    };
    assert_eq!(note("needs `cloud`").as_deref(), Some("needs `cloud`"));
    assert_eq!(note(" "), None);
    assert!(note(&"x".repeat(9000)).unwrap().len() < 1030);
}
