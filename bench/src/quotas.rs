//! Admission to quotas, and the ledger of who used what.

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use hdrhistogram::Histogram;
use jiff::tz::TimeZone;
use stockade_core::{CredentialId, GroupName, ModelName, Operation, QuotaName, UnixTime, UserId};
use stockade_usage::ledger::{Counts, Ledger, LedgerSettings, OnDamage, UsageKey};
use stockade_usage::{
    Accounts, Applicable, Budget, Estimate, Limits, OnExceeded, Per, Period, Quota, Quotas, Rate,
    Resource, Subject, Used, Wanted,
};

use crate::decisions::{LONGEST, nanoseconds};
use crate::machine;

/// Users who have accounts.
const USERS: usize = 100_000;
/// A number that is prime to that of the users: all of them come in turn, out of order.
const STRIDE: usize = 7_919;
const START: u64 = 1_800_000_000;
/// Room for all.
const PLENTY: NonZeroU64 = NonZeroU64::new(1 << 50).expect("it is not 0");
const MANY: NonZeroU32 = NonZeroU32::new(1_000_000).expect("it is not 0");
/// Users of the ledger, and the hours of a day in which they work.
const PEOPLE: u64 = 1_000;
const HOURS: u64 = 4;

/// Five quotas, each with a rate, five budgets and a number of requests at once.
fn quotas() -> anyhow::Result<Quotas> {
    let list = [
        ("everybody", Per::User),
        ("chat", Per::User),
        ("keys", Per::Key),
        ("groups", Per::Group),
        ("box", Per::Together),
    ];
    let list = list.map(|(name, per)| quota(name, per)).into_iter().collect::<anyhow::Result<_>>();
    let accounts = NonZeroUsize::new(10 * USERS).context("there are users")?;
    Ok(Quotas::new(Arc::new(Accounts::new(accounts)), list?, TimeZone::UTC, 8_000)?)
}

fn quota(name: &str, per: Per) -> anyhow::Result<Quota> {
    let budgets = [
        (Resource::Tokens, Period::Hour),
        (Resource::Tokens, Period::Day),
        (Resource::Tokens, Period::Month),
        (Resource::GpuTime, Period::Day),
        (Resource::PulledBytes, Period::Day),
    ];
    let budgets = budgets.map(|(resource, period)| Budget { resource, period, limit: PLENTY });
    let rate = Rate::new(MANY, MANY);
    Ok(Quota {
        name: QuotaName::new(name)?,
        per,
        limits: Limits::new(Some(rate), budgets.to_vec(), Some(MANY))?,
        on_exceeded: OnExceeded::Refuse,
        on_store_loss: None,
    })
}

/// The accounts in which one user counts.
fn applicable(number: usize) -> anyhow::Result<[Applicable; 5]> {
    let user = UserId::new(&format!("user-{number}"))?;
    let key = Subject::Key(user.clone(), CredentialId::new("laptop")?);
    let user = Subject::User(user);
    let group = Subject::Group(GroupName::new(&format!("group-{}", number % 100))?);
    let mut quota = 0;
    Ok([user.clone(), user, key, group, Subject::Together].map(|subject| {
        quota += 1;
        Applicable { quota: quota - 1, subject }
    }))
}

fn ask(quotas: &Quotas, applicable: &[Applicable], now: UnixTime) -> anyhow::Result<()> {
    let estimate =
        Estimate { input: 100, output: Wanted::Unsaid, gpu_ms: Some(0), pulled: Wanted::Nothing };
    let admission = quotas.admit(applicable, &estimate, now)?;
    admission.settle(Used { input: 90, output: 200, gpu_ms: 1_500, pulled: 0 });
    Ok(())
}

/// Measures how long it takes to admit a request and to settle it, in nanoseconds, on one pinned
/// thread, while so many of the users come in turn.
///
/// # Errors
/// Where a request is not admitted.
pub fn admission(requests: usize, active: usize) -> anyhow::Result<Histogram<u64>> {
    let quotas = quotas()?;
    let users = (0..USERS).map(applicable).collect::<anyhow::Result<Vec<_>>>()?;
    let at = |step: usize| {
        UnixTime::from_duration(Duration::from_secs(START) + Duration::from_micros(step as u64))
    };
    for user in &users {
        ask(&quotas, user, at(0))?;
    }
    let last = *machine::processors().last().context("no processor to run on")?;
    machine::pinned(last, || {
        let mut histogram = Histogram::new_with_bounds(1, LONGEST, 3)?;
        for step in 1..=requests {
            let (user, now) = (&users[step * STRIDE % active], at(100 * step));
            let started = Instant::now();
            ask(&quotas, user, now)?;
            histogram.saturating_record(nanoseconds(started.elapsed()));
        }
        Ok(histogram)
    })
}

/// Measures how long it takes to open the ledger of a thousand users after so many days.
///
/// # Errors
/// Where it cannot be written.
pub fn opening(days: u64) -> anyhow::Result<Duration> {
    let directory = tempfile::tempdir()?;
    fill(&open(directory.path(), days)?, days)?;
    let started = Instant::now();
    let ledger = open(directory.path(), days)?;
    let took = started.elapsed();
    drop(ledger);
    Ok(took)
}

fn open(directory: &Path, days: u64) -> anyhow::Result<Ledger> {
    let settings = LedgerSettings {
        path: directory.join("usage.sqlite"),
        interval: Duration::from_hours(1),
        on_damage: OnDamage::Refuse,
    };
    let now = UnixTime::from_secs(START + days * 86_400);
    Ok(Ledger::open(&settings, Arc::new(Accounts::new(NonZeroUsize::MIN)), now)?.ledger)
}

fn fill(ledger: &Ledger, days: u64) -> anyhow::Result<()> {
    let model = ModelName::parse("llama3.2:3b")?;
    let counts = Counts { requests: 9, input: 4_000, output: 9_000, ..Counts::default() };
    for day in 0..days {
        for user in 0..PEOPLE {
            for hour in 0..HOURS {
                let key = UsageKey {
                    hour: UnixTime::from_secs(START + (day * 24 + hour) * 3_600),
                    user: UserId::new(&format!("user-{user}"))?,
                    credential: None,
                    model: Some(model.clone()),
                    operation: Operation::Chat,
                };
                ledger.record(key, counts);
            }
        }
        ledger.flush()?;
    }
    Ok(())
}
