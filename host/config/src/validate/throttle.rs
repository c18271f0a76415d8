//! The rules that slow down those who fail to prove who they are.

use std::time::Duration;

use stockade_authn::ThrottleRules;
use stockade_yaml::{Diagnostics, Field, Problem};

use super::quantities::{Quantity, whole};
use crate::raw::RawThrottle;

const DAY: Duration = Duration::from_hours(24);

/// `None` where nobody is slowed down.
pub(super) fn throttle(
    slot: Field<RawThrottle>,
    diagnostics: &mut Diagnostics,
) -> Option<ThrottleRules> {
    let written = slot.optional();
    let at = written.as_ref().map(|raw| raw.at);
    let raw = written.map(|raw| raw.value).unwrap_or_default();
    let enabled = raw.enabled.value().unwrap_or(true);
    let default = ThrottleRules::default();
    let second = Duration::from_secs(1);
    let failures = whole(1..=10_000).read_number(raw.failures, diagnostics);
    let wait = Quantity::duration(second..=Duration::from_hours(1)).read(raw.wait, diagnostics);
    let longest = Quantity::duration(second..=DAY).read(raw.longest_wait, diagnostics);
    let forget = Quantity::duration(second..=DAY).read(raw.forget, diagnostics);
    let rules = ThrottleRules {
        failures: failures.and_then(|n| n.try_into().ok()).unwrap_or(default.failures),
        wait: wait.unwrap_or(default.wait),
        longest_wait: longest.unwrap_or(default.longest_wait),
        forget: forget.unwrap_or(default.forget),
    };
    // Forgetting before the wait is over would end it.
    let order = [rules.wait, rules.longest_wait, rules.forget];
    if let Some(at) = at.filter(|_| !order.is_sorted()) {
        let message = "these times are not in order";
        let help = "`wait` is at most `longest_wait`, and that at most `forget`; without them \
                    they are 1s, 5m and 15m";
        diagnostics.add(Problem::new(at, message).help(help));
    }
    enabled.then_some(rules)
}
