//! Places in the configuration file, and the file's text to quote from.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::{ConfigError, Excerpt};

/// A stretch of the configuration file. Lines and columns count from 1, columns in
/// characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    start: Position,
    end: Position,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Position {
    line: u32,
    column: u32,
}

impl Location {
    /// The stretch from a line and column up to, but without, another.
    pub(super) const fn new(start: (u32, u32), end: (u32, u32)) -> Self {
        Self {
            start: Position { line: start.0, column: start.1 },
            end: Position { line: end.0, column: end.1 },
        }
    }

    /// A single place.
    pub(super) const fn point(line: u32, column: u32) -> Self {
        Self::new((line, column), (line, column))
    }

    /// The same start with the end of another.
    pub(super) const fn up_to(self, end: Self) -> Self {
        Self { start: self.start, end: end.end }
    }

    /// The line, counted from 1.
    pub const fn line(self) -> u32 {
        self.start.line
    }

    /// The column, counted from 1, in characters.
    pub const fn column(self) -> u32 {
        self.start.column
    }

    /// Start line, start column, end line, end column.
    pub(super) const fn as_numbers(self) -> [u32; 4] {
        [self.start.line, self.start.column, self.end.line, self.end.column]
    }

    /// How many characters to underline: one where the stretch has several lines.
    pub(super) const fn width(self) -> usize {
        if self.start.line == self.end.line && self.end.column > self.start.column {
            (self.end.column - self.start.column) as usize
        } else {
            1
        }
    }

    fn covers(self, line: u32, column: u32) -> bool {
        let here = Position { line, column };
        self.start <= here && here < self.end
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line(), self.column())
    }
}

/// The text of a configuration file, kept so that errors found after loading can
/// quote it.
#[derive(Clone)]
pub(super) struct Source {
    path: PathBuf,
    text: Arc<str>,
    masked: Arc<[Location]>,
}

impl Source {
    /// A file's text, with the stretches that must not be quoted.
    pub(super) fn new(path: &Path, text: &str, masked: Vec<Location>) -> Self {
        Self { path: path.to_owned(), text: text.into(), masked: masked.into() }
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// An error at a place in this file.
    pub(super) fn error(&self, at: Location, message: &str) -> ConfigError {
        ConfigError::new(&self.path, message).at(at, self.excerpt(at))
    }

    fn excerpt(&self, at: Location) -> Option<Excerpt> {
        let index = usize::try_from(at.line()).ok()?.checked_sub(1)?;
        let line = self.text.lines().nth(index)?;
        let masks: Vec<_> = self.masks_in(at.line()).collect();
        let show = |(column, character): (u32, char)| {
            if masks.iter().any(|mask| mask.covers(at.line(), column)) {
                MASK
            } else if character.is_control() {
                ' '
            } else {
                character
            }
        };
        let shown: String = (1..).zip(line.chars()).map(show).collect();
        Some(Excerpt::new(&mask_secrets(&shown), at))
    }

    fn masks_in(&self, line: u32) -> impl Iterator<Item = Location> {
        let touches = move |mask: &Location| (mask.start.line..=mask.end.line).contains(&line);
        self.masked.iter().copied().filter(touches)
    }
}

/// Shows which file it is, not what it says.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("path", &self.path).finish_non_exhaustive()
    }
}

const MASK: char = '•';

/// Runs of this many letters and digits are keys or digests: nobody needs to read
/// them in an error, and they may have been pasted in the wrong place.
const SECRET_RUN: usize = 24;

/// The text with what looks like a key made unreadable, character for character.
pub(super) fn mask_secrets(text: &str) -> String {
    let in_run = |c: char| c.is_ascii_alphanumeric();
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (run, after) = rest.split_at(rest.find(|c| !in_run(c)).unwrap_or(rest.len()));
        if run.len() >= SECRET_RUN && run.contains(|c: char| c.is_ascii_digit()) {
            masked.extend(run.chars().map(|_| MASK));
        } else {
            masked.push_str(run);
        }
        let (between, next) = after.split_at(after.find(in_run).unwrap_or(after.len()));
        masked.push_str(between);
        rest = next;
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::{Location, Source, mask_secrets};

    #[test]
    fn keys_and_digests_are_not_quoted() {
        let key = "a1".repeat(32);
        let masked = mask_secrets(&format!("  key: sk-local-{key} # mine"));
        assert!(!masked.contains("a1a1"), "{masked}");
        assert!(masked.starts_with("  key: sk-local-•") && masked.ends_with("• # mine"));
        assert_eq!(mask_secrets("model: hf.co/a/b"), "model: hf.co/a/b");
    }

    #[test]
    fn masked_stretches_keep_their_width() {
        let mask = Location::new((1, 11), (1, 18));
        let source = Source::new("x.yaml".as_ref(), "password: hunter2", vec![mask]);
        let rendered = source.error(Location::point(1, 1), "unknown key").render(false);
        assert!(rendered.contains("password: •••••••"), "{rendered}");
    }
}
