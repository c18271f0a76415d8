//! Collects everything that is wrong, so that it can be told at once.

use std::path::Path;

use stockade_core::mask_keys;

use super::error::ConfigError;
use super::location::{FileId, Location};
use super::source::Sources;

/// One thing that is wrong, not yet tied to its file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    at: Location,
    message: String,
    help: Option<String>,
}

impl Problem {
    /// A message about a place.
    pub fn new(at: Location, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), help: None }
    }

    /// The same with what to do instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn in_file(&self, sources: &Sources) -> ConfigError {
        let error = sources.error(self.at, &self.message);
        match &self.help {
            Some(help) => error.with_help(help),
            None => error,
        }
    }
}

/// More errors than this are counted, not shown.
const MOST_SHOWN: usize = 100;

/// The errors and warnings that have been found so far.
#[derive(Debug, Default)]
pub struct Diagnostics {
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
    sources: Sources,
}

impl Diagnostics {
    /// Begins to read a file that was named at some place of another, or the main one.
    pub fn begin(&mut self, path: &Path, text: &str, included: Option<Location>) -> FileId {
        self.sources.add(path, text, included)
    }

    /// Adds something that is wrong.
    pub fn add(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Adds something that may be meant so.
    pub fn warn(&mut self, problem: Problem) {
        self.warnings.push(problem);
    }

    /// Tells whether so much is wrong that not all of it will be shown. Looking for what
    /// else a word could have meant is not worth its time then.
    pub const fn is_full(&self) -> bool {
        self.problems.len() >= MOST_SHOWN
    }

    /// Marks a stretch of the file that is never quoted: it may hold a secret.
    pub fn mask(&mut self, at: Location) {
        self.sources.mask(at);
    }

    /// The path of a file.
    pub fn path(&self, file: FileId) -> &Path {
        self.sources.path(file)
    }

    /// A place as a help text names it, seen from another place.
    pub fn place(&self, there: Location, here: Location) -> String {
        self.sources.place(there, here)
    }

    /// Everything that is wrong, in the order of the files, and their texts.
    pub fn finish(mut self) -> Finished {
        // What stands behind an anchor is seen once for each alias.
        self.problems.sort();
        self.problems.dedup();
        let shown = self.problems.iter().take(MOST_SHOWN);
        let mut errors: Vec<_> = shown.map(|problem| problem.in_file(&self.sources)).collect();
        let more = self.problems.len() - errors.len();
        if more > 0 {
            errors.push(ConfigError::new(self.sources.main(), &format!("and {more} more errors")));
        }
        self.warnings.sort();
        let warnings = self.warnings.iter().map(|problem| problem.in_file(&self.sources));
        let warnings = warnings.map(ConfigError::into_warning).collect();
        Finished { errors, warnings, sources: self.sources }
    }
}

/// The result of reading.
pub struct Finished {
    /// The errors.
    pub errors: Vec<ConfigError>,
    /// The warnings: what may be meant so.
    pub warnings: Vec<ConfigError>,
    /// The files, to quote from later.
    pub sources: Sources,
}

/// The known word that was probably meant.
pub fn closest<'k>(text: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let tolerated = (text.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|word| (strsim::osa_distance(text, word), word))
        .filter(|(distance, _)| *distance <= tolerated)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// A word of the file as it is quoted in a message: never very long, and never a key.
pub fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    let text = mask_keys(text);
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{closest, quoted};

    #[test]
    fn typing_mistakes_are_recognised_and_other_words_are_not() {
        let known = ["bindings", "users", "policies"];
        assert_eq!(closest("bindngs", known), Some("bindings"));
        assert_eq!(closest("polices", known), Some("policies"));
        assert_eq!(closest("upstream", known), None);
        assert_eq!(closest("", ["a"]), Some("a"));
    }

    #[test]
    fn quotes_are_short_and_safe() {
        assert_eq!(quoted("a\u{1b}"), r#""a\u{1b}""#);
        assert!(quoted(&"x".repeat(500)).len() < 100);
    }
}
