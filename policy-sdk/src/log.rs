//! The one thing that a policy may call: the operator's log. Callers of the gateway never
//! see it.

use std::fmt;

use crate::Level;

#[doc(hidden)]
pub fn write_fmt(level: Level, message: fmt::Arguments<'_>) {
    match message.as_str() {
        Some(text) => write(level, text),
        None => write(level, &message.to_string()),
    }
}

/// Hands a line over in pieces of eight bytes: numbers need no memory of the module's, so that
/// the host instantiates one module for a decision.
#[cfg(target_family = "wasm")]
fn write(level: Level, message: &str) {
    use crate::bindings::stockade::policy::log;

    let mut rest = message.as_bytes();
    loop {
        let (piece, after) = rest.split_at(rest.len().min(8));
        let bytes = piece.iter().rev().fold(0, |bytes, byte| (bytes << 8) | u64::from(*byte));
        #[expect(clippy::cast_possible_truncation, reason = "a piece has eight bytes at most")]
        log::write(level, bytes, piece.len() as u8, !after.is_empty());
        if after.is_empty() {
            return;
        }
        rest = after;
    }
}

#[cfg(not(target_family = "wasm"))]
#[expect(clippy::print_stderr, reason = "natively there is no operator's log to write into")]
fn write(level: Level, message: &str) {
    eprintln!("{level:?}: {message}");
}

/// Without this a panic reaches the operator as a bare `unreachable`: no message, no line.
#[cfg(target_family = "wasm")]
pub(crate) fn report_panics() {
    std::panic::set_hook(Box::new(|panic| write(Level::Error, &panic.to_string())));
}

/// Native tests keep the hook of their harness.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn report_panics() {}

/// Writes a formatted line into the operator's log.
///
/// ```
/// use stockade_policy_sdk::{Level, log};
///
/// log!(Level::Info, "{} models are allowed", 3);
/// ```
#[macro_export]
macro_rules! log {
    ($level:expr, $($message:tt)+) => {
        $crate::__private::write_fmt($level, ::core::format_args!($($message)+))
    };
}

/// Writes a formatted line at level `trace` into the operator's log.
#[macro_export]
macro_rules! trace {
    ($($message:tt)+) => { $crate::log!($crate::Level::Trace, $($message)+) };
}

/// Writes a formatted line at level `debug` into the operator's log.
#[macro_export]
macro_rules! debug {
    ($($message:tt)+) => { $crate::log!($crate::Level::Debug, $($message)+) };
}

/// Writes a formatted line at level `info` into the operator's log.
#[macro_export]
macro_rules! info {
    ($($message:tt)+) => { $crate::log!($crate::Level::Info, $($message)+) };
}

/// Writes a formatted line at level `warn` into the operator's log.
#[macro_export]
macro_rules! warn {
    ($($message:tt)+) => { $crate::log!($crate::Level::Warn, $($message)+) };
}

/// Writes a formatted line at level `error` into the operator's log.
#[macro_export]
macro_rules! error {
    ($($message:tt)+) => { $crate::log!($crate::Level::Error, $($message)+) };
}
