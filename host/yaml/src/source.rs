//! The texts of a configuration's files, to quote from.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stockade_core::{MASK, is_invisible, mask_keys};

use super::error::{ConfigError, Excerpt};
use super::location::{FileId, Location};

/// Every file of a configuration in the order of reading, the main one first.
#[derive(Clone, Debug, Default)]
pub struct Sources(Vec<Source>);

impl Sources {
    /// Takes in a file that was named at some place of another, or the main one.
    pub fn add(&mut self, path: &Path, text: &str, included: Option<Location>) -> FileId {
        let id = FileId::new(u16::try_from(self.0.len()).unwrap_or(u16::MAX));
        self.0.push(Source::new(path, text, included));
        id
    }

    /// Marks a stretch that is never quoted.
    pub fn mask(&mut self, at: Location) {
        if let Some(source) = self.0.get_mut(at.file().index()) {
            source.masked.add(at);
        }
    }

    /// The main file.
    pub fn main(&self) -> &Path {
        self.path(FileId::MAIN)
    }

    /// The path of a file.
    pub fn path(&self, file: FileId) -> &Path {
        self.0.get(file.index()).map_or(Path::new(""), |source| &source.path)
    }

    /// An error at a place.
    pub fn error(&self, at: Location, message: &str) -> ConfigError {
        let excerpt = self.0.get(at.file().index()).and_then(|source| source.excerpt(at));
        let error = ConfigError::new(self.path(at.file()), message).at(at, excerpt);
        error.included_from(&self.chain(at.file()))
    }

    /// A place as a help text names it, seen from another place.
    pub fn place(&self, there: Location, here: Location) -> String {
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
    /// The start of each line, in bytes: a file can have as many warnings as lines.
    lines: Arc<[u32]>,
    masked: Masks,
    included: Option<Location>,
}

impl Source {
    fn new(path: &Path, text: &str, included: Option<Location>) -> Self {
        let starts = text.match_indices('\n').map(|(at, _)| at + 1);
        let starts = std::iter::once(0).chain(starts);
        // The files together have less than 4 GiB.
        let lines = starts.filter_map(|at| u32::try_from(at).ok()).collect();
        let masked = Masks::default();
        Self { path: path.to_owned(), text: text.into(), lines, masked, included }
    }

    /// A line by its number, counted from 1.
    fn line(&self, number: u32) -> Option<&str> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        let start = *self.lines.get(index)? as usize;
        self.text.get(start..)?.lines().next()
    }

    fn excerpt(&self, at: Location) -> Option<Excerpt> {
        let line = self.line(at.line())?;
        let masks: Vec<_> = self.masked.of_line(at.line()).collect();
        let show = |(column, character): (u32, char)| {
            if masks.iter().any(|mask| mask.covers(at.line(), column)) {
                MASK
            } else if is_invisible(character) {
                ' '
            } else {
                character
            }
        };
        let shown: String = (1..).zip(line.chars()).map(show).collect();
        Some(Excerpt::new(&mask_keys(&shown), at))
    }
}

/// The stretches of a file that are never quoted.
#[derive(Clone, Default)]
struct Masks {
    /// By each line that they touch.
    by_line: HashMap<u32, Vec<Location>>,
    /// Those of many lines.
    tall: Vec<Location>,
}

/// A stretch of more lines is tall.
const MOST_LINES: u32 = 8;

impl Masks {
    fn add(&mut self, at: Location) {
        let lines = at.lines();
        if lines.end() - lines.start() > MOST_LINES {
            self.tall.push(at);
            return;
        }
        for line in lines {
            self.by_line.entry(line).or_default().push(at);
        }
    }

    fn of_line(&self, line: u32) -> impl Iterator<Item = Location> {
        let tall = self.tall.iter().filter(move |mask| mask.lines().contains(&line));
        self.by_line.get(&line).into_iter().flatten().chain(tall).copied()
    }
}

/// Shows which file it is, not what it says.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("path", &self.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Location, Sources};

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
