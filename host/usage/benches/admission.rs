//! The cost of admitting a request to five quotas and settling it, among 100,000 users.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up has to fail")]

use std::hint::black_box;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use jiff::tz::TimeZone;
use stockade_core::{CredentialId, GroupName, QuotaName, UnixTime, UserId};
use stockade_usage::{
    Accounts, Applicable, Budget, Estimate, Limits, OnExceeded, Per, Period, Quota, Quotas, Rate,
    Resource, Subject, Used, Wanted,
};

const USERS: usize = 100_000;
/// Users who ask while the others are away.
const ACTIVE: usize = 1_000;
const START: u64 = 1_800_000_000;
const TIME: Duration = Duration::from_secs(8);
const PLENTY: u64 = 1 << 50;

/// A quota with every limit of the example in the guide, and room for all.
fn quota(name: &str, per: Per) -> Quota {
    let budgets = [
        (Resource::Tokens, Period::Hour),
        (Resource::Tokens, Period::Day),
        (Resource::Tokens, Period::Month),
        (Resource::GpuTime, Period::Day),
        (Resource::PulledBytes, Period::Day),
    ];
    let limit = PLENTY.try_into().unwrap();
    let budgets = budgets.into_iter().map(|(resource, period)| Budget { resource, period, limit });
    let most = NonZeroU32::new(1_000_000).unwrap();
    let rate = Rate::new(most, most);
    let limits = Limits::new(Some(rate), budgets.collect(), Some(most)).unwrap();
    Quota {
        name: QuotaName::new(name).unwrap(),
        per,
        limits,
        on_exceeded: OnExceeded::Refuse,
        on_store_loss: None,
    }
}

fn quotas() -> Quotas {
    let list = vec![
        quota("everybody", Per::User),
        quota("chat", Per::User),
        quota("keys", Per::Key),
        quota("groups", Per::Group),
        quota("box", Per::Together),
    ];
    let accounts = Arc::new(Accounts::new(NonZeroUsize::new(1_000_000).unwrap()));
    Quotas::new(accounts, list, TimeZone::get("Europe/Berlin").unwrap(), 8_192).unwrap()
}

/// Five quotas that apply to one of many users.
fn applicable(number: usize) -> Vec<Applicable> {
    let user = UserId::new(&format!("user-{number}")).unwrap();
    let key = Subject::Key(user.clone(), CredentialId::new("laptop").unwrap());
    let user = Subject::User(user);
    let group = GroupName::new(&format!("group-{}", number % 100)).unwrap();
    let subjects = [user.clone(), user, key, Subject::Group(group), Subject::Together];
    let subjects = subjects.into_iter().enumerate();
    subjects.map(|(quota, subject)| Applicable { quota, subject }).collect()
}

fn ask(quotas: &Quotas, applicable: &[Applicable], now: UnixTime) {
    let estimate =
        Estimate { input: 100, output: Wanted::Unsaid, gpu_ms: Some(0), pulled: Wanted::Nothing };
    let admission = quotas.admit(applicable, &estimate, now).unwrap();
    black_box(admission.output_cap());
    admission.settle(Used { input: 90, output: 200, gpu_ms: 1_500, pulled: 0 });
}

fn read(applicable: &[Applicable]) {
    for Applicable { subject, .. } in applicable {
        let name = match subject {
            Subject::User(user) | Subject::UserModel(user, _) => user.as_str(),
            Subject::Group(group) => group.as_str(),
            Subject::Key(_, key) => key.as_str(),
            Subject::Together => "",
        };
        black_box(name.bytes().next_back());
    }
}

fn at(step: u64) -> UnixTime {
    UnixTime::from_duration(Duration::from_secs(START) + Duration::from_micros(step))
}

fn admission(criterion: &mut Criterion<ProcessorTime>) {
    let quotas = quotas();
    let users: Vec<_> = (0..USERS).map(applicable).collect();
    for user in &users {
        ask(&quotas, user, at(0));
    }
    let (mut step, mut active) = (0, 0);
    let mut next = || {
        step += 1;
        // A stride that is prime to the number of users visits all of them out of order.
        (&users[step * 7_919 % USERS], at(100 * step as u64))
    };
    let mut group = criterion.benchmark_group("admit to 5 quotas and settle");
    // Samples that are long beside a tick.
    group.sampling_mode(SamplingMode::Flat).sample_size(15).measurement_time(TIME);
    group.bench_function("100,000 users", |bencher| {
        bencher.iter(|| {
            let (user, now) = next();
            ask(&quotas, user, now);
        });
    });
    // A gateway has just read them to know who asks.
    group.bench_function("of that, reading the names", |bencher| {
        bencher.iter(|| read(next().0));
    });
    // Accounts of those who are active are in the processor's caches.
    group.bench_function("1,000 of the users", |bencher| {
        bencher.iter(|| {
            let (_, now) = next();
            active = (active + 389) % ACTIVE;
            ask(&quotas, &users[active], now);
        });
    });
    group.bench_function("the same user", |bencher| {
        bencher.iter(|| ask(&quotas, &users[7], next().1));
    });
}

/// Time that the thread was on a processor: others use the machine as well.
struct ProcessorTime;

impl Measurement for ProcessorTime {
    type Intermediate = u64;
    type Value = Duration;

    fn start(&self) -> u64 {
        // The first number is that of nanoseconds, brought up to date at every tick.
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        text.split(' ').next().unwrap().parse().unwrap()
    }

    fn end(&self, begin: u64) -> Duration {
        Duration::from_nanos(self.start() - begin)
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        WallTime.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

fn on_processor() -> Criterion<ProcessorTime> {
    Criterion::default().with_measurement(ProcessorTime)
}

criterion_group!(name = benches; config = on_processor(); targets = admission);
criterion_main!(benches);
