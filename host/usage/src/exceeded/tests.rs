use stockade_core::UserId;

use super::*;
use crate::quota::Period;

fn zone() -> TimeZone {
    TimeZone::get("Europe/Berlin").unwrap()
}

/// 13:20:30 in Berlin, a Saturday.
fn now() -> UnixTime {
    unix("2026-11-28T12:20:30Z")
}

fn unix(text: &str) -> UnixTime {
    UnixTime::from_secs(text.parse::<Timestamp>().unwrap().as_second().try_into().unwrap())
}

fn exceeded(kind: LimitKind, limit: u64, used: u64, again: Again) -> Exceeded {
    let allowance = Allowance { kind, limit, used, held: 0, needed: 0, again, window: 3_600 };
    let subject = Subject::User(UserId::new("alice").unwrap());
    Exceeded { quota: QuotaName::new("everybody").unwrap(), subject, allowance }
}

fn tokens(again: Again) -> Exceeded {
    exceeded(LimitKind::Budget(Resource::Tokens, Period::Hour), 50_000, 50_000, again)
}

#[test]
fn the_sentence_says_how_much_and_from_when_on() {
    let sentence = |exceeded: &Exceeded| exceeded.sentence(&zone(), now());
    for (again, end) in [
        ("2026-11-28T13:00:00Z", "from 14:00 on again"),
        ("2026-11-28T23:00:00Z", "from Sunday 00:00 on again"),
        ("2026-12-31T23:00:00Z", "from 1 January, 00:00 on again"),
    ] {
        let expected = format!("you have used 50,000 of 50,000 tokens of this hour; {end}");
        assert_eq!(sentence(&tokens(Again::At(unix(again)))), expected);
    }
    let mut held = tokens(Again::WhenOthersEnd);
    (held.allowance.used, held.allowance.held) = (1_000, 49_000);
    assert_eq!(
        sentence(&held),
        "you have used 1,000 of 50,000 tokens of this hour, and requests under way hold 49,000 \
         more; again as soon as one of them ends"
    );
    let mut large = tokens(Again::Never);
    large.allowance.needed = 60_000;
    assert_eq!(
        sentence(&large),
        "the request needs 60,000 tokens, and the limit is 50,000 tokens per hour; it is too \
         large for this limit"
    );
}

#[test]
fn every_kind_of_limit_and_subject_has_its_words() {
    let end = Again::At(unix("2026-11-28T23:00:00Z"));
    let mut gpu =
        exceeded(LimitKind::Budget(Resource::GpuTime, Period::Day), 1_800_000, 1_805_000, end);
    gpu.subject = Subject::Together;
    let mut pulled =
        exceeded(LimitKind::Budget(Resource::PulledBytes, Period::Day), 50 << 30, 3 << 29, end);
    pulled.subject = Subject::Group(stockade_core::GroupName::new("kids").unwrap());
    let mut rate = exceeded(LimitKind::Rate, 60, 60, Again::At(unix("2026-11-28T12:20:32Z")));
    let key = stockade_core::CredentialId::new("laptop").unwrap();
    rate.subject = Subject::Key(UserId::new("alice").unwrap(), key);
    let mut concurrent = exceeded(LimitKind::Concurrent, 2, 0, Again::WhenOthersEnd);
    concurrent.allowance.held = 2;
    for (exceeded, expected) in [
        (
            gpu,
            "all who share everybody have used 30 min 5 s of 30 min of GPU time of this day; from Sunday 00:00 on again",
        ),
        (
            pulled,
            "the group kids has used 1.5 GiB of 50.0 GiB of pulled models of this day; from Sunday 00:00 on again",
        ),
        (rate, "this key has used up 60 requests per minute; again in 2 seconds"),
        (concurrent, "you have 2 of 2 requests under way; again as soon as one of them ends"),
    ] {
        assert_eq!(exceeded.sentence(&zone(), now()), expected);
    }
}

#[test]
fn a_client_asks_again_by_itself_only_where_that_helps_soon() {
    let second = Duration::from_secs(1);
    for (again, wait, should) in [
        (Again::At(unix("2026-11-28T12:20:33Z")), Some(3 * second), true),
        (Again::At(unix("2026-11-28T13:00:00Z")), Some(2_370 * second), false),
        (Again::WhenOthersEnd, Some(second), true),
        (Again::Never, None, false),
    ] {
        let exceeded = tokens(again);
        assert_eq!((exceeded.retry_after(now()), exceeded.should_retry(now())), (wait, should));
    }
}
