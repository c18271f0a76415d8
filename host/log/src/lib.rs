//! Logs, through `tracing`: to standard error, as text or as JSON lines, by a thread of its
//! own.

mod json;
mod plain;
mod text_lines;
mod writer;

use std::io::{self, IsTerminal};
use std::panic::{PanicHookInfo, set_hook};
use std::sync::OnceLock;
use std::time::Duration;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, Registry, fmt, reload};

pub use plain::plain;
use stockade_config::{Log, LogFormat, LogLevel};
use writer::Sink;

/// The sink of this process's lines.
static SINK: OnceLock<Sink> = OnceLock::new();

/// The target of the event that tells of a request.
const TARGET: &str = "stockade::request";
/// The event's only field, which holds the record as JSON.
const FIELD: &str = "record";

/// The time that the end of the program waits for a reader of its last lines.
const PATIENCE: Duration = Duration::from_secs(2);

/// The reason why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum NoLog {
    /// Something else in this process has begun before.
    #[error("cannot log: {0}")]
    Begun(#[from] TryInitError),
    /// There is no thread for it.
    #[error("the thread that writes the log cannot be started: {0}")]
    Thread(#[from] io::Error),
}

/// Writes the line of a request: its record, as JSON.
pub fn request(record: &str) {
    tracing::info!(target: TARGET, record);
}

/// Tells whether anybody would see the line of a request.
pub fn takes_requests() -> bool {
    tracing::enabled!(target: TARGET, tracing::Level::INFO)
}

/// Tells whether what is logged does not get to where it belongs.
pub fn is_stuck() -> bool {
    SINK.get().is_some_and(Sink::is_stuck)
}

/// Waits until everything is written, or for two seconds where nobody takes it.
pub fn flush() {
    if let Some(sink) = SINK.get() {
        sink.flush(PATIENCE);
    }
}

/// Changes the level while the program runs.
#[derive(Clone)]
pub struct LogLevelHandle(reload::Handle<Targets, Registry>);

impl LogLevelHandle {
    /// Sets the level from which lines are logged.
    pub fn set(&self, level: LogLevel) {
        // It fails only where the subscriber is gone, and nobody logs then.
        self.0.reload(filter(level)).ok();
    }
}

/// Begins to log.
///
/// # Errors
/// Where something else in this process has begun before.
pub fn init(log: Log, color: bool) -> Result<LogLevelHandle, NoLog> {
    let (level, handle) = reload::Layer::new(filter(log.level));
    let sink = if let Some(sink) = SINK.get() {
        sink.clone()
    } else {
        let sink = Sink::start(io::stderr())?;
        SINK.get_or_init(|| sink).clone()
    };
    let lines = fmt::layer().with_writer(move || sink.clone());
    let lines = match log.format {
        LogFormat::Text => {
            let color = color && io::stderr().is_terminal();
            lines.with_ansi(color).event_format(text_lines::TextLines::default()).boxed()
        }
        LogFormat::Json => lines.event_format(json::JsonLines).boxed(),
    };
    tracing_subscriber::registry().with(level).with(lines).try_init()?;
    set_hook(Box::new(panicked));
    Ok(LogLevelHandle(handle))
}

/// The usual hook writes to standard error itself, and would wait for its reader.
fn panicked(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(tracing::field::display);
    let message = panic.payload_as_str().unwrap_or("a panic without words");
    tracing::error!(place, "panic: {message}");
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
