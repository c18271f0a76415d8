//! A thread beside the one that reloads, for candidates whose policies have to be compiled.
//!
//! Compiling can take seconds where the machine is busy. What needs none of it, such as a
//! revocation, must not wait behind that.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use stockade_core::Clock;
use stockade_engine::Engine;

use super::watch::Signal;
use crate::generation::Generation;
use stockade_config::ConfigErrors;

/// A candidate that is to be compiled.
pub(super) struct Job {
    /// The place of the candidate among all; nothing for one that is known to be wrong, of
    /// which everything else that is wrong is to be told.
    pub(super) sequence: Option<u64>,
    pub(super) build: Build,
    pub(super) started: Instant,
}

type Build = Box<dyn FnOnce(&Engine, &dyn Clock) -> Result<Generation, ConfigErrors> + Send>;

/// The result of a job.
pub(super) struct Compiled {
    pub(super) sequence: Option<u64>,
    pub(super) started: Instant,
    pub(super) result: Result<Generation, ConfigErrors>,
}

/// Hands candidates to the thread. It ends when this is dropped.
pub(super) struct Compiling(Arc<Slot>);

/// At most one candidate waits: a newer one takes the place of an older one.
#[derive(Default)]
struct Slot {
    next: Mutex<Next>,
    changed: Condvar,
    busy: AtomicBool,
}

#[derive(Default)]
enum Next {
    #[default]
    Nothing,
    Job(Box<Job>),
    End,
}

impl Compiling {
    /// Starts the thread, which sends what comes of each candidate.
    pub(super) fn start(
        engine: Arc<Engine>,
        clock: Arc<dyn Clock>,
        signals: Sender<Signal>,
    ) -> std::io::Result<Self> {
        let slot = Arc::new(Slot::default());
        let shared = Arc::clone(&slot);
        thread::Builder::new().name("compile".to_owned()).spawn(move || {
            while let Some(Job { sequence, build, started }) = shared.take() {
                let result = build(&engine, clock.as_ref());
                shared.busy.store(false, Ordering::Release);
                let compiled = Compiled { sequence, started, result };
                if signals.send(Signal::Compiled(Box::new(compiled))).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self(slot))
    }

    /// Tells whether nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        !self.0.busy.load(Ordering::Acquire)
    }

    pub(super) fn hand_over(&self, job: Job) {
        self.0.busy.store(true, Ordering::Release);
        *self.0.lock() = Next::Job(Box::new(job));
        self.0.changed.notify_one();
    }
}

impl Drop for Compiling {
    fn drop(&mut self) {
        *self.0.lock() = Next::End;
        self.0.changed.notify_one();
    }
}

impl Slot {
    /// Waits for a candidate; nothing when told to end.
    fn take(&self) -> Option<Job> {
        let mut next = self.lock();
        loop {
            match std::mem::take(&mut *next) {
                Next::Job(job) => return Some(*job),
                Next::End => return None,
                Next::Nothing => {
                    next = self.changed.wait(next).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Next> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
