//! Lines of a file with something underlined, for a terminal.

use std::fmt::{self, Write as _};

use crate::location::Location;

/// The line of an error and what to underline in it.
#[derive(Clone, Debug)]
pub(crate) struct Excerpt {
    number: u32,
    line: String,
    indent: usize,
    width: usize,
}

/// Longer lines are cut off on both sides of what is underlined.
const WIDEST: usize = 100;

impl Excerpt {
    pub(crate) fn new(line: &str, at: Location) -> Self {
        let column = (at.column() as usize).saturating_sub(1);
        let skipped =
            if line.chars().count() > WIDEST { column.saturating_sub(WIDEST / 2) } else { 0 };
        let line: String = line.chars().skip(skipped).take(WIDEST).collect();
        let indent = column - skipped;
        let room = line.chars().count().saturating_sub(indent).max(1);
        Self {
            number: at.line(),
            width: at.width().min(room),
            line: line.trim_end().to_owned(),
            indent,
        }
    }

    pub(super) fn write(&self, out: &mut String, paint: &Paint) -> fmt::Result {
        let number = self.number.to_string();
        let gutter = " ".repeat(number.len());
        let bar = paint.dim("|");
        writeln!(out, "{gutter} {bar}")?;
        writeln!(out, "{} {bar} {}", paint.dim(&number), self.line)?;
        let caret = paint.error(&"^".repeat(self.width));
        writeln!(out, "{gutter} {bar} {}{caret}", " ".repeat(self.indent))
    }
}

pub(super) struct Paint {
    pub(super) color: bool,
}

impl Paint {
    pub(super) fn error(&self, text: &str) -> String {
        self.sgr("1;31", text)
    }

    pub(super) fn bold(&self, text: &str) -> String {
        self.sgr("1", text)
    }

    pub(super) fn dim(&self, text: &str) -> String {
        self.sgr("34", text)
    }

    pub(super) fn warning(&self, text: &str) -> String {
        self.sgr("1;33", text)
    }

    fn sgr(&self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
