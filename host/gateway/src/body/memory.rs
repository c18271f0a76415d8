//! One budget of memory for all bodies in flight, and a share of it for each user.
//!
//! A body counts from the moment that it arrives until Ollama has taken it, decoded if it
//! came compressed. What is read for a caller out of Ollama (lists of models) counts until
//! the caller has taken it. Small bodies do not count: there are no more of them than
//! connections, and so they are served also where others have used all memory up.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use stockade_core::UserId;
use tokio::sync::Semaphore;

use crate::surplus::Surplus;
use stockade_config::Limits;

/// Bodies up to this many bytes do not count.
const SMALL: u64 = 16 << 10;
/// Memory is taken in steps of this many bytes, so that few pieces of a body ask for it.
const STEP: u64 = 16 << 10;
/// The memory of a body of this many bytes is worth giving back to the system.
const LARGE: u64 = 128 << 10;

/// The reason why there is no memory for a body now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoMemory {
    /// All users together have used it up.
    #[error("the gateway holds as many request bodies as it has memory for; try again")]
    All,
    /// The user has used up the share.
    #[error("your requests under way hold as much memory as one user may; let some end first")]
    User,
}

/// The memory that all bodies take.
pub(crate) struct BodyMemory {
    /// A quarter of what the machine has, in bytes.
    usual: u64,
    state: Mutex<State>,
    surplus: Arc<Surplus>,
}

#[derive(Default)]
struct State {
    taken: u64,
    users: HashMap<UserId, Arc<User>>,
}

/// One user's requests.
struct User {
    taken: AtomicU64,
    /// Held while one of the user's large bodies is read.
    reading: Arc<Semaphore>,
}

/// The most that bodies may take, in bytes.
#[derive(Clone, Copy, Debug)]
struct Most {
    all: u64,
    each: u64,
}

impl BodyMemory {
    pub(crate) fn new(machine: u64, surplus: Arc<Surplus>) -> Self {
        Self { usual: machine / 4, state: Mutex::default(), surplus }
    }

    /// Returns the share that one request of a user will hold; nothing so far.
    pub(crate) fn share(self: &Arc<Self>, user: &UserId, limits: &Limits) -> Arc<Share> {
        let all = limits.bodies.unwrap_or(self.usual);
        // A quarter, but one body of the largest size always fits.
        let each = limits.bodies_per_user.unwrap_or_else(|| (all / 4).max(limits.body)).min(all);
        Arc::new(Share {
            memory: self.clone(),
            name: user.clone(),
            user: OnceLock::new(),
            most: Most { all, each },
            taken: AtomicU64::new(0),
            used: AtomicU64::new(0),
        })
    }

    fn user(&self, name: &UserId) -> Arc<User> {
        let new = || User { taken: AtomicU64::new(0), reading: Arc::new(Semaphore::new(1)) };
        self.lock().users.entry(name.clone()).or_insert_with(|| Arc::new(new())).clone()
    }

    fn take(&self, user: &User, most: Most, bytes: u64) -> Result<(), NoMemory> {
        let mut state = self.lock();
        let taken = user.taken.load(Ordering::Relaxed).saturating_add(bytes);
        if taken > most.each {
            return Err(NoMemory::User);
        }
        let all = state.taken.saturating_add(bytes);
        if all > most.all {
            return Err(NoMemory::All);
        }
        state.taken = all;
        user.taken.store(taken, Ordering::Relaxed);
        Ok(())
    }

