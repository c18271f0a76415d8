//! The one place where stores are made, so that none is without its limits.

use std::time::Duration;

use tracing::Level;
use wasmtime::{Store, UpdateDeadline};

use crate::bindings::stockade::policy::{log, types};
use crate::failure::Failure;
use crate::guest_log::GuestLog;
use crate::limiter::Limiter;
use crate::limits::PolicyLimits;
use crate::ticker::{self, Running, TickingEngine};

/// The most bytes that a guest may hand to the host in one call: an answer, or the
/// message of a log line.
const MOST_FROM_GUEST: usize = 512 << 10;

/// The state of one run of a guest.
#[derive(Debug)]
pub(crate) struct Sandbox {
    limiter: Limiter,
    pub(crate) guest_log: GuestLog,
    deadline: Duration,
    /// In how many more ticks it may be seen computing.
    ticks_left: u64,
    _running: Running,
}

/// A store with its memory limit, its deadline running from now, and the bound on
/// what the guest can make the host copy.
pub(crate) fn store(engine: &TickingEngine, limits: PolicyLimits) -> Store<Sandbox> {
    let sandbox = Sandbox {
        limiter: Limiter::new(limits.memory_bytes),
        guest_log: GuestLog::default(),
        deadline: limits.deadline,
        ticks_left: ticker::ticks(limits.deadline),
        _running: engine.enter(),
    };
    let mut store = Store::new(engine, sandbox);
    store.limiter(|sandbox| &mut sandbox.limiter);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|mut context| Ok(context.data_mut().tick()));
    store.set_hostcall_fuel(MOST_FROM_GUEST);
    store
}

impl Sandbox {
    /// Tells whether a run that is seen computing in one more tick may go on.
    ///
    /// Only ticks in which the guest really ran are counted: on a machine with more to
    /// do than it has processors, or a virtual one that is kept waiting itself, a thread
    /// can be off its processor for longer than a whole deadline, and a decision must
    /// not fail for that. However long it was away, that is one tick. (The thread's
    /// processor time would not do: it includes what the hypervisor took away.)
    fn tick(&mut self) -> UpdateDeadline {
        self.ticks_left = self.ticks_left.saturating_sub(1);
        if self.ticks_left == 0 { UpdateDeadline::Interrupt } else { UpdateDeadline::Continue(1) }
    }

    /// For what the host itself does with the instance.
    pub(crate) const fn allow_more_memory(&mut self, bytes: usize) {
        self.limiter.extend(bytes);
    }

    /// Returns the failure that an error of a call means.
    pub(crate) fn failure(&self, error: &wasmtime::Error) -> Failure {
        Failure::of(error, &self.guest_log, self.deadline)
    }
}

/// In the order of the contract.
const LEVELS: [Level; 5] = [Level::TRACE, Level::DEBUG, Level::INFO, Level::WARN, Level::ERROR];

impl log::Host for Sandbox {
    fn write(&mut self, level: log::Level, bytes: u64, count: u8, more: bool) {
        let bytes = bytes.to_le_bytes();
        self.guest_log.piece(&bytes[..bytes.len().min(usize::from(count))]);
        if !more {
            self.guest_log.end_line(LEVELS[level as usize]);
        }
    }
}

impl types::Host for Sandbox {}
