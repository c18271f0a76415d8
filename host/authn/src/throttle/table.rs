//! Failures by whom they are held against, bounded.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use stockade_core::UnixTime;

use super::ThrottleRules;

/// So many are remembered, in about two megabytes.
pub(super) const MOST: usize = 16_384;

/// The number of entries that are left after the least of them were forgotten.
const LEFT: usize = MOST / 4 * 3;

struct Entry {
    failures: u32,
    last: UnixTime,
    until: UnixTime,
    turned_away: u64,
}

impl Entry {
    fn is_forgotten(&self, rules: &ThrottleRules, now: UnixTime) -> bool {
        since(self.last, now) >= rules.forget
    }
}

/// The sum of the failures that lead to waiting.
pub(super) struct Counted {
    pub(super) failures: u32,
    pub(super) turned_away: u64,
    pub(super) wait: Duration,
}

pub(super) struct Table<K>(HashMap<K, Entry>);

impl<K> Default for Table<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Hash + Eq> Table<K> {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn wait(
        &mut self,
        key: &K,
        rules: &ThrottleRules,
        now: UnixTime,
    ) -> Option<Duration> {
        let entry = self.0.get_mut(key).filter(|entry| !entry.is_forgotten(rules, now))?;
        if entry.until <= now {
            return None;
        }
        entry.turned_away += 1;
        // A clock that was set back must not make it longer.
        Some(since(now, entry.until).min(rules.longest_wait))
    }

    pub(super) fn failed(
        &mut self,
        key: K,
        rules: &ThrottleRules,
        now: UnixTime,
    ) -> Option<Counted> {
        if !self.0.contains_key(&key) {
            self.make_room(rules, now);
        }
        let fresh = || Entry { failures: 0, last: now, until: now, turned_away: 0 };
        let entry = self.0.entry(key).or_insert_with(fresh);
        if entry.is_forgotten(rules, now) {
            *entry = fresh();
        }
        entry.failures = entry.failures.saturating_add(1);
        entry.last = now;
        let wait = rules.wait_after(entry.failures)?;
        entry.until = UnixTime::from_duration(now.as_duration().saturating_add(wait));
        let turned_away = std::mem::take(&mut entry.turned_away);
        Some(Counted { failures: entry.failures, turned_away, wait })
    }

    /// Forgets entries where there are too many: those that count no more, and then those with the
    /// fewest failures, the oldest first. Whoever wants its failures forgotten has to make as many
    /// from thousands of addresses, or under thousands of names.
    fn make_room(&mut self, rules: &ThrottleRules, now: UnixTime) {
        if self.0.len() < MOST {
            return;
        }
        self.0.retain(|_, entry| !entry.is_forgotten(rules, now));
        let Some(mut surplus) = self.0.len().checked_sub(LEFT).filter(|surplus| *surplus > 0)
        else {
            return;
        };
        let rank = |entry: &Entry| (entry.failures, entry.last);
        let mut ranks: Vec<_> = self.0.values().map(rank).collect();
        let (_, &mut least, _) = ranks.select_nth_unstable(surplus - 1);
        self.0.retain(|_, entry| {
            let forget = surplus > 0 && rank(entry) <= least;
            surplus -= usize::from(forget);
            !forget
        });
    }
}

fn since(first: UnixTime, now: UnixTime) -> Duration {
    now.as_duration().saturating_sub(first.as_duration())
}
