//! What can become of a call into a guest, other than an answer.

use std::fmt;
use std::time::Duration;

use wasmtime::Trap;

use crate::journal::Journal;
use crate::limiter::{MemoryExceeded, TableExceeded};
use crate::text;

const LONGEST: usize = 1024;

/// Why a policy gave no usable answer. For the operator; callers never see it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// It ran past its deadline and was stopped.
    #[error("timeout: stopped after {} ms", .0.as_millis())]
    Timeout(Duration),
    /// It wanted more memory than it may use.
    #[error("memory: {0}")]
    Memory(String),
    /// It panicked; with the message and the line.
    #[error("panic: {0}")]
    Panic(String),
    /// It trapped without a word: recursion without end, a wrong access, …
    #[error("trap: {0}")]
    Trap(String),
    /// It answered what no policy may answer.
    #[error("nonsense: {0}")]
    Nonsense(String),
    /// The request is larger than what a policy may be shown.
    #[error("input: {0}")]
    Input(String),
    /// Not the policy's fault: the engine could not run it.
    #[error("engine: {0}")]
    Engine(String),
}

impl Failure {
    /// What a call's error means, given what the guest wrote before.
    pub(crate) fn of(error: &wasmtime::Error, journal: &Journal, deadline: Duration) -> Self {
        if let Some(exceeded) = error.downcast_ref::<MemoryExceeded>() {
            return Self::Memory(exceeded.to_string());
        }
        if let Some(exceeded) = error.downcast_ref::<TableExceeded>() {
            return Self::Memory(exceeded.to_string());
        }
        if error.is::<wasmtime::PoolConcurrencyLimitError>() {
            return Self::Engine(bounded(error));
        }
        match error.downcast_ref::<Trap>() {
            Some(Trap::Interrupt) => Self::Timeout(deadline),
            Some(Trap::UnreachableCodeReached) => match journal.last_words() {
                Some(message) => Self::Panic(message.to_owned()),
                None => Self::Trap("gave up without a message (unreachable)".to_owned()),
            },
            Some(trap) => Self::Trap(bounded(trap).replace("wasm trap: ", "")),
            // Everything else is wasmtime refusing to read what the guest returned.
            None => Self::Nonsense(format!("its answer cannot be read: {}", bounded(error))),
        }
    }
}

fn bounded(error: &impl fmt::Display) -> String {
    text::one_line(&error.to_string(), LONGEST)
}
