//! Standard output and standard error, for people or for programs.
//!
//! Output may quote a policy's module or a file: nothing of it drives the terminal.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal, Write, stderr, stdout};

use serde_json::{Value, json};
use stockade_core::visible;

use stockade_config::ConfigErrors;
use stockade_core::environment;
use stockade_log::plain;

/// The form and the place of a command's answer.
pub(super) struct Output {
    json: bool,
}

impl Output {
    pub(super) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Tells whether a program reads what is written.
    pub(super) const fn is_json(&self) -> bool {
        self.json
    }

    /// Tells whether errors may be colored.
    pub(super) fn color() -> bool {
        environment::color() && stderr().is_terminal()
    }

    /// The answer: `text` for people, `value` for programs.
    pub(super) fn answer(&self, text: impl Display, value: &Value) -> anyhow::Result<()> {
        if self.json {
            line(stdout(), json_text(value))
        } else {
            line(stdout(), shown(&text.to_string()))
        }
    }

    /// Text for programs that is not JSON.
    pub(super) fn raw(text: impl Display) -> anyhow::Result<()> {
        let text = text.to_string();
        line(stdout(), shown(text.trim_end()))
    }

    /// Something to know that is not the answer.
    pub(super) fn note(&self, text: impl Display) -> anyhow::Result<()> {
        if self.json { Ok(()) } else { line(stderr(), text) }
    }

    /// Every error of a configuration.
    pub(super) fn config_errors(&self, errors: &ConfigErrors) -> anyhow::Result<()> {
        if self.json {
            let value = json!({ "ok": false, "errors": errors });
            line(stdout(), json_text(&value))
        } else {
            line(stderr(), errors.render(Self::color()))
        }
    }

    /// Writes the reason why a command could not do its work.
    pub(super) fn error(&self, error: &anyhow::Error) {
        // Nothing is left to tell it to where standard error is gone.
        if self.json {
            let message = format!("{error:#}");
            let value = json!({ "ok": false, "errors": [{ "message": message }] });
            writeln!(stdout(), "{}", json_text(&value)).ok();
        } else {
            writeln!(stderr(), "stockade: {}", shown(&format!("{error:#}"))).ok();
        }
    }
}

/// Writes a line to somebody who may have read enough, such as `head`: that is no error, and the
/// answer stays what it is.
fn line(mut to: impl Write, text: impl Display) -> anyhow::Result<()> {
    match writeln!(to, "{text}").and_then(|()| to.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Text of several lines and columns, and nothing else that is not seen.
fn shown(text: &str) -> Cow<'_, str> {
    visible(text, |c| matches!(c, '\n' | '\t'))
}

/// JSON of several lines, in which what is not seen is escaped.
fn json_text(value: &Value) -> String {
    let text = format!("{value:#}");
    String::from_utf8_lossy(&plain(text.as_bytes())).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_printed_drives_a_terminal() {
        let text = "a\u{1b}]0;title\u{7}\tb\u{9b}2J\nc\u{202e}d";
        assert_eq!(shown(text), "a\u{fffd}]0;title\u{fffd}\tb\u{fffd}2J\nc\u{fffd}d");
        let value = json!({ "name": text });
        let printed = json_text(&value);
        assert!(!printed.contains(|c| c != '\n' && stockade_core::is_invisible(c)), "{printed}");
        assert_eq!(serde_json::from_str::<Value>(&printed).unwrap(), value);
    }
}
