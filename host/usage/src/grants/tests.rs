mod chaos;
pub(crate) mod model;

use std::num::NonZeroU64;

use stockade_core::QuotaName;

use super::*;
use crate::quota::{Budget, Limits, OnExceeded, Per, Period, Resource};

const TOKENS: LimitKind = LimitKind::Budget(Resource::Tokens, Period::Day);
const NOW: u64 = 1_800_000_000;
const WINDOW: Window = Window::new(UnixTime::from_secs(NOW - 60), UnixTime::from_secs(NOW + 60));
const TIMEOUTS: Timeouts =
    Timeouts { budgets: Duration::from_mins(10), running: Duration::from_secs(30) };

fn quota(limit: u64) -> Quota {
    let limit = NonZeroU64::new(limit).unwrap();
    let budget = Budget { resource: Resource::Tokens, period: Period::Day, limit };
    Quota {
        name: QuotaName::new("everybody").unwrap(),
        per: Per::User,
        limits: Limits::new(None, vec![budget], None).unwrap(),
        on_exceeded: OnExceeded::Refuse,
        on_store_loss: None,
    }
}

fn at(milliseconds: u64) -> UnixTime {
    UnixTime::from_duration(Duration::from_millis(NOW * 1_000 + milliseconds))
}

fn store(milliseconds: u64) -> StoreState {
    StoreState {
        now: at(milliseconds),
        is_connected: true,
        may_ask: true,
        replicas: 3,
        timeouts: TIMEOUTS,
    }
}

fn own(used: u64, held: u64) -> Own {
    Own { window: WINDOW, used, held }
}

fn granted(amount: u64, used: u64, held: u64) -> Reply {
    let granted = vec![Granted { amount, others: Others { used, held } }];
    Reply { settles_for: Duration::ZERO, granted }
}

fn grants() -> Grants {
    let mut grants = Grants::default();
    grants.follow(&quota(100));
    grants
}

/// Returns grants after a claim of an amount that was granted in full.
fn after(used: Own, amount: u64) -> Grants {
    let mut grants = grants();
    grants.want(TOKENS, amount - used.floor());
    let claim = grants.claim(|_| used, 1, at(0)).unwrap();
    grants.apply(&claim, &granted(amount, 0, 0), TIMEOUTS);
    grants
}

fn capacity(grants: &Grants, used: Own, store: &StoreState) -> (u64, Beyond) {
    let capacity = grants.capacity((TOKENS, 100), used, &quota(100), store);
    (capacity.amount, capacity.beyond)
}

#[test]
fn only_a_reply_to_the_last_call_is_counted_on() {
    let mut grants = grants();
    assert_eq!(capacity(&grants, own(0, 0), &store(0)), (0, Beyond::Ask));
    grants.want(TOKENS, 30);
    let first = grants.claim(|_| own(0, 0), 1, at(0)).unwrap();
    assert_eq!((first.limits[0].want, first.limits[0].unit), (30, Some(30)));
    assert_eq!(grants.claim(|_| own(0, 0), 2, at(0)), None);
    grants.abandon();
    grants.want(TOKENS, 20);
    let second = grants.claim(|_| own(0, 0), 3, at(0)).unwrap();
    grants.apply(&first, &granted(30, 0, 0), TIMEOUTS);
    assert_eq!(capacity(&grants, own(0, 0), &store(0)), (0, Beyond::Ask));
    grants.apply(&second, &granted(20, 0, 0), TIMEOUTS);
    assert_eq!(capacity(&grants, own(0, 0), &store(0)), (20, Beyond::Ask));
    grants.apply(&second, &granted(90, 0, 0), TIMEOUTS);
    assert_eq!(capacity(&grants, own(0, 0), &store(0)), (20, Beyond::Ask));
}

#[test]
fn what_is_returned_is_not_counted_on_before_the_store_hears_of_it() {
    let mut grants = after(own(0, 0), 60);
    grants.give_back();
    let claim = grants.claim(|_| own(10, 5), 2, at(0)).unwrap();
    let limit = claim.limits[0];
    assert_eq!((limit.used, limit.floor, limit.keep, limit.want), (10, 15, 15, 15));
    assert_eq!(capacity(&grants, own(10, 5), &store(0)).0, 15);
}

