use super::WorkingHours;
use stockade_policy_sdk::prelude::*;

const OFFICE: &str = r#"{ "hours": [{ "days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "18:30" }] }"#;
const NIGHT: &str = r#"{ "hours": [{ "days": ["fri", "sun"], "from": "22:00", "to": "06:00" }] }"#;

fn is_open(settings: &str, weekday: u8, hour: u16, minute: u16) -> bool {
    let policy = Harness::<WorkingHours>::new(settings).unwrap();
    let request = Request::builder().weekday_at(weekday, hour, minute).build();
    match policy.evaluate(&request) {
        Verdict::Abstain(_) => true,
        Verdict::Deny(_) => false,
        Verdict::Allow(_) | Verdict::Restrict(_) => panic!("it never allows"),
    }
}

#[test]
fn the_first_minute_is_in_and_the_last_is_out() {
    assert!(!is_open(OFFICE, 1, 7, 59));
    assert!(is_open(OFFICE, 1, 8, 0));
    assert!(is_open(OFFICE, 5, 18, 29));
    assert!(!is_open(OFFICE, 5, 18, 30));
    assert!(!is_open(OFFICE, 6, 12, 0));
    assert!(!is_open(OFFICE, 7, 12, 0));
}

#[test]
fn a_night_belongs_to_the_day_on_which_it_begins() {
    assert!(is_open(NIGHT, 5, 22, 0));
    assert!(is_open(NIGHT, 6, 5, 59));
    assert!(!is_open(NIGHT, 6, 6, 0));
    assert!(!is_open(NIGHT, 5, 3, 0));
    assert!(is_open(NIGHT, 7, 23, 0));
    assert!(is_open(NIGHT, 1, 0, 0));
    assert!(!is_open(NIGHT, 6, 22, 0));
}

#[test]
fn a_whole_day_is_a_whole_day() {
    let saturday = r#"{ "hours": [{ "days": ["sat"], "from": "00:00", "to": "24:00" }] }"#;
    assert!(is_open(saturday, 6, 0, 0) && is_open(saturday, 6, 23, 59));
    assert!(!is_open(saturday, 5, 23, 59) && !is_open(saturday, 7, 0, 0));
}

#[test]
fn a_day_that_does_not_exist_is_closed() {
    assert!(!is_open(OFFICE, 0, 12, 0) && !is_open(OFFICE, 8, 12, 0));
    assert!(!is_open(NIGHT, 0, 3, 0));
}

#[test]
fn several_spans_add_up_and_the_reason_names_them() {
    let settings = r#"{ "hours": [{ "from": "08:00", "to": "12:00", "days": ["mon"] },
                                  { "from": "13:00", "to": "17:00", "days": ["mon"] }] }"#;
    assert!(is_open(settings, 1, 11, 0) && is_open(settings, 1, 13, 0));
    let policy = Harness::<WorkingHours>::new(settings).unwrap();
    let lunch = policy.evaluate(&Request::builder().weekday_at(1, 12, 30).build());
    let reason = "not at this time of day; possible is Mon 08:00-12:00 and Mon 13:00-17:00";
    assert_eq!(lunch, Verdict::deny(reason));
}

#[test]
fn other_operations_are_not_governed() {
    let settings = r#"{ "operations": ["pull"], "hours": [{ "from": "22:00", "to": "06:00" }] }"#;
    let policy = Harness::<WorkingHours>::new(settings).unwrap();
    let ask = |operation: &str| policy.evaluate(&Request::builder().operation(operation).build());
    assert!(matches!(ask("pull"), Verdict::Deny(_)));
    assert_eq!(ask("chat"), Verdict::abstain());
}

#[test]
fn impossible_times_are_errors_with_their_place() {
    for (settings, expected) in [
        (r#"{ "hours": [] }"#, "hours: is empty"),
        (r#"{ "hours": [{ "from": "8:00", "to": "18:00" }] }"#, "hours[0].from: \"8:00\""),
        (r#"{ "hours": [{ "from": "08:00", "to": "24:01" }] }"#, "hours[0].to: \"24:01\""),
        (r#"{ "hours": [{ "from": "08:60", "to": "18:00" }] }"#, "hours[0].from: \"08:60\""),
        (r#"{ "hours": [{ "from": "+8:00", "to": "18:00" }] }"#, "hours[0].from: \"+8:00\""),
        (r#"{ "hours": [{ "from": "08:00", "to": "08:00" }] }"#, "hours[0]: `to` is the same"),
        (
            r#"{ "hours": [{ "from": "08:00", "to": "09:00", "days": [] }] }"#,
            "hours[0]: `days` is empty",
        ),
        (r#"{ "hours": [{ "from": "08:00", "to": "09:00", "days": ["monday"] }] }"#, "days[0]"),
        (r#"{ "hours": [{ "from": "08:00", "to": "09:00" }], "operations": [] }"#, "operations: "),
    ] {
        let problem = Harness::<WorkingHours>::new(settings).unwrap_err().to_string();
        assert!(problem.contains(expected), "{settings}: {problem}");
    }
}

#[test]
fn a_verdict_holds_until_a_span_begins_or_ends_and_for_half_an_hour_at_most() {
    let policy = Harness::<WorkingHours>::new(OFFICE).unwrap();
    let minutes = |hour, minute| {
        let request = Request::builder().weekday_at(1, hour, minute).unix_seconds(1_767_600_017);
        (policy.valid_until(&request.build()).unwrap() - 1_767_600_000) / 60
    };
    assert_eq!(minutes(7, 50), 10);
    assert_eq!(minutes(7, 59), 1);
    assert_eq!(minutes(8, 0), 30);
    assert_eq!(minutes(12, 7), 23);
    assert_eq!(minutes(18, 25), 5);
    assert_eq!(minutes(23, 59), 1);
    let quarter = r#"{ "hours": [{ "from": "08:15", "to": "18:00" }] }"#;
    let policy = Harness::<WorkingHours>::new(quarter).unwrap();
    let request = Request::builder().weekday_at(1, 8, 10).unix_seconds(1_767_600_000).build();
    assert_eq!(policy.valid_until(&request), Some(1_767_600_300));
}

#[test]
fn whatever_the_hours_the_verdict_is_the_same_until_then() {
    for settings in [OFFICE, NIGHT, r#"{ "hours": [{ "from": "06:10", "to": "05:55" }] }"#] {
        let policy = Harness::<WorkingHours>::new(settings).unwrap();
        for minute in 0..7 * 24 * 60_u16 {
            let at = |minute: u16| {
                let minute = minute % (7 * 24 * 60);
                let day = u8::try_from(minute / (24 * 60)).unwrap() + 1;
                let request =
                    Request::builder().weekday_at(day, minute % (24 * 60) / 60, minute % 60);
                request.unix_seconds(u64::from(minute) * 60 + 40).build()
            };
            let now = at(minute);
            let ahead = policy.valid_until(&now).unwrap() / 60 - u64::from(minute);
            for later in 1..u16::try_from(ahead).unwrap() {
                assert_eq!(policy.evaluate(&now), policy.evaluate(&at(minute + later)));
            }
        }
    }
}
