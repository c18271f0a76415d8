//! A year of 1,000 users: how long it takes to open, to ask and to go on writing.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up has to fail")]

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::tz::TimeZone;
use stockade_core::{ModelName, Operation, UnixTime, UserId};
use stockade_usage::Accounts;
use stockade_usage::ledger::{
    Counts, Dimension, Ledger, LedgerSettings, OnDamage, ReportQuery, UsageKey,
};

const USERS: u64 = 1_000;
const DAYS: u64 = 365;
/// Hours of a day in which a user works.
const HOURS: u64 = 4;
const START: u64 = 1_767_225_600;
const END: UnixTime = UnixTime::from_secs(START + DAYS * 86_400);

fn open(directory: &Path) -> Ledger {
    let settings = LedgerSettings {
        path: directory.join("usage.db"),
        interval: Duration::from_hours(1),
        on_damage: OnDamage::Refuse,
    };
    let accounts = Arc::new(Accounts::new(NonZeroUsize::MIN));
    Ledger::open(&settings, accounts, END).unwrap().ledger
}

fn key(user: u64, hour: u64) -> UsageKey {
    let model = if user.is_multiple_of(3) { "qwen3:8b" } else { "llama3.2:3b" };
    UsageKey {
        hour: UnixTime::from_secs(START + hour * 3_600),
        user: UserId::new(&format!("user-{user}")).unwrap(),
        credential: None,
        model: Some(ModelName::parse(model).unwrap()),
        operation: Operation::Chat,
    }
}

const COUNTS: Counts = Counts {
    requests: 9,
    refused: 1,
    input: 4_000,
    output: 9_000,
    gpu_ms: 70_000,
    load_ms: 2_000,
    pulled: 0,
};

fn fill(ledger: &Ledger) {
    for day in 0..DAYS {
        for user in 0..USERS {
            for hour in 0..HOURS {
                ledger.record(key(user, day * 24 + 9 + hour), COUNTS);
            }
        }
        ledger.flush().unwrap();
    }
}

fn year(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().unwrap();
    fill(&open(directory.path()));
    let mut group = criterion.benchmark_group("a year of 1,000 users");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    group.bench_function("open", |bencher| bencher.iter(|| open(directory.path())));
    let ledger = open(directory.path());
    let reader = ledger.reader().unwrap();
    let ask = |by: &[Dimension], users, since| {
        let query = ReportQuery { by: by.to_vec(), users, since, ..ReportQuery::default() };
        reader.report(&query, &TimeZone::UTC).unwrap()
    };
    let one = || Some(vec![UserId::new("user-77").unwrap()]);
    let week = UnixTime::from_secs(END.as_secs() - 7 * 86_400);
    group.bench_function("all by user", |bencher| {
        bencher.iter(|| ask(&[Dimension::User], None, None));
    });
    group.bench_function("a week by user", |bencher| {
        bencher.iter(|| ask(&[Dimension::User], None, Some(week)));
    });
    group.bench_function("one user by day", |bencher| {
        bencher.iter(|| ask(&[Dimension::Day], one(), None));
    });
    group.bench_function("a batch of 1,000 rows", |bencher| {
        bencher.iter(|| {
            (0..USERS).for_each(|user| ledger.record(key(user, DAYS * 24), COUNTS));
            ledger.flush().unwrap();
        });
    });
}

criterion_group!(benches, year);
criterion_main!(benches);
