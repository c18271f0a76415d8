//! The queue before Ollama, and the account of what was used.

use std::num::NonZeroUsize;
use std::time::Duration;

use stockade_usage::Amounts;
use stockade_usage::ledger::OnDamage;
use stockade_usage::turn::QueueSettings;
use stockade_yaml::{Diagnostics, Field, Problem};

use super::LoadContext;
use super::quantities::{Quantity, whole};
use super::store;
use crate::raw::{Damaged, RawQueue, RawUsage, RawUsed};
use crate::types::{Store, UsageRules};

/// Returns the queue's bounds, where the configuration says how many requests Ollama works on.
pub(super) fn queue(
    slots: Field<u64>,
    queue: Field<RawQueue>,
    diagnostics: &mut Diagnostics,
) -> Option<QueueSettings> {
    let has_slots = !matches!(slots, Field::Absent);
    let slots = whole(1..=10_000).read_number(slots, diagnostics);
    if let (Field::Present(queue), false) = (&queue, has_slots) {
        let message = "nobody waits as long as it is not known how many requests Ollama works on";
        let help = "write `slots` beside `queue`, with the number of OLLAMA_NUM_PARALLEL";
        diagnostics.add(Problem::new(queue.at, message).help(help));
    }
    let RawQueue { length, per_user, wait, switch_after } = queue.value().unwrap_or_default();
    let mut number = |raw| {
        let number = whole(1..=1_000_000).read_number(raw, diagnostics)?;
        usize::try_from(number).ok()
    };
    let (length, per_user) = (number(length), number(per_user));
    let time = Quantity::duration(Duration::from_millis(100)..=Duration::from_hours(24));
    let wait = time.read(wait, diagnostics);
    let from_zero = Quantity::duration(Duration::ZERO..=Duration::from_hours(24));
    let switch_after = from_zero.read(switch_after, diagnostics);
    let usual = QueueSettings::of(NonZeroUsize::new(usize::try_from(slots?).ok()?)?);
    Some(QueueSettings {
        length: length.unwrap_or(usual.length),
        per_user: per_user.unwrap_or(usual.per_user),
        wait: wait.unwrap_or(usual.wait),
        switch_after: switch_after.unwrap_or(usual.switch_after),
        ..usual
    })
}

pub(super) fn rules(
    raw: Field<RawUsage>,
    context: &mut LoadContext<'_>,
    diagnostics: &mut Diagnostics,
) -> (UsageRules, Option<Store>) {
    let RawUsage { retention, on_damage, answer_limit, store } = raw.value().unwrap_or_default();
    let default = UsageRules::default();
    let time = Quantity::duration(Duration::from_hours(24)..=Duration::from_hours(24 * 3_660));
    let limit = Quantity::amount(1..=1_000_000_000);
    let rules = UsageRules {
        retention: time.read(retention, diagnostics).unwrap_or(default.retention),
        on_damage: match on_damage.value().unwrap_or_default() {
            Damaged::Refuse => OnDamage::Refuse,
            Damaged::StartAtZero => OnDamage::StartAtZero,
        },
        answer_limit: limit.read(answer_limit, diagnostics).unwrap_or(default.answer_limit),
    };
    (rules, store::store(store, context, diagnostics))
}

/// Returns the amounts that the caller of a test has used.
pub(super) fn used(raw: Field<RawUsed>, diagnostics: &mut Diagnostics) -> Option<Amounts> {
    let is_invalid = raw.is_invalid();
    let raw = raw.value().unwrap_or_default();
    let RawUsed { requests, tokens, input_tokens, output_tokens, gpu_time, pulled } = raw;
    let amount = Quantity::amount(0..=u64::MAX);
    let mut read = |text| amount.read(text, diagnostics).unwrap_or_default();
    let (requests, input) = (read(requests), read(input_tokens));
    let output = read(tokens).saturating_add(read(output_tokens));
    let time = Quantity::duration(Duration::ZERO..=Duration::MAX).read(gpu_time, diagnostics);
    let pulled = Quantity::size(0..=u64::MAX).read(pulled, diagnostics).unwrap_or_default();
    let gpu_ms = u64::try_from(time.unwrap_or_default().as_millis()).unwrap_or(u64::MAX);
    (!is_invalid).then_some(Amounts { requests, input, output, gpu_ms, pulled })
}