#[test]
fn a_grant_is_void_in_another_window_and_after_its_time() {
    let grants = after(own(0, 0), 60);
    assert_eq!(capacity(&grants, own(0, 0), &store(599_999)).0, 60);
    assert_eq!(capacity(&grants, own(0, 0), &store(600_000)).0, 0);
    let next = Window::new(WINDOW.end(), UnixTime::from_secs(NOW + 180));
    assert_eq!(capacity(&grants, Own { window: next, ..own(0, 0) }, &store(0)).0, 0);
    // The clock was set back by an hour.
    let earlier = StoreState { now: UnixTime::from_secs(NOW - 3_600), ..store(0) };
    assert_eq!(capacity(&grants, own(0, 0), &earlier).0, 0);
}

#[test]
fn a_store_that_has_no_more_is_not_asked_for_a_moment() {
    let mut grants = grants();
    grants.want(TOKENS, 50);
    let claim = grants.claim(|_| own(0, 0), 1, at(0)).unwrap();
    grants.apply(&claim, &granted(10, 20, 70), TIMEOUTS);
    assert_eq!(capacity(&grants, own(0, 0), &store(99)), (10, Beyond::Exceeded));
    assert_eq!(capacity(&grants, own(0, 0), &store(100)), (10, Beyond::Ask));
    grants.want(TOKENS, 50);
    let claim = grants.claim(|_| own(0, 0), 2, at(0)).unwrap();
    // What others have used does not come back.
    grants.apply(&claim, &granted(10, 90, 0), TIMEOUTS);
    assert_eq!(capacity(&grants, own(0, 0), &store(100)), (10, Beyond::Exceeded));
}

#[test]
fn a_store_that_settles_or_is_away_is_not_asked() {
    let mut grants = after(own(0, 0), 40);
    let away = StoreState { is_connected: false, ..store(0) };
    assert_eq!(capacity(&grants, own(0, 0), &away), (40, Beyond::Lost));
    let claim = grants.claim(|_| own(0, 0), 2, at(0)).unwrap();
    let reply = Reply { settles_for: Duration::from_secs(2), ..granted(40, 0, 0) };
    grants.apply(&claim, &reply, TIMEOUTS);
    assert_eq!(capacity(&grants, own(0, 0), &store(1_999)), (40, Beyond::Lost));
    assert_eq!(capacity(&grants, own(0, 0), &store(2_000)), (40, Beyond::Ask));
    let mut local = quota(100);
    local.on_store_loss = Some(OnStoreLoss::Local);
    let capacity = |used, quota: &Quota| grants.capacity((TOKENS, 100), used, quota, &away);
    assert_eq!(capacity(own(0, 0), &local).amount, 40);
    local.on_store_loss = Some(OnStoreLoss::Ignore);
    assert_eq!(capacity(own(0, 0), &local).amount, 100);
}

#[test]
fn the_store_is_told_now_and_then() {
    let mut grants = after(own(0, 0), 40);
    let mut due = |own: Own, milliseconds| grants.due(|_| own, at(milliseconds), TIMEOUTS);
    // A request that has asked may not have come yet to take it.
    assert_eq!(due(own(0, 0), 1), Due::Nothing);
    assert_eq!(due(own(5, 5), 2_000), Due::Nothing);
    assert_eq!(due(own(5, 5), 3_000), Due::Tell);
    assert_eq!(due(own(0, 0), 3_001), Due::Nothing);
    // Nobody has used anything for ten seconds: what is spare goes back.
    assert_eq!(due(own(0, 0), 13_000), Due::Tell);
    let claim = grants.claim(|_| own(0, 0), 2, at(13_000)).unwrap();
    assert_eq!((claim.limits[0].keep, claim.limits[0].unit), (0, None));
    grants.apply(&claim, &granted(0, 0, 0), TIMEOUTS);
    assert_eq!(grants.due(|_| own(0, 0), at(14_000), TIMEOUTS), Due::Forget);
}

#[test]
fn requests_that_wait_go_on_with_the_reply_or_without_one() {
    let mut grants = grants();
    grants.want(TOKENS, 30);
    let mut first = grants.wait();
    let claim = grants.claim(|_| own(0, 0), 1, at(0)).unwrap();
    let mut second = grants.wait();
    grants.apply(&claim, &granted(30, 0, 0), TIMEOUTS);
    assert!(first.try_recv().is_ok());
    assert_eq!(second.try_recv(), Err(oneshot::error::TryRecvError::Empty));
    grants.abandon();
    assert_eq!(second.try_recv(), Err(oneshot::error::TryRecvError::Closed));
}
