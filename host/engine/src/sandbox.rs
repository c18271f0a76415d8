//! The one place where stores are made, so that none is without its limits.

use std::time::Duration;

use wasmtime::{Engine, Store};

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
}

/// A store with its memory limit, its deadline running from now, and the bound on
/// what the guest can make the host copy.
pub(crate) fn store(engine: &Engine, limits: PolicyLimits) -> Store<Sandbox> {
    let sandbox = Sandbox {
        limiter: Limiter::new(limits.memory_bytes),
        journal: Journal::default(),
        deadline: limits.deadline,
    };
    let mut store = Store::new(engine, sandbox);
    store.limiter(|sandbox| &mut sandbox.limiter);
    store.set_epoch_deadline(ticker::ticks(limits.deadline));
    store.set_hostcall_fuel(MOST_FROM_GUEST);
    store
}

impl Sandbox {
    /// What an error of a call means.
    pub(crate) fn failure(&self, error: &wasmtime::Error) -> Failure {
        Failure::of(error, &self.journal, self.deadline)
    }
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