    fn give(&self, user: &User, bytes: u64) {
        let mut state = self.lock();
        state.taken -= bytes;
        user.taken.fetch_sub(bytes, Ordering::Relaxed);
        drop(state);
        if bytes >= LARGE {
            self.surplus.freed(bytes);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The memory that one request holds. It is given back with the last thing that holds it.
pub(crate) struct Share {
    memory: Arc<BodyMemory>,
    name: UserId,
    /// The user, who is looked for once something counts.
    user: OnceLock<Arc<User>>,
    most: Most,
    /// The bytes that were taken from the budget.
    taken: AtomicU64,
    /// The bytes of them that are in use.
    used: AtomicU64,
}

impl Share {
    /// Takes memory before it is used.
    pub(crate) fn take(&self, bytes: u64) -> Result<(), NoMemory> {
        let used = self.used.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        let taken = self.taken.load(Ordering::Relaxed);
        if used <= taken.max(SMALL) {
            return Ok(());
        }
        let more = (used - taken).next_multiple_of(STEP);
        self.memory.take(self.user(), self.most, more)?;
        self.taken.fetch_add(more, Ordering::Relaxed);
        Ok(())
    }

    /// Returns the number of bytes in use.
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Says that only so many bytes are in use any more.
    pub(crate) fn keep(&self, bytes: u64) {
        self.used.store(bytes, Ordering::Relaxed);
        let kept = if bytes <= SMALL { 0 } else { bytes.next_multiple_of(STEP) };
        let taken = self.taken.load(Ordering::Relaxed);
        if kept < taken {
            self.taken.store(kept, Ordering::Relaxed);
            self.memory.give(self.user(), taken - kept);
        }
    }

    fn user(&self) -> &Arc<User> {
        self.user.get_or_init(|| self.memory.user(&self.name))
    }

    /// Bytes that hold the share as long as they are there.
    pub(crate) fn held(self: &Arc<Self>, bytes: Bytes) -> Bytes {
        if self.taken.load(Ordering::Relaxed) == 0 {
            return bytes;
        }
        Bytes::from_owner(Held { bytes, _share: self.clone() })
    }

    /// Held while a large body of the user is read, so that one user's do not keep others'
    /// waiting.
    pub(crate) fn reading(&self) -> Arc<Semaphore> {
        self.user().reading.clone()
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let Some(user) = self.user.get() else {
            return;
        };
        let taken = self.taken.load(Ordering::Relaxed);
        if taken > 0 {
            self.memory.give(user, taken);
        }
        let mut state = self.memory.lock();
        // The map's and this one's: the user has no other request under way that counts.
        if Arc::strong_count(user) == 2 {
            state.users.remove(&self.name);
        }
    }
}

struct Held {
    bytes: Bytes,
    _share: Arc<Share>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn memory(machine: u64) -> Arc<BodyMemory> {
        Arc::new(BodyMemory::new(machine, Arc::default()))
    }

    fn user(name: &str) -> UserId {
        UserId::new(name).unwrap()
    }

    fn taken(memory: &BodyMemory) -> (u64, usize) {
        let state = memory.lock();
        (state.taken, state.users.len())
    }

    #[test]
    fn a_quarter_of_the_machine_is_for_bodies_and_a_quarter_of_that_for_each_user() {
        let memory = memory(16 * 64 * MIB);
        let limits = Limits { body: MIB, ..Limits::default() };
        let of = |name| memory.share(&user(name), &limits);
        let alice = [of("alice"), of("alice")];
        assert_eq!(alice[0].take(63 * MIB), Ok(()));
        assert_eq!(alice[1].take(MIB), Ok(()));
        assert_eq!(alice[1].take(1), Err(NoMemory::User));
        let others = ["bob", "carol", "dave"].map(of);
        for other in &others {
            assert_eq!(other.take(64 * MIB), Ok(()));
        }
        assert_eq!(of("eve").take(MIB), Err(NoMemory::All));
        assert_eq!(taken(&memory), (256 * MIB, 4));
        drop(others);
        assert_eq!(of("eve").take(MIB), Ok(()));
        drop(alice);
        assert_eq!(taken(&memory), (0, 0));
    }

    #[test]
    fn the_largest_body_always_fits_and_the_operator_has_the_last_word() {
        let memory = memory(400 * MIB);
        let limits = Limits::default();
        assert_eq!(memory.share(&user("a"), &limits).take(limits.body), Ok(()));
        let limits = Limits { bodies: Some(8 * MIB), bodies_per_user: Some(MIB), ..limits };
        let share = memory.share(&user("a"), &limits);
        assert_eq!(share.take(MIB), Ok(()));
        assert_eq!(share.take(1), Err(NoMemory::User));
        // More than all is no more than all.
        let limits = Limits { bodies_per_user: Some(16 * MIB), ..limits };
        let share = memory.share(&user("b"), &limits);
        assert_eq!(share.take(7 * MIB), Ok(()));
        assert_eq!(share.take(2 * MIB), Err(NoMemory::User));
    }

    #[test]
    fn a_share_lasts_as_long_as_what_it_is_for() {
        let memory = memory(400 * MIB);
        let share = memory.share(&user("alice"), &Limits::default());
        share.take(3 * MIB).unwrap();
        share.keep(MIB);
        assert_eq!(taken(&memory), (MIB, 1));
        let bytes = share.held(Bytes::from_static(b"hello"));
        let part = bytes.slice(1..3);
        drop((share, bytes));
        assert_eq!((taken(&memory), &part[..]), ((MIB, 1), &b"el"[..]));
        drop(part);
        assert_eq!(taken(&memory), (0, 0));
    }

    #[test]
    fn small_pieces_ask_seldom() {
        let memory = memory(400 * MIB);
        let share = memory.share(&user("alice"), &Limits::default());
        for _ in 0..STEP {
            share.take(1).unwrap();
        }
        assert_eq!(taken(&memory), (0, 0), "small bodies do not count");
        share.take(1).unwrap();
        assert_eq!(taken(&memory), (2 * STEP, 1));
        for _ in 1..STEP {
            share.take(1).unwrap();
        }
        assert_eq!(taken(&memory), (2 * STEP, 1));
        share.keep(SMALL);
        assert_eq!(taken(&memory).0, 0);
    }
}
