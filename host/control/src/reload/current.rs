//! The generation in force, as all requests share it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::watch as channel;

use super::wake::{Wake, Wakers};
use crate::generation::Generation;
use stockade_config::ConfigErrors;

/// The generation in force, and whether the last candidate was taken.
pub struct Current {
    generation: ArcSwap<Generation>,
    /// A candidate whose policies are being compiled: it says who may come in, and nothing
    /// else. Who may not come in by it is refused already.
    pending: ArcSwapOption<Generation>,
    /// Counts every change of both.
    epoch: AtomicU64,
    /// The tasks to wake for each new one.
    wakers: Arc<Wakers>,
    status: channel::Sender<Status>,
}

/// The result of the last change of the configuration.
#[derive(Clone, Debug)]
pub struct Status {
    /// The number of the generation in force.
    pub generation: u64,
    /// The reason why the last candidate was rejected, if it was.
    pub rejected: Option<Arc<ConfigErrors>>,
    /// The number of candidates that have been built or rejected since the start.
    pub attempts: u64,
}

impl Current {
    /// Puts a first generation in force.
    pub fn new(first: Generation) -> Self {
        let status = Status { generation: first.number, rejected: None, attempts: 1 };
        Self {
            generation: ArcSwap::from_pointee(first),
            pending: ArcSwapOption::empty(),
            epoch: AtomicU64::new(0),
            wakers: Arc::default(),
            status: channel::Sender::new(status),
        }
    }

    /// The generation in force. Take it once for each request.
    pub fn load(&self) -> Arc<Generation> {
        self.generation.load_full()
    }

    /// The candidate that is being compiled, if there is one.
    pub fn pending(&self) -> Option<Arc<Generation>> {
        self.pending.load_full()
    }

    /// A number that is another one after each change of the generation in force or of the
    /// one that is being compiled.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Wakes the task that registers with it at each change.
    pub fn wake(&self) -> Wake {
        Wake::new(&self.wakers)
    }

    /// Returns a channel with the result of the last change of the configuration.
    pub fn status(&self) -> channel::Receiver<Status> {
        self.status.subscribe()
    }

    pub(super) fn was_rejected(&self) -> bool {
        self.status.borrow().rejected.is_some()
    }

    pub(super) fn swap(&self, generation: Generation) {
        let accounts = Arc::clone(self.load().quotas().accounts());
        self.generation.store(Arc::new(generation.counting_in(accounts)));
        self.changed();
    }

    pub(super) fn set_pending(&self, pending: Option<Generation>) {
        let before = self.pending.swap(pending.map(Arc::new));
        if before.is_some() || self.pending.load().is_some() {
            self.changed();
        }
    }

    fn changed(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.wakers.wake();
    }

    pub(super) fn report(&self, rejected: Option<Arc<ConfigErrors>>) {
        let generation = self.load().number;
        self.status.send_modify(|status| {
            *status = Status { generation, rejected, attempts: status.attempts + 1 };
        });
    }
}
