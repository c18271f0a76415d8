//! A map of bounded size whose entries end.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use stockade_core::UnixTime;

/// The entries, for threads to share. Where it is full, those that have ended are forgotten, and a
/// quarter of the others: those that end first. So room is made once for many entries.
pub(crate) struct ExpiringMap<K, V> {
    most: usize,
    entries: Mutex<HashMap<K, Entry<V>>>,
}

struct Entry<V> {
    until: UnixTime,
    value: V,
}

impl<K: Eq + Hash, V: Clone> ExpiringMap<K, V> {
    /// Makes a map of at most so many entries.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, entries: Mutex::default() }
    }

    /// Returns the value of a key, unless it has ended.
    pub(crate) fn get(&self, key: &K, now: UnixTime) -> Option<V> {
        let entries = self.entries();
        entries.get(key).filter(|entry| now < entry.until).map(|entry| entry.value.clone())
    }

    /// Keeps a value until a time, which is not included.
    pub(crate) fn insert(&self, key: K, value: V, until: UnixTime, now: UnixTime) {
        let mut entries = self.entries();
        if entries.len() >= self.most {
            entries.retain(|_, entry| now < entry.until);
            forget_first(&mut entries, self.most - self.most / 4);
        }
        entries.insert(key, Entry { until, value });
    }

    /// Returns the number of entries, those included that have ended and are not forgotten yet.
    pub(crate) fn len(&self) -> usize {
        self.entries().len()
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<K, Entry<V>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets those that end first, until so many are left.
fn forget_first<K: Eq + Hash, V>(entries: &mut HashMap<K, Entry<V>>, left: usize) {
    let Some(index) = entries.len().checked_sub(left + 1) else { return };
    let mut ends: Vec<_> = entries.values().map(|entry| entry.until).collect();
    let (before, &mut last, _) = ends.select_nth_unstable(index);
    let mut of_the_last = index + 1 - before.iter().filter(|end| **end < last).count();
    entries.retain(|_, entry| {
        let is_forgotten = entry.until < last || (entry.until == last && of_the_last > 0);
        of_the_last -= usize::from(is_forgotten && entry.until == last);
        !is_forgotten
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

    fn at(seconds: u64) -> UnixTime {
        UnixTime::from_secs(NOW.as_secs() + seconds)
    }

    #[test]
    fn an_entry_ends_at_its_time() {
        let map = ExpiringMap::new(4);
        map.insert("a", 1, at(60), NOW);
        assert_eq!(map.get(&"a", at(59)), Some(1));
        assert_eq!(map.get(&"a", at(60)), None);
        assert_eq!(map.get(&"b", NOW), None);
        map.insert("a", 2, at(90), at(60));
        assert_eq!(map.get(&"a", at(60)), Some(2));
    }

    #[test]
    fn those_that_have_ended_make_room_for_others() {
        let map = ExpiringMap::new(8);
        for key in 0..8 {
            map.insert(key, (), at(if key < 4 { 10 } else { 100 }), NOW);
        }
        map.insert(8, (), at(100), at(50));
        assert_eq!(map.len(), 5);
        assert!((4..=8).all(|key| map.get(&key, at(50)).is_some()));
    }

    #[test]
    fn those_that_end_first_go_first_and_a_quarter_at_once() {
        let map = ExpiringMap::new(100);
        for key in 0..100_u64 {
            // In no order.
            map.insert(key * 37 % 100, (), at(1 + key * 37 % 100), NOW);
        }
        map.insert(100, (), at(1), NOW);
        assert_eq!(map.len(), 76);
        assert!((0..25).all(|key| map.get(&key, NOW).is_none()));
        assert!((25..=100).all(|key| map.get(&key, NOW).is_some()));
    }

    #[test]
    fn of_those_that_end_together_no_more_go_than_must() {
        let map = ExpiringMap::new(100);
        for key in 0..1000 {
            map.insert(key, (), at(10), NOW);
            assert!(map.len() <= 100 && map.get(&key, NOW).is_some());
        }
        assert!(map.len() > 75);
    }
}
