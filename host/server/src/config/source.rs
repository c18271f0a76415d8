//! The texts of a configuration's files, to quote from.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::{ConfigError, Excerpt};
use super::location::{FileId, Location};

/// Every file of a configuration in the order of reading, the main one first.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources(Vec<Source>);

impl Sources {
    /// Take in a file that was named at some place of another, or the main one.
    pub(super) fn add(&mut self, path: &Path, text: &str, included: Option<Location>) -> FileId {
        let id = FileId::new(u16::try_from(self.0.len()).unwrap_or(u16::MAX));
        self.0.push(Source {
            path: path.to_owned(),
            text: text.into(),
            masked: Vec::new(),
            included,
        });
        id
    }

    /// Never quote this stretch.
    pub(super) fn mask(&mut self, at: Location) {
        if let Some(source) = self.0.get_mut(at.file().index()) {
            source.masked.push(at);
        }
    }

    /// The main file.
    pub(super) fn main(&self) -> &Path {
        self.path(FileId::MAIN)
    }

    /// The path of a file.
    pub(super) fn path(&self, file: FileId) -> &Path {
        self.0.get(file.index()).map_or(Path::new(""), |source| &source.path)
    }

    /// An error at a place.
    pub(super) fn error(&self, at: Location, message: &str) -> ConfigError {
        let excerpt = self.0.get(at.file().index()).and_then(|source| source.excerpt(at));
        let error = ConfigError::new(self.path(at.file()), message).at(at, excerpt);
        error.included_from(&self.chain(at.file()))
    }

    /// A place as a help text names it, seen from another place.
    pub(super) fn place(&self, there: Location, here: Location) -> String {
        if there.file() == here.file() {
            format!("line {}", there.line())
        } else {
            format!("{}:{}", self.path(there.file()).display(), there.line())
        }
    }

    /// The places of the `include:` that led to a file, the nearest first.
    fn chain(&self, file: FileId) -> Vec<String> {
        let included = |file: FileId| self.0.get(file.index())?.included;
        let places = std::iter::successors(included(file), |at| included(at.file()));
        places.map(|at| format!("{}:{at}", self.path(at.file()).display())).collect()
    }
}

/// One file.
#[derive(Clone)]
struct Source {
    path: PathBuf,
    text: Arc<str>,
    masked: Vec<Location>,
    included: Option<Location>,
}

impl Source {
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
        let touches = move |mask: &Location| mask.lines().contains(&line);
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
    use super::{Location, Sources, mask_secrets};

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
        let mut sources = Sources::default();
        sources.add("x.yaml".as_ref(), "password: hunter2", None);
        sources.mask(mask);
        let rendered = sources.error(Location::point(1, 1), "unknown key").render(false);
        assert!(rendered.contains("password: •••••••"), "{rendered}");
    }
}
