//! Standard output and standard error, for people or for programs.

use std::fmt::Display;
use std::io::{IsTerminal, Write, stderr, stdout};

use serde_json::{Value, json};

use super::environment;
use crate::config::ConfigErrors;

/// Where a command's answer goes.
pub(super) struct Output {
    json: bool,
}

impl Output {
    pub(super) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether a program reads what is written.
    pub(super) const fn is_json(&self) -> bool {
        self.json
    }

    /// Whether errors may be colored.
    pub(super) fn color() -> bool {
        environment::color() && stderr().is_terminal()
    }

    /// The answer: `text` for people, `value` for programs.
    pub(super) fn answer(&self, text: impl Display, value: &Value) -> anyhow::Result<()> {
        if self.json {
            writeln!(stdout(), "{value:#}")?;
        } else {
            writeln!(stdout(), "{text}")?;
        }
        Ok(())
    }

    /// Something to know that is not the answer.
    pub(super) fn note(&self, text: impl Display) -> anyhow::Result<()> {
        if !self.json {
            writeln!(stderr(), "{text}")?;
        }
        Ok(())
    }

    /// Every error of a configuration.
    pub(super) fn config_errors(&self, errors: &ConfigErrors) -> anyhow::Result<()> {
        if self.json {
            writeln!(stdout(), "{:#}", json!({ "ok": false, "errors": errors }))?;
        } else {
            writeln!(stderr(), "{}", errors.render(Self::color()))?;
        }
        Ok(())
    }

    /// Why a command could not do its work.
    pub(super) fn error(&self, error: &anyhow::Error) {
        // Nothing is left to tell it to where standard error is gone.
        if self.json {
            writeln!(
                stdout(),
                "{:#}",
                json!({ "ok": false, "errors": [{ "message": format!("{error:#}") }] })
            )
            .ok();
        } else {
            writeln!(stderr(), "stockade: {error:#}").ok();
        }
    }
}
