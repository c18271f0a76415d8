mod interleaved;

use std::num::{NonZeroU32, NonZeroUsize};

use stockade_core::UserId;

use super::*;
use crate::admission::{Admission, Used};
use crate::allowance::LimitKind;
use crate::amounts::Wanted;
use crate::exceeded::Exceeded;
use crate::quota::{Budget, Limits, OnExceeded, Per, Resource};
use crate::rate::Rate;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const HOUR: Period = Period::Hour;

fn later(seconds: u64) -> UnixTime {
    UnixTime::from_secs(NOW.as_secs() + seconds)
}

/// A quota for tests, with budgets only.
fn quota(name: &str, budgets: &[(Resource, Period, u64)]) -> Quota {
    let budget = |&(resource, period, limit): &(_, _, u64)| Budget {
        resource,
        period,
        limit: limit.try_into().unwrap(),
    };
    let budgets = budgets.iter().map(budget).collect();
    Quota {
        name: QuotaName::new(name).unwrap(),
        per: Per::User,
        limits: Limits::new(None, budgets, None).unwrap(),
        on_exceeded: OnExceeded::Refuse,
        on_store_loss: None,
    }
}

fn accounts() -> Arc<Accounts> {
    Arc::new(Accounts::new(NonZeroUsize::new(10_000).unwrap()))
}

fn quotas(accounts: &Arc<Accounts>, list: Vec<Quota>) -> Quotas {
    Quotas::new(Arc::clone(accounts), list, TimeZone::UTC, 1_000).unwrap()
}

/// Every quota applies to one user.
fn alice(quotas: &Quotas) -> Vec<Applicable> {
    let subject = Subject::User(UserId::new("alice").unwrap());
    (0..quotas.iter().len()).map(|quota| Applicable { quota, subject: subject.clone() }).collect()
}

fn chat(input: u64, output: Wanted) -> Estimate {
    Estimate { input, output, gpu_ms: Some(0), ..Estimate::default() }
}

fn tokens(input: u64, output: u64) -> Used {
    Used { input, output, ..Used::default() }
}

/// Returns used and held of every limit.
fn told(quotas: &Quotas, now: UnixTime) -> Vec<(u64, u64)> {
    let states = quotas.states(&alice(quotas), now).into_iter();
    states.map(|state| (state.allowance.used, state.allowance.held)).collect()
}

fn refused(result: Result<Admission, NotAdmitted>) -> Exceeded {
    match result.unwrap_err() {
        NotAdmitted::Exceeded(exceeded) => *exceeded,
        other => panic!("it was not counted: {other}"),
    }
}

#[test]
fn a_request_is_admitted_to_all_quotas_or_to_none() {
    let narrow = quota("narrow", &[(Resource::Tokens, HOUR, 100)]);
    let wide = quota("wide", &[(Resource::Tokens, HOUR, 1_000), (Resource::Requests, HOUR, 9)]);
    let quotas = quotas(&accounts(), vec![wide, narrow]);
    let applicable = alice(&quotas);
    let admission = quotas.admit(&applicable, &chat(40, Wanted::AtMost(500)), NOW).unwrap();
    assert_eq!(admission.output_cap(), Some(60));
    assert_eq!(told(&quotas, NOW), [(0, 100), (0, 1), (0, 100)]);
    let exceeded = refused(quotas.admit(&applicable, &chat(1, Wanted::Unsaid), NOW));
    assert_eq!(exceeded.quota.as_str(), "narrow");
    assert_eq!(told(&quotas, NOW), [(0, 100), (0, 1), (0, 100)]);
    admission.settle(tokens(40, 7));
    assert_eq!(told(&quotas, NOW), [(47, 0), (1, 0), (47, 0)]);
    let used = |now| quotas.used(&applicable[0], HOUR, now);
    assert_eq!((used(NOW).output, used(later(3_600)).output), (7, 0));
}

#[test]
fn an_answer_that_nobody_limits_does_not_hold_everything() {
    let limited = quotas(&accounts(), vec![quota("a", &[(Resource::Tokens, HOUR, 50_000)])]);
    let admit = |quotas: &Quotas| quotas.admit(&alice(quotas), &chat(10, Wanted::Unsaid), NOW);
    assert_eq!(admit(&limited).unwrap().output_cap(), Some(1_000));
    let uncounted = quotas(&accounts(), vec![quota("a", &[(Resource::Requests, HOUR, 1)])]);
    assert_eq!(admit(&uncounted).unwrap().output_cap(), None);
}

