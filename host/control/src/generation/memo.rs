//! Verdicts that are still true, for questions that are asked again.
//!
//! A policy is a pure function of its settings, which a generation never changes, and of what it
//! declares to be told. All of that is part of the question, byte for byte, but for the time: what
//! depends on that is used for as long as the policy says that it holds. A run that failed or
//! wrote into the log is not remembered.

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::FixedState;
use stockade_core::random;
use stockade_engine::Holds;

/// Parts of the table that are locked apart.
const SHARDS: usize = 16;

/// Answers by question. It is bounded: where the newer half is full, the older one is forgotten.
pub(super) struct Memo<V> {
    hasher: FixedState,
    most: usize,
    shards: Box<[Mutex<Shard<V>>]>,
}

struct Shard<V> {
    newer: HashMap<Box<[u8]>, V, FixedState>,
    older: HashMap<Box<[u8]>, V, FixedState>,
}

impl<V: Clone> Memo<V> {
    /// Remembers at most so many answers.
    pub(super) fn new(most: usize) -> Self {
        // Callers choose what is hashed, and do not know the seed.
        let hasher = FixedState::with_seed(random::number());
        let map = || HashMap::with_hasher(hasher.clone());
        let shard = || Mutex::new(Shard { newer: map(), older: map() });
        let shards = (0..SHARDS).map(|_| shard()).collect();
        Self { shards, most: most.div_ceil(2 * SHARDS), hasher }
    }

    /// Finds the answer to a question.
    pub(super) fn get(&self, question: &[u8]) -> Option<V> {
        let mut shard = self.shard(question);
        if let Some(found) = shard.newer.get(question) {
            return Some(found.clone());
        }
        let (question, found) = shard.older.remove_entry(question)?;
        shard.keep(question, found.clone(), self.most);
        Some(found)
    }

    /// Remembers an answer.
    pub(super) fn keep(&self, question: &[u8], answer: V) {
        self.shard(question).keep(question.into(), answer, self.most);
    }

    /// A number that goes by these bytes, which nobody outside can foresee.
    pub(super) fn number(&self, bytes: &[u8]) -> usize {
        // Half of it is enough on any machine.
        (self.hasher.hash_one(bytes) >> 33) as usize
    }

    fn shard(&self, question: &[u8]) -> MutexGuard<'_, Shard<V>> {
        // The maps go by the lowest and the highest bits.
        let index = (self.hasher.hash_one(question) >> 20) as usize % SHARDS;
        // Each step leaves it complete.
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer, and the time in which an equal question has the same.
#[derive(Clone)]
pub(super) struct Timed<V> {
    pub(super) value: V,
    /// The second of the answer.
    pub(super) from: u64,
    /// For how long it holds from then on.
    pub(super) holds: Holds,
}

impl<V: Clone> Memo<Timed<V>> {
    /// Finds the answer to a question that is true in a second.
    pub(super) fn true_at(&self, question: &[u8], second: u64) -> Option<Timed<V>> {
        self.get(question).filter(|known| match known.holds {
            Holds::Always => true,
            Holds::Until(end) => (known.from..end).contains(&second),
            Holds::Not => false,
        })
    }

    /// Remembers an answer, unless it is not to be used again.
    pub(super) fn keep_while_true(&self, question: &[u8], answer: &Timed<V>) {
        if answer.holds != Holds::Not {
            self.keep(question, answer.clone());
        }
    }
}

impl<V> Shard<V> {
    fn keep(&mut self, question: Box<[u8]>, answer: V, most: usize) {
        if self.newer.len() >= most {
            mem::swap(&mut self.newer, &mut self.older);
            self.newer.clear();
        }
        self.newer.insert(question, answer);
    }
}

#[cfg(test)]
mod tests {
    use super::{Memo, SHARDS};

    #[test]
    fn what_was_kept_is_found_and_nothing_else() {
        let memo = Memo::new(1000);
        assert_eq!(memo.get(b"a"), None);
        memo.keep(b"a", 1);
        memo.keep(b"b", 2);
        assert_eq!((memo.get(b"a"), memo.get(b"b"), memo.get(b"")), (Some(1), Some(2), None));
        memo.keep(b"a", 3);
        assert_eq!(memo.get(b"a"), Some(3));
    }

    #[test]
    fn it_is_bounded_and_what_is_asked_for_stays() {
        let memo = Memo::new(64);
        memo.keep(b"often", 0);
        for number in 1..10_000_u32 {
            memo.keep(&number.to_le_bytes(), number);
            assert_eq!(memo.get(b"often"), Some(0), "{number}");
        }
        let kept: usize = memo
            .shards
            .iter()
            .map(|shard| {
                let shard = shard.lock().unwrap();
                shard.newer.len() + shard.older.len()
            })
            .sum();
        assert!(kept <= 64 + 2 * SHARDS, "{kept}");
    }
}
