use stockade_core::UserId;

use super::*;
use crate::quota::Subject;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

fn after(milliseconds: u64) -> Again {
    Again::At(UnixTime::from_duration(NOW.as_duration() + Duration::from_millis(milliseconds)))
}

fn state(kind: LimitKind, limit: u64, used: u64, again: Again) -> QuotaState {
    let window = if kind == LimitKind::Concurrent { 0 } else { 86_400 };
    let allowance = Allowance { kind, limit, used, held: 0, needed: 0, again, window };
    let quota = QuotaName::new("größe \"x\"").unwrap();
    QuotaState { quota, on_exceeded: OnExceeded::Refuse, allowance }
}

fn states() -> Vec<QuotaState> {
    let tokens = LimitKind::Budget(Resource::Tokens, Period::Day);
    let requests = LimitKind::Budget(Resource::Requests, Period::Hour);
    let output = LimitKind::Budget(Resource::OutputTokens, Period::Day);
    let hidden = QuotaState {
        on_exceeded: OnExceeded::Shadow,
        ..state(LimitKind::Rate, 10, 10, after(1_000))
    };
    vec![
        hidden,
        state(requests, 100, 10, after(360_000)),
        state(tokens, 50_000, 48_800, after(5_400_000)),
        state(LimitKind::Rate, 60, 30, after(350)),
        state(output, 10, 0, after(1_000)),
        state(LimitKind::Concurrent, 2, 1, Again::WhenOthersEnd),
    ]
}

#[test]
fn the_tightest_limits_are_told_as_the_draft_says() {
    let headers = ietf(&states(), NOW);
    let policy = r#""gr__e \"x\"-tokens-day";q=50000;qu="tokens";w=86400, "gr__e \"x\"-requests-minute";q=60;qu="requests";w=86400, "gr__e \"x\"-concurrent";q=2;qu="concurrent-requests""#;
    let limit = r#""gr__e \"x\"-tokens-day";r=1200;t=5400, "gr__e \"x\"-requests-minute";r=30;t=1, "gr__e \"x\"-concurrent";r=1"#;
    let expected = [("ratelimit-policy", policy.to_owned()), ("ratelimit", limit.to_owned())];
    assert_eq!(headers, expected);
    assert_eq!(ietf(&[], NOW), []);
}

fn lines(headers: &[Header]) -> Vec<String> {
    headers.iter().map(|(name, value)| format!("{name}: {value}")).collect()
}

#[test]
fn clients_of_other_worlds_find_their_own_headers() {
    let expected = [
        "x-ratelimit-limit-requests: 60",
        "x-ratelimit-remaining-requests: 30",
        "x-ratelimit-reset-requests: 350ms",
        "x-ratelimit-limit-tokens: 50000",
        "x-ratelimit-remaining-tokens: 1200",
        "x-ratelimit-reset-tokens: 1h30m0s",
    ];
    assert_eq!(lines(&open_ai(&states(), NOW)), expected);
    let expected = [
        "anthropic-ratelimit-requests-limit: 60",
        "anthropic-ratelimit-requests-remaining: 30",
        "anthropic-ratelimit-requests-reset: 2027-01-15T08:00:01Z",
        "anthropic-ratelimit-tokens-limit: 50000",
        "anthropic-ratelimit-tokens-remaining: 1200",
        "anthropic-ratelimit-tokens-reset: 2027-01-15T09:30:00Z",
        "anthropic-ratelimit-output-tokens-limit: 10",
        "anthropic-ratelimit-output-tokens-remaining: 10",
        "anthropic-ratelimit-output-tokens-reset: 2027-01-15T08:00:01Z",
    ];
    assert_eq!(lines(&anthropic(&states(), NOW)), expected);
}

#[test]
fn whoever_is_refused_is_told_when_to_ask_again() {
    let retry_of = |again| {
        let QuotaState { quota, allowance, .. } = state(LimitKind::Rate, 60, 60, again);
        let subject = Subject::User(UserId::new("alice").unwrap());
        lines(&retry(&Exceeded { quota, subject, allowance }, NOW))
    };
    assert_eq!(retry_of(after(350)), ["retry-after: 1", "retry-after-ms: 350"]);
    let late = ["retry-after: 90", "retry-after-ms: 90000", "x-should-retry: false"];
    assert_eq!(retry_of(after(90_000)), late);
    assert_eq!(retry_of(Again::Never), ["x-should-retry: false"]);
}
