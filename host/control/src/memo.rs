//! Verdicts that are still true, for questions that are asked again.
//!
//! A policy is a pure function of its settings, which a generation never changes, and of what it
//! declares to be told. All of that is part of the question, byte for byte, but for the time: what
//! depends on that is used for as long as the policy says that it holds. A run that failed or
//! wrote into the log is not remembered.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hash, Hasher};
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::FixedState;
use stockade_core::random;
use stockade_engine::Holds;

/// Parts of the table that are locked apart.
const SHARDS: usize = 16;

/// Answers by question. It is bounded: where the newer half is full, the older one is forgotten.
pub(crate) struct Memo<V, Q = Box<[u8]>> {
    hasher: FixedState,
    most: usize,
    shards: Box<[Mutex<Shard<V, Q>>]>,
}

/// Answers by the hash of their question. Of two questions with one hash the later one stays: that
/// they are equal is told by the questions themselves.
type Answers<V, Q> = HashMap<u64, (Q, V), BuildHasherDefault<Hashed>>;

struct Shard<V, Q> {
    newer: Answers<V, Q>,
    older: Answers<V, Q>,
}

/// The hasher of what is a hash already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

impl<V: Clone, Q> Memo<V, Q> {
    /// Remembers at most so many answers.
    pub(crate) fn new(most: usize) -> Self {
        // Callers choose what is hashed, and do not know the seed.
        let hasher = FixedState::with_seed(random::number());
        let shard = || Shard { newer: Answers::default(), older: Answers::default() };
        let shards = (0..SHARDS).map(|_| Mutex::new(shard())).collect();
        Self { shards, most: most.div_ceil(2 * SHARDS), hasher }
    }

    /// Returns the hash of a question, which nobody outside can foresee.
    pub(crate) fn hash(&self, question: &(impl Hash + ?Sized)) -> u64 {
        self.hasher.hash_one(question)
    }

    /// Finds the answer to a question by its hash.
    pub(crate) fn find(&self, hash: u64, is_asked: impl Fn(&Q) -> bool) -> Option<V> {
        let mut shard = self.shard(hash);
        if let Some((question, answer)) = shard.newer.get(&hash) {
            return is_asked(question).then(|| answer.clone());
        }
        let (question, answer) = shard.older.remove(&hash)?;
        let found = is_asked(&question).then(|| answer.clone());
        shard.keep(hash, (question, answer), self.most);
        found
    }

    /// Remembers an answer.
    pub(crate) fn keep_by(&self, hash: u64, question: Q, answer: V) {
        self.shard(hash).keep(hash, (question, answer), self.most);
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard<V, Q>> {
        // The maps go by the lowest and the highest bits.
        let index = (hash >> 20) as usize % SHARDS;
        // Each step leaves it complete.
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V: Clone> Memo<V> {
    /// Finds the answer to a question.
    pub(crate) fn get(&self, question: &[u8]) -> Option<V> {
        self.find(self.hash(question), |known| **known == *question)
    }

    /// Remembers an answer.
    pub(crate) fn keep(&self, question: &[u8], answer: V) {
        self.keep_by(self.hash(question), question.into(), answer);
    }

    /// A number that goes by these bytes, which nobody outside can foresee.
    pub(crate) fn number(&self, bytes: &[u8]) -> usize {
        // Half of it is enough on any machine.
        (self.hash(bytes) >> 33) as usize
    }
}

/// An answer, and the time in which an equal question has the same.
#[derive(Clone)]
pub(crate) struct Timed<V> {
    pub(crate) value: V,
    /// The second of the answer.
    pub(crate) from: u64,
    /// For how long it holds from then on.
    pub(crate) holds: Holds,
}

impl<V: Clone> Memo<Timed<V>> {
    /// Finds the answer to a question that is true in a second.
    pub(crate) fn true_at(&self, question: &[u8], second: u64) -> Option<Timed<V>> {
        self.get(question).filter(|known| match known.holds {
            Holds::Always => true,
            Holds::Until(end) => (known.from..end).contains(&second),
            Holds::Not => false,
        })
    }

    /// Remembers an answer, unless it is not to be used again.
    pub(crate) fn keep_while_true(&self, question: &[u8], answer: &Timed<V>) {
        if answer.holds != Holds::Not {
            self.keep(question, answer.clone());
        }
    }
}

impl<V, Q> Shard<V, Q> {
    fn keep(&mut self, hash: u64, known: (Q, V), most: usize) {
        if self.newer.len() >= most {
            mem::swap(&mut self.newer, &mut self.older);
            self.newer.clear();
        }
        self.newer.insert(hash, known);
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
    fn a_question_with_the_hash_of_another_is_not_answered() {
        let memo = Memo::<u8, &str>::new(1000);
        memo.keep_by(7, "one", 1);
        assert_eq!(memo.find(7, |known| *known == "two"), None);
        memo.keep_by(7, "two", 2);
        assert_eq!(memo.find(7, |known| *known == "two"), Some(2));
        assert_eq!(memo.find(7, |known| *known == "one"), None);
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
