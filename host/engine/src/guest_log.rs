//! The lines that a policy writes into the operator's log during one call.

use std::mem;

use serde::{Deserialize, Serialize};
use tracing::Level;

use crate::guest_text;

/// Lines kept of one call; the rest is counted.
const MOST_LINES: usize = 32;
/// Bytes kept of one line.
const LONGEST_LINE: usize = 1024;

/// The lines of one call, kept until the call is over: a guest cannot make the host
/// write while its deadline is running.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct GuestLog {
    lines: Vec<Line>,
    dropped: u32,
    last_error: Option<usize>,
    /// The most verbose level that is kept, where the lines are logged elsewhere.
    #[serde(skip)]
    most_verbose: Option<Level>,
    #[serde(skip)]
    unfinished: Vec<u8>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    #[serde(with = "level")]
    level: Level,
    text: String,
}

impl GuestLog {
    /// One that is written to the log of another process, which logs up to this level.
    pub(crate) fn up_to(most_verbose: Level) -> Self {
        Self { most_verbose: Some(most_verbose), ..Self::default() }
    }

    fn wants(&self, level: Level) -> bool {
        self.most_verbose.map_or_else(|| enabled(level), |most| level <= most)
    }

    /// Keeps a piece of the line that is being written.
    pub(crate) fn piece(&mut self, bytes: &[u8]) {
        // What is cut off anyway is not collected.
        if self.unfinished.len() <= LONGEST_LINE {
            self.unfinished.extend_from_slice(bytes);
        }
    }

    /// Keeps the line whose last piece has come.
    pub(crate) fn end_line(&mut self, level: Level) {
        let line = mem::take(&mut self.unfinished);
        self.write(level, &String::from_utf8_lossy(&line));
    }

    /// Keeps a line, shortened and without control characters.
    pub(crate) fn write(&mut self, level: Level, message: &str) {
        // An error line may be a panic's message, which the failure needs whether it
        // is logged or not.
        if level != Level::ERROR && !self.wants(level) {
            return;
        }
        let line = Line { level, text: guest_text::one_line(message, LONGEST_LINE) };
        if self.lines.len() < MOST_LINES {
            self.lines.push(line);
        } else if level == Level::ERROR {
            self.lines[MOST_LINES - 1] = line;
            self.dropped += 1;
        } else {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        if level == Level::ERROR {
            self.last_error = Some(self.lines.len() - 1);
        }
    }

    /// Tells whether anything would be missing from the log without this call.
    pub(crate) const fn has_lines(&self) -> bool {
        !self.lines.is_empty()
    }

    /// The last line, if it is an error: just before a trap, that is what the panic
    /// hook wrote.
    pub(crate) fn panic_message(&self) -> Option<&str> {
        let last = self.last_error?;
        (last + 1 == self.lines.len()).then(|| self.lines[last].text.as_str())
    }

    /// Writes everything to the log, under the policy's name.
    pub(crate) fn flush(&self, policy: &str) {
        for Line { level, text } in &self.lines {
            match *level {
                Level::ERROR => tracing::error!(target: TARGET, policy, "{text}"),
                Level::WARN => tracing::warn!(target: TARGET, policy, "{text}"),
                Level::INFO => tracing::info!(target: TARGET, policy, "{text}"),
                Level::DEBUG => tracing::debug!(target: TARGET, policy, "{text}"),
                Level::TRACE => tracing::trace!(target: TARGET, policy, "{text}"),
            }
        }
        if self.dropped > 0 {
            let dropped = self.dropped;
            tracing::warn!(target: TARGET, policy, dropped, "more lines than a call may log");
        }
    }
}

/// The `tracing` target of everything that policies write.
pub(crate) const TARGET: &str = "stockade::policy";

/// The form in which a level is sent to another process: its name.
pub(crate) mod level {
    use serde::{Deserialize, Deserializer, Serializer, de};
    use tracing::Level;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
    pub(crate) fn serialize<S: Serializer>(level: &Level, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(level.as_str())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Level, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

/// The most verbose level at which anything that policies write is logged here.
pub(crate) fn most_verbose() -> Level {
    let levels = [Level::TRACE, Level::DEBUG, Level::INFO, Level::WARN];
    levels.into_iter().find(|level| enabled(*level)).unwrap_or(Level::ERROR)
}

fn enabled(level: Level) -> bool {
    match level {
        Level::ERROR => tracing::enabled!(target: TARGET, Level::ERROR),
        Level::WARN => tracing::enabled!(target: TARGET, Level::WARN),
        Level::INFO => tracing::enabled!(target: TARGET, Level::INFO),
        Level::DEBUG => tracing::enabled!(target: TARGET, Level::DEBUG),
        Level::TRACE => tracing::enabled!(target: TARGET, Level::TRACE),
    }
}

#[cfg(test)]
mod tests {
    use super::{GuestLog, LONGEST_LINE, Line, MOST_LINES};
    use tracing::Level;

    #[test]
    fn lines_are_few_and_short_and_clean() {
        let mut guest_log = GuestLog::default();
        for _ in 0..100 {
            guest_log.write(Level::ERROR, &format!("a\nb\u{1b}[31m{}", "x".repeat(5000)));
        }
        assert_eq!(guest_log.lines.len(), MOST_LINES);
        assert_eq!(guest_log.dropped, 100 - 32);
        for Line { text, .. } in &guest_log.lines {
            assert!(text.len() <= LONGEST_LINE + '…'.len_utf8());
            assert!(!text.contains(char::is_control), "{text:?}");
        }
    }

    #[test]
    fn the_last_words_survive_a_flood() {
        let mut guest_log = GuestLog::default();
        for n in 0..100 {
            guest_log.write(Level::ERROR, &format!("line {n}"));
        }
        assert_eq!(guest_log.panic_message(), Some("line 99"));
    }

    #[test]
    fn lines_that_are_not_wanted_take_no_room() {
        let mut guest_log = GuestLog::up_to(Level::WARN);
        for n in 0..2 * MOST_LINES {
            guest_log.write(Level::INFO, &format!("line {n}"));
        }
        guest_log.write(Level::WARN, "careful");
        assert_eq!((guest_log.lines.len(), guest_log.dropped), (1, 0));
    }

    #[test]
    fn without_an_error_there_are_no_last_words() {
        assert_eq!(GuestLog::default().panic_message(), None);
    }
}
