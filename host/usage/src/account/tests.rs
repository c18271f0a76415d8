use std::num::NonZeroU32;

use jiff::tz::TimeZone;
use stockade_core::QuotaName;

use super::*;
use crate::allowance::{Again, Allowance, LimitKind};
use crate::amounts::{Estimate, Room, Wanted};
use crate::quota::{Budget, Limits, OnExceeded, Per, Quota, Resource};

fn now() -> UnixTime {
    UnixTime::from_secs(1_800_000_000)
}

fn quota(budgets: &[(Resource, Period, u64)], concurrent: Option<u32>) -> Quota {
    let budget = |&(resource, period, limit): &(_, _, u64)| Budget {
        resource,
        period,
        limit: limit.try_into().unwrap(),
    };
    let budgets = budgets.iter().map(budget).collect();
    Quota {
        name: QuotaName::new("everybody").unwrap(),
        per: Per::User,
        limits: Limits::new(None, budgets, concurrent.and_then(NonZeroU32::new)).unwrap(),
        on_exceeded: OnExceeded::Refuse,
        on_store_loss: None,
    }
}

/// Checks a request where no store is.
fn check(account: &Account, quota: &Quota, estimate: &Estimate) -> Result<Room, Allowance> {
    let request = Request { estimate, unsaid_output: 1, now: now(), store: None };
    account.check(quota, &request).map_err(|lack| match lack {
        Lack::Exceeded(allowance) => allowance,
        lack => panic!("there is no store to ask: {lack:?}"),
    })
}

fn account() -> Account {
    let mut account = Account::default();
    account.roll(&Windows::at(now(), &TimeZone::UTC), now());
    account
}

#[test]
fn what_cannot_be_cut_off_is_needed_and_the_rest_is_room() {
    let quota = quota(
        &[(Resource::Tokens, Period::Hour, 100), (Resource::PulledBytes, Period::Day, 9)],
        None,
    );
    let checked = |input, output, pulled| {
        let estimate = Estimate { input, output, pulled, ..Estimate::default() };
        check(&account(), &quota, &estimate).map_err(|allowance| allowance.needed)
    };
    let room = |output, pulled| Ok(Room { output: Some(output), pulled: Some(pulled) });
    assert_eq!(checked(99, Wanted::Unsaid, Wanted::Nothing), room(1, 9));
    assert_eq!(checked(100, Wanted::Unsaid, Wanted::Nothing), Err(101));
    assert_eq!(checked(100, Wanted::Nothing, Wanted::Unsaid), room(0, 9));
    assert_eq!(checked(0, Wanted::AtMost(500), Wanted::Exactly(9)), room(100, 9));
    assert_eq!(checked(0, Wanted::Exactly(101), Wanted::Nothing), Err(101));
    assert_eq!(checked(0, Wanted::Nothing, Wanted::Exactly(10)), Err(10));
}

#[test]
fn gpu_time_that_is_spent_stops_what_runs_and_nothing_else() {
    let quota = quota(&[(Resource::GpuTime, Period::Day, 1_000)], None);
    let mut account = account();
    let held = account.hold(Amounts::default(), &Limits::counting(), now());
    account.settle(
        held,
        Amounts::default(),
        Amounts { gpu_ms: 1_200, ..Amounts::default() },
        now(),
    );
    let passes = |gpu_ms| {
        let estimate = Estimate { gpu_ms, ..Estimate::default() };
        check(&account, &quota, &estimate).is_ok()
    };
    assert!(passes(None));
    assert!(!passes(Some(0)));
}

#[test]
fn the_limit_that_is_in_the_way_for_longest_is_told() {
    let limits = [
        (Resource::Requests, Period::Hour, 1),
        (Resource::Requests, Period::Month, 1),
        (Resource::Requests, Period::Day, 1),
    ];
    let mut account = account();
    let held =
        account.hold(Amounts { requests: 1, ..Amounts::default() }, &Limits::counting(), now());
    let quota = quota(&limits, Some(1));
    let refused = |account: &Account| {
        let allowance = check(account, &quota, &Estimate::default()).unwrap_err();
        (allowance.kind, allowance.again)
    };
    assert_eq!(refused(&account), (LimitKind::Concurrent, Again::WhenOthersEnd));
    let one = Amounts { requests: 1, ..Amounts::default() };
    account.settle(held, one, one, now());
    let end = Windows::at(now(), &TimeZone::UTC).of(Period::Month).end();
    let month = LimitKind::Budget(Resource::Requests, Period::Month);
    assert_eq!(refused(&account), (month, Again::At(end)));
}

#[test]
fn what_is_settled_after_its_window_belongs_to_that_window() {
    let mut account = account();
    let held = Amounts { output: 100, ..Amounts::default() };
    let held_in = account.hold(held, &Limits::counting(), now());
    let later = UnixTime::from_secs(now().as_secs() + 3_600);
    account.roll(&Windows::at(later, &TimeZone::UTC), later);
    account.settle(held_in, held, Amounts { output: 70, ..Amounts::default() }, later);
    assert_eq!(account.used_in_last_minute(later).output, 70, "it ended in this minute");
    let used = Period::ALL.map(|period| account.used(period).1.output);
    assert_eq!(used, [0, 70, 70]);
    assert_eq!(account.held, Amounts::default());
}

#[test]
fn an_account_is_idle_once_its_windows_are_over() {
    let mut account = account();
    assert!(account.is_idle(now()));
    let held = account.hold(Amounts::default(), &Limits::counting(), now());
    assert!(!account.is_idle(now()));
    account.settle(held, Amounts::default(), Amounts { requests: 1, ..Amounts::default() }, now());
    let days = |days: u64| UnixTime::from_secs(now().as_secs() + days * 86_400);
    assert!(!account.is_idle(days(1)));
    assert!(account.is_idle(days(31)));
}

#[test]
fn requests_count_in_the_minute_in_which_they_begin_unless_they_come_to_nothing() {
    let mut account = account();
    let requests = |account: &Account| account.used_in_last_minute(now()).requests;
    let held = [(); 2].map(|()| account.hold(Amounts::default(), &Limits::counting(), now()));
    assert_eq!(requests(&account), 2);
    account.give_back(held[0], Amounts::default(), None);
    account.settle(
        held[1],
        Amounts::default(),
        Amounts { requests: 1, ..Amounts::default() },
        now(),
    );
    assert_eq!(requests(&account), 1);
}
