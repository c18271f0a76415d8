//! Logs, through `tracing`: to standard error, as text or as JSON lines.

mod json;

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, Registry, fmt, reload};

use crate::config::{Log, LogFormat, LogLevel};

/// Changes the level while the program runs.
#[derive(Clone)]
pub(crate) struct LogLevelHandle(reload::Handle<Targets, Registry>);

impl LogLevelHandle {
    /// Log from this level on.
    pub(crate) fn set(&self, level: LogLevel) {
        // It fails only where the subscriber is gone, and nobody logs then.
        self.0.reload(filter(level)).ok();
    }
}

/// Begin to log.
///
/// # Errors
/// Where something else in this process has begun before.
pub(crate) fn init(log: Log, color: bool) -> Result<LogLevelHandle, TryInitError> {
    let (level, handle) = reload::Layer::new(filter(log.level));
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match log.format {
        LogFormat::Text => lines.with_ansi(color && std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.event_format(json::JsonLines).boxed(),
    };
    tracing_subscriber::registry().with(level).with(lines).try_init()?;
    Ok(LogLevelHandle(handle))
}

/// The level is for what we log ourselves. Libraries are heard up to `info` only: at
/// `trace` the compiler alone would say more than a disk can hold.
fn filter(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    Targets::new().with_default(level.min(LevelFilter::INFO)).with_target("stockade", level)
}
