//! Failures of a call into a guest.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wasmtime::{FrameInfo, Trap, WasmBacktrace};

use crate::guest_log::GuestLog;
use crate::guest_text;
use crate::limiter::{MemoryExceeded, TableExceeded};

const LONGEST: usize = 1024;

/// The reason why a policy gave no usable answer. For the operator; callers never see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// It computed for longer than its deadline, waiting not counted, and was stopped.
    #[error("timeout: stopped after {} ms", .0.as_millis())]
    Timeout(Duration),
    /// It computed for too long so many times in a row that it is not asked for a moment.
    #[error("timeout: not asked, because it was stopped {0} times in a row")]
    Spared(u32),
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
    #[error("{NONSENSE}{0}")]
    Nonsense(String),
    /// The request is larger than what a policy may be shown.
    #[error("input: {0}")]
    Input(String),
    /// Not the policy's fault: the engine could not run it.
    #[error("engine: {0}")]
    Engine(String),
}

/// The beginning of the texts of [`Failure::Nonsense`].
const NONSENSE: &str = "nonsense: ";

impl Failure {
    /// Tells whether the text of a failure says that the policy answered what no policy may answer.
    /// The engine does not log that: whoever asks knows the name of the binding.
    pub fn is_nonsense(text: &str) -> bool {
        text.starts_with(NONSENSE)
    }

    /// Returns what a call's error means, given what the guest wrote before.
    pub(crate) fn of(error: &wasmtime::Error, guest_log: &GuestLog, deadline: Duration) -> Self {
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
            Some(Trap::UnreachableCodeReached) => match guest_log.panic_message() {
                Some(message) => Self::Panic(message.to_owned()),
                None => Self::Trap(located("gave up without a message (unreachable)", error)),
            },
            Some(trap) => {
                let trap = trap.to_string();
                let what = trap.strip_prefix("wasm trap: ").unwrap_or(&trap);
                Self::Trap(located(what, error))
            }
            // Everything else is wasmtime refusing to read what the guest returned.
            None => {
                let cause = bounded(&error.root_cause());
                Self::Nonsense(format!("what it returned cannot be read: {cause}"))
            }
        }
    }
}

/// Says what happened, and in which of the guest's functions, if it kept their names.
fn located(what: &str, error: &wasmtime::Error) -> String {
    let frames = error.downcast_ref::<WasmBacktrace>().map_or(&[][..], WasmBacktrace::frames);
    match frames.iter().find_map(FrameInfo::func_name) {
        Some(function) => bounded(&format_args!("{what}, in {function}")),
        None => what.to_owned(),
    }
}

fn bounded(error: &impl fmt::Display) -> String {
    guest_text::one_line(&error.to_string(), LONGEST)
}