#[test]
fn one_answer_holds_a_part_of_what_several_share() {
    let shared = |per, limit| {
        let quota = quota("a", &[(Resource::Tokens, HOUR, limit)]);
        quotas(&accounts(), vec![Quota { per, ..quota }])
    };
    let admit = |quotas: &Quotas| {
        let applicable = [Applicable { quota: 0, subject: Subject::Together }];
        quotas.admit(&applicable, &chat(10, Wanted::AtMost(100_000)), NOW).unwrap()
    };
    let box_of_all = shared(Per::Together, 40_010);
    let long = admit(&box_of_all);
    assert_eq!(long.output_cap(), Some(10_002));
    let longer = admit(&box_of_all);
    assert_eq!(longer.output_cap(), Some(7_499), "a part of what is left by then");
    drop(long);
    drop(longer);
    assert_eq!(admit(&shared(Per::Group, 40_010)).output_cap(), Some(10_002));
    assert_eq!(admit(&shared(Per::User, 40_010)).output_cap(), Some(40_000));
    // The last of it is of use to somebody.
    assert_eq!(admit(&shared(Per::Together, 300)).output_cap(), Some(256));
    assert_eq!(admit(&shared(Per::Together, 100)).output_cap(), Some(90));
}

#[test]
fn a_dropped_admission_gives_back_all_but_what_was_seen() {
    let mut minute = quota("a", &[(Resource::Tokens, HOUR, 1_000)]);
    let rate = Rate::new(NonZeroU32::MIN, NonZeroU32::MIN);
    let two = NonZeroU32::new(2);
    minute.limits = Limits::new(Some(rate), minute.limits.budgets().to_vec(), two).unwrap();
    let quotas = quotas(&accounts(), vec![minute]);
    let admit = || quotas.admit(&alice(&quotas), &chat(40, Wanted::AtMost(100)), NOW).unwrap();
    drop(admit());
    assert_eq!(told(&quotas, NOW), [(0, 0), (0, 0), (0, 0)]);
    let mut failed = admit();
    failed.charge_seen(tokens(40, 0));
    failed.give_back();
    assert_eq!(told(&quotas, NOW), [(0, 0), (0, 0), (0, 0)]);
    let mut cut = admit();
    cut.charge_seen(tokens(40, 0));
    cut.charge_seen(tokens(0, 10));
    assert_eq!(told(&quotas, NOW), [(1, 0), (0, 140), (0, 1)]);
    assert_eq!(cut.seen(), Some(tokens(40, 10)));
    drop(cut);
    assert_eq!(told(&quotas, NOW), [(1, 0), (50, 0), (0, 0)]);
    let exceeded = refused(quotas.admit(&alice(&quotas), &chat(1, Wanted::Nothing), NOW));
    assert_eq!(exceeded.allowance.kind, LimitKind::Rate);
}

#[test]
fn only_quotas_that_refuse_refuse() {
    let mut last = quota("last", &[(Resource::Requests, HOUR, 1)]);
    last.on_exceeded = OnExceeded::Last;
    let mut shadow = quota("shadow", &[(Resource::Tokens, HOUR, 10)]);
    shadow.on_exceeded = OnExceeded::Shadow;
    let quotas = quotas(&accounts(), vec![last, shadow]);
    let admit = || quotas.admit(&alice(&quotas), &chat(8, Wanted::AtMost(9)), NOW).unwrap();
    let first = admit();
    assert_eq!((first.is_last(), first.exceeded().len(), first.output_cap()), (false, 0, Some(9)));
    let second = admit();
    assert!(second.is_last());
    let mut exceeded: Vec<_> = second.exceeded().iter().map(|it| it.quota.as_str()).collect();
    exceeded.sort_unstable();
    assert_eq!(exceeded, ["last", "shadow"]);
    first.settle(tokens(8, 9));
    second.settle(tokens(8, 9));
    assert_eq!(told(&quotas, NOW), [(2, 0), (34, 0)]);
}

#[test]
fn an_edited_quota_goes_on_with_what_was_used() {
    let accounts = accounts();
    let before = quotas(&accounts, vec![quota("a", &[(Resource::Tokens, HOUR, 100)])]);
    let estimate = chat(50, Wanted::AtMost(30));
    let under_way = before.admit(&alice(&before), &estimate, NOW).unwrap();
    let list = vec![
        quota("b", &[(Resource::Tokens, HOUR, 100)]),
        quota("a", &[(Resource::Tokens, Period::Day, 70), (Resource::Requests, HOUR, 5)]),
    ];
    let after = quotas(&accounts, list);
    assert_eq!(told(&after, NOW), [(0, 0), (0, 80), (0, 1)]);
    under_way.settle(tokens(50, 30));
    assert_eq!(told(&after, NOW), [(0, 0), (80, 0), (1, 0)]);
    refused(after.admit(&alice(&after), &chat(1, Wanted::Nothing), NOW));
}

