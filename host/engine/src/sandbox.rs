//! The one place where stores are made, so that none is without its limits.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use wasmtime::{Engine, Store, UpdateDeadline};

use crate::bindings::stockade::policy::{log, types};
use crate::config::PolicyLimits;
use crate::failure::Failure;
use crate::journal::Journal;
use crate::limiter::Limiter;
use crate::ticker;

/// The most bytes that a guest may hand to the host in one call: an answer, or the
/// message of a log line.
const MOST_FROM_GUEST: usize = 512 << 10;

/// What belongs to one run of a guest.
#[derive(Debug)]
pub(crate) struct Sandbox {
    limiter: Limiter,
    pub(crate) journal: Journal,
    deadline: Duration,
    /// What this thread had computed when half of the deadline was over.
    computed_at_half: Option<Duration>,
}

/// A store with its memory limit, its deadline running from now, and the bound on
/// what the guest can make the host copy.
pub(crate) fn store(engine: &Engine, limits: PolicyLimits) -> Store<Sandbox> {
    let sandbox = Sandbox {
        limiter: Limiter::new(limits.memory_bytes),
        journal: Journal::default(),
        deadline: limits.deadline,
        computed_at_half: None,
    };
    let mut store = Store::new(engine, sandbox);
    store.limiter(|sandbox| &mut sandbox.limiter);
    store.set_epoch_deadline(ticker::ticks(limits.deadline / 2));
    store.epoch_deadline_callback(|mut context| Ok(context.data_mut().tick()));
    store.set_hostcall_fuel(MOST_FROM_GUEST);
    store
}

impl Sandbox {
    /// Whether a run that has used up half of its deadline may go on.
    ///
    /// The second half is counted in what the thread has computed: on a machine with
    /// more to do than it has processors, a thread can be off its processor for longer
    /// than a whole deadline, and a decision must not fail for that. To ask how much
    /// was computed costs a system call, which only a slow policy has to pay.
    fn tick(&mut self) -> UpdateDeadline {
        let computed = computed_by_this_thread();
        let at_half = *self.computed_at_half.get_or_insert(computed);
        if computed.saturating_sub(at_half) < self.deadline / 2 {
            UpdateDeadline::Continue(1)
        } else {
            UpdateDeadline::Interrupt
        }
    }

    /// What an error of a call means.
    pub(crate) fn failure(&self, error: &wasmtime::Error) -> Failure {
        Failure::of(error, &self.journal, self.deadline)
    }
}

fn computed_by_this_thread() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or(Duration::MAX)
}

impl log::Host for Sandbox {
    fn write(&mut self, level: log::Level, message: String) {
        let level = match level {
            log::Level::Trace => tracing::Level::TRACE,
            log::Level::Debug => tracing::Level::DEBUG,
            log::Level::Info => tracing::Level::INFO,
            log::Level::Warn => tracing::Level::WARN,
            log::Level::Error => tracing::Level::ERROR,
        };
        self.journal.write(level, &message);
    }
}

impl types::Host for Sandbox {}
