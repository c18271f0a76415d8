//! Quotas, the queue and the account as a configuration says them.

use std::num::NonZeroU32;
use std::time::Duration;

use stockade_config::{Config, Loaded, QuotaRule, UsageRules};
use stockade_core::{ModelName, ModelRef, ModelRole, Operation};
use stockade_usage::ledger::OnDamage;
use stockade_usage::store::Servers;
use stockade_usage::turn::QueueSettings;
use stockade_usage::{Amounts, OnExceeded, Per, Period, Resource};

use crate::config::{cases, load_case, surroundings};

fn quotas() -> Config {
    let (surroundings, case) = (surroundings(), cases().join("good/quotas.yaml"));
    let Loaded { config, .. } = load_case(&surroundings, "good", &case).unwrap();
    config
}

fn budgets(rule: &QuotaRule) -> Vec<(Resource, Period, u64)> {
    let budgets = rule.quota.limits.budgets().iter();
    budgets.map(|budget| (budget.resource, budget.period, budget.limit.get())).collect()
}

#[test]
fn limits_arrive() {
    let config = quotas();
    let [everybody, research, keys, together] = config.quotas.as_slice() else {
        panic!("{:?}", config.quotas);
    };
    let rate = everybody.quota.limits.rate().unwrap();
    assert_eq!((rate.per_minute().get(), rate.burst().get()), (60, 20));
    let expected = [
        (Resource::Requests, Period::Day, 1_000),
        (Resource::Tokens, Period::Hour, 50_000),
        (Resource::Tokens, Period::Day, 300_000),
        (Resource::Tokens, Period::Month, 5_000_000),
        (Resource::GpuTime, Period::Day, 1_800_000),
        (Resource::PulledBytes, Period::Day, 50 << 30),
    ];
    assert_eq!(budgets(everybody), expected);
    assert_eq!(everybody.quota.limits.concurrent(), NonZeroU32::new(2));
    assert_eq!((everybody.quota.per, everybody.quota.on_exceeded), (Per::User, OnExceeded::Refuse));
    assert_eq!(everybody.description.as_deref(), Some("A share for each."));
    assert_eq!((research.quota.per, research.quota.on_exceeded), (Per::Group, OnExceeded::Last));
    assert_eq!((keys.quota.per, keys.quota.on_exceeded), (Per::Key, OnExceeded::Shadow));
    assert_eq!(keys.quota.limits.rate().unwrap().burst().get(), 5, "as many as in a minute");
    assert_eq!(together.quota.per, Per::Together);
}

#[test]
fn what_counts_is_what_is_named_or_what_costs() {
    let config = quotas();
    let of = |name: &str| ModelRef { name: ModelName::parse(name).unwrap(), role: ModelRole::Use };
    let [everybody, research, ..] = config.quotas.as_slice() else { panic!() };
    for operation in [Operation::Chat, Operation::Embed, Operation::Pull, Operation::WebSearch] {
        assert!(everybody.counts(operation, &[]), "{operation}");
    }
    for operation in [Operation::List, Operation::Running, Operation::Show, Operation::WhoAmI] {
        assert!(!everybody.counts(operation, &[of("qwen3:8b")]), "{operation}");
    }
    assert!(research.counts(Operation::Chat, &[of("qwen3:8b")]));
    assert!(!research.counts(Operation::Chat, &[of("llama3.2:3b")]));
    assert!(!research.counts(Operation::Embed, &[of("qwen3:8b")]));
}

fn servers(url: &str) -> Servers {
    Servers::Single(url.parse().unwrap())
}

#[test]
fn the_queue_and_the_account_arrive() {
    let config = quotas();
    let QueueSettings { slots, length, per_user, wait, switch_after, .. } =
        config.upstream.queue.unwrap();
    assert_eq!((slots.get(), length, per_user), (4, 50, 5));
    assert_eq!((wait, switch_after), (Duration::from_mins(2), Duration::from_secs(10)));
    let retention = Duration::from_hours(90 * 24);
    let rules = UsageRules { retention, on_damage: OnDamage::StartAtZero, answer_limit: 4_000 };
    assert_eq!(config.usage, rules);
    let store = config.store.unwrap().settings;
    assert_eq!((store.servers, store.prefix.as_str()), (servers("valkey://[::1]:6379"), "home"));
    let times = [store.timeout, store.budgets_kept, store.running_kept, store.settle];
    assert_eq!(times.map(|time| time.as_secs()), [1, 300, 60, 3]);
    let after = config.tests[0].asked.after;
    let expected =
        Amounts { requests: 3, input: 0, output: 49_000, gpu_ms: 1_740_000, pulled: 1 << 30 };
    assert_eq!(after, expected);
}