#[test]
fn what_changed_is_taken_and_can_be_restored() {
    let list =
        || vec![quota("a", &[(Resource::Tokens, HOUR, 100), (Resource::Tokens, Period::Day, 900)])];
    let old = accounts();
    let before = quotas(&old, list());
    assert_eq!(old.take_changed(), []);
    for _ in 0..2 {
        let admitted = before.admit(&alice(&before), &chat(20, Wanted::AtMost(5)), NOW).unwrap();
        admitted.settle(tokens(20, 1));
    }
    let changed = old.take_changed();
    assert_eq!(changed.len(), 3);
    assert_eq!(old.take_changed(), []);
    let restored = quotas(&accounts(), list());
    restored.restore(&changed, NOW);
    assert_eq!(told(&restored, NOW), [(42, 0), (42, 0)]);
    let restored = quotas(&accounts(), list());
    restored.restore(&changed, later(3_600));
    assert_eq!(told(&restored, later(3_600)), [(0, 0), (42, 0)]);
}

#[test]
fn accounts_are_bounded_and_idle_ones_make_room() {
    let accounts = Arc::new(Accounts::new(NonZeroUsize::MIN));
    let quotas = quotas(&accounts, vec![quota("a", &[(Resource::Requests, HOUR, 9)])]);
    let admit = |number: usize, now| {
        let subject = Subject::User(UserId::new(&format!("user-{number}")).unwrap());
        quotas.admit(&[Applicable { quota: 0, subject }], &Estimate::default(), now)
    };
    let admitted: Vec<_> = (0..1_000).map(|number| admit(number, NOW)).collect();
    let counted = admitted.iter().filter(|admission| admission.is_ok()).count();
    assert_eq!(counted, 64);
    assert!(
        admitted.iter().filter_map(|it| it.as_ref().err()).all(|e| *e == NotAdmitted::Uncounted)
    );
    drop(admitted);
    // Nothing was used, so everybody's account is as good as new.
    assert!((0..1_000).all(|number| admit(number, later(number as u64 * 2)).is_ok()));
    assert_eq!(accounts.forget_idle(later(3_600)), 0);
}

#[test]
fn what_is_no_quota_is_not_admitted() {
    let quotas = quotas(&accounts(), Vec::new());
    let nobody = [Applicable { quota: 0, subject: Subject::Together }];
    let result = quotas.admit(&nobody, &Estimate::default(), NOW);
    assert_eq!(result.unwrap_err(), NotAdmitted::Uncounted);
    assert!(quotas.admit(&[], &Estimate::default(), NOW).is_ok());
}

#[test]
fn names_are_unique() {
    let one = || quota("a", &[(Resource::Requests, HOUR, 1)]);
    let error = Quotas::new(accounts(), vec![one(), one()], TimeZone::UTC, 1).unwrap_err();
    assert_eq!(error.to_string(), "two quotas are called a");
}

#[test]
fn gpu_time_that_was_used_meanwhile_is_told() {
    let quotas = quotas(&accounts(), vec![quota("gpu", &[(Resource::GpuTime, HOUR, 1_000)])]);
    let run = Estimate { gpu_ms: Some(0), ..Estimate::default() };
    let (first, second) = (
        quotas.admit(&alice(&quotas), &run, NOW).unwrap(),
        quotas.admit(&alice(&quotas), &run, NOW).unwrap(),
    );
    assert_eq!(quotas.check_gpu_time(&alice(&quotas), NOW), Ok(false));
    first.settle(Used { gpu_ms: 1_000, ..Used::default() });
    let refused = quotas.check_gpu_time(&alice(&quotas), NOW).unwrap_err();
    let NotAdmitted::Exceeded(exceeded) = refused else { panic!("{refused:?}") };
    assert_eq!(exceeded.quota.as_str(), "gpu");
    second.give_back();
}

#[test]
fn gpu_time_that_was_used_meanwhile_puts_behind_where_the_quota_says_so() {
    let quota = |name, on_exceeded| Quota {
        on_exceeded,
        ..quota(name, &[(Resource::GpuTime, HOUR, 1_000)])
    };
    let list = vec![quota("told", OnExceeded::Shadow), quota("jobs", OnExceeded::Last)];
    let quotas = quotas(&accounts(), list);
    let run = Estimate { gpu_ms: Some(0), ..Estimate::default() };
    let first = quotas.admit(&alice(&quotas), &run, NOW).unwrap();
    let second = quotas.admit(&alice(&quotas), &run, NOW).unwrap();
    assert_eq!((second.is_last(), quotas.check_gpu_time(&alice(&quotas), NOW)), (false, Ok(false)));
    first.settle(Used { gpu_ms: 1_000, ..Used::default() });
    assert_eq!(quotas.check_gpu_time(&alice(&quotas), NOW), Ok(true));
    second.give_back();
}
