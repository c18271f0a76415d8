//! Everything that a configuration is made of, each file read once.
//!
//! One reading hashes and parses the same bytes, so that what is judged to have changed and
//! what is loaded cannot differ. A later look reads the same files again and compares.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::pattern::{Matches, Pattern};
use super::regular_file::{self, Content, ReadError, Stat};

/// The files and patterns of one reading, with what was found.
#[derive(Clone, Default)]
pub struct SourceSet {
    files: Vec<PathBuf>,
    patterns: Vec<Pattern>,
    read: HashMap<PathBuf, SourceFile>,
    expanded: HashMap<Pattern, Matches>,
    /// The files that were read before this reading came to them.
    ahead: HashMap<PathBuf, SourceFile>,
    expanded_ahead: HashMap<Pattern, Matches>,
}

/// One file as it was read.
#[derive(Clone)]
struct SourceFile {
    /// The most bytes that were wanted of it.
    limit: u64,
    /// True if it is a text of the configuration itself.
    is_text: bool,
    content: Result<Content, ReadError>,
    digest: [u8; 32],
}

impl SourceFile {
    fn read(path: &Path, limit: u64) -> Self {
        let content = regular_file::read(path, limit);
        Self { limit, is_text: false, digest: digest(&content), content }
    }

    /// Tells whether reading with another limit would come to the same.
    fn answers(&self, limit: u64) -> bool {
        match &self.content {
            Ok(content) => content.bytes.len() as u64 <= limit,
            Err(ReadError::TooLarge(_)) => self.limit == limit,
            Err(_) => true,
        }
    }

    fn len(&self) -> u64 {
        self.content.as_ref().map_or(0, |content| content.bytes.len() as u64)
    }
}

/// Permissions belong to it: a secret that others may read is refused. A file that cannot
/// be read counts as absent.
fn digest(content: &Result<Content, ReadError>) -> [u8; 32] {
    let mut hasher = Sha256::new();
    match content {
        Ok(content) => {
            hasher.update([1]);
            hasher.update(content.stat.mode.to_le_bytes());
            hasher.update(content.stat.group.to_le_bytes());
            hasher.update(&content.bytes);
        }
        Err(_) => hasher.update([0]),
    }
    hasher.finalize().into()
}

impl SourceSet {
    /// The configuration file and every file that it names, in the order of reading:
    /// included ones, secrets, certificates and modules.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The patterns of `include:`, in all files. A file that matches later belongs to the
    /// configuration.
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// Returns the digest of all that was read, in the order of reading.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        for file in self.files.iter().filter_map(|path| self.read.get(path)) {
            hasher.update(file.digest);
        }
        hasher.finalize().into()
    }

    /// Returns the text of the first file, if it could be read.
    pub fn main_text(&self) -> Option<&[u8]> {
        let file = self.read.get(self.files.first()?)?;
        file.content.as_ref().ok().map(|content| &*content.bytes)
    }

    /// Tells whether something could not be read because the machine was short of something, so
    /// that the same files may be read a moment later.
    pub fn is_short(&self) -> bool {
        let failed = |file: &SourceFile| file.content.as_ref().is_err_and(ReadError::is_passing);
        let unreadable = |matches: &Matches| {
            matches.unreadable.iter().any(|(_, error)| regular_file::is_passing(error))
        };
        self.read.values().any(failed) || self.expanded.values().any(unreadable)
    }

    /// Reads a file, unless it has been read for this set already.
    pub(super) fn read(&mut self, path: &Path, limit: u64) -> Result<Content, ReadError> {
        self.file(path, limit).content.clone()
    }

    /// Reads a text of the configuration itself. The next one is compared with it.
    pub(super) fn read_text(&mut self, path: &Path, limit: u64) -> Result<Content, ReadError> {
        let file = self.file(path, limit);
        file.is_text = true;
        file.content.clone()
    }

    fn file(&mut self, path: &Path, limit: u64) -> &mut SourceFile {
        if !self.read.contains_key(path) {
            self.files.push(path.to_owned());
            let ahead = self.ahead.remove(path).filter(|file| file.answers(limit));
            let file = ahead.unwrap_or_else(|| SourceFile::read(path, limit));
            self.read.insert(path.to_owned(), file);
        }
        self.read.entry(path.to_owned()).or_insert_with(|| SourceFile::read(path, limit))
    }

    /// Looks for the files of a pattern, unless that was done for this set already.
    pub(super) fn expand(&mut self, pattern: Pattern) -> Matches {
        if let Some(matches) = self.expanded.get(&pattern) {
            return matches.clone();
        }
        let ahead = self.expanded_ahead.remove(&pattern);
        let matches = ahead.unwrap_or_else(|| pattern.expand());
        self.expanded.insert(pattern.clone(), matches.clone());
        self.patterns.push(pattern);
        matches
    }

    /// Returns the texts of the configuration, each with the SHA-256 of its content.
    pub(super) fn texts(&self) -> Vec<(PathBuf, [u8; 32])> {
        let text = |path: &PathBuf| {
            let file = self.read.get(path).filter(|file| file.is_text)?;
            let content = file.content.as_ref().ok()?;
            Some((path.clone(), Sha256::digest(&content.bytes).into()))
        };
        self.files.iter().filter_map(text).collect()
    }

    /// Returns what is needed to look for changes later. Contents other than texts are let go of.
    pub fn last_read(&self) -> LastRead {
        let seen = |path: &PathBuf| {
            let file = self.read.get(path)?;
            let content = file.content.as_ref().ok();
            Some(SeenFile {
                path: path.clone(),
                limit: file.limit,
                digest: file.digest,
                stat: content.map(|content| content.stat),
                text: content.filter(|_| file.is_text).map(|content| content.bytes.clone()),
            })
        };
        let found = |pattern: &Pattern| {
            let matches = self.expanded.get(pattern)?;
            Some((pattern.clone(), Found::from(matches)))
        };
        LastRead {
            files: self.files.iter().filter_map(seen).collect(),
            patterns: self.patterns.iter().filter_map(found).collect(),
        }
    }
}

/// Shows which files there are, and nothing of what they hold.
impl fmt::Debug for SourceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { files, patterns, .. } = self;
        f.debug_struct("SourceSet")
            .field("files", files)
            .field("patterns", patterns)
            .finish_non_exhaustive()
    }
}

/// The most bytes that are read for one look at all files together.
const LARGEST_LOOK: u64 = 256 << 20;

/// The files of the last reading as they were then.
#[derive(Clone, Default)]
pub struct LastRead {
    files: Vec<SeenFile>,
    patterns: Vec<(Pattern, Found)>,
}

#[derive(Clone)]
struct SeenFile {
    path: PathBuf,
    limit: u64,
    digest: [u8; 32],
    stat: Option<Stat>,
    text: Option<Arc<[u8]>>,
}

/// The files that a pattern led to, and the directories that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found(Vec<PathBuf>, Vec<PathBuf>);

impl From<&Matches> for Found {
    fn from(matches: &Matches) -> Self {
        let unreadable = matches.unreadable.iter().map(|(directory, _)| directory.clone());
        Self(matches.files.clone(), unreadable.collect())
    }
}

/// A file that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedFile {
    /// Its name in the configuration.
    pub path: PathBuf,
    /// The digest of what it holds now.
    pub digest: [u8; 32],
    /// True if its text is the beginning of what it was, as that of a file is which is being
    /// written again. Of what is no text of the configuration only the empty beginning is known.
    pub is_prefix: bool,
}

/// The difference between two looks at the files of a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The files.
    pub files: Vec<ChangedFile>,
    /// True if a pattern leads to other files.
    pub patterns: bool,
}

impl Changes {
    /// Tells whether nothing has changed.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && !self.patterns
    }
}

impl LastRead {
    /// The files, as the configuration names them.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|file| file.path.as_path())
    }

    /// The patterns of `include:`.
    pub fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.patterns.iter().map(|(pattern, _)| pattern)
    }

    /// Tells whether the system says that something is not as it was. It does not tell of two
    /// changes within one tick of the file system's clock.
    pub fn looks_different(&self) -> bool {
        self.files.iter().any(|file| Stat::of(&file.path).filter(Stat::is_regular) != file.stat)
            || self.patterns.iter().any(|(pattern, found)| Found::from(&pattern.expand()) != *found)
    }

    /// Reads everything again, and says what differs. The set is meant for the next reading.
    pub fn again(&self) -> (SourceSet, Changes) {
        let mut next = SourceSet::default();
        let mut changes = Changes::default();
        for (pattern, found) in &self.patterns {
            let matches = pattern.expand();
            changes.patterns |= Found::from(&matches) != *found;
            next.expanded_ahead.insert(pattern.clone(), matches);
        }
        let mut room = LARGEST_LOOK;
        for seen in &self.files {
            let file = SourceFile::read(&seen.path, seen.limit.min(room));
            room -= file.len();
            if file.digest != seen.digest {
                changes.files.push(seen.changed(&file));
            }
            next.ahead.insert(seen.path.clone(), file);
        }
        (next, changes)
    }
}

impl SeenFile {
    fn changed(&self, now: &SourceFile) -> ChangedFile {
        let text = now.content.as_ref().ok().map(|content| &content.bytes);
        let is_prefix = match (&self.text, text) {
            (Some(before), Some(now)) => now.len() < before.len() && before.starts_with(now),
            // What is written again is empty first, whatever it holds.
            (None, Some(now)) => now.is_empty(),
            (_, None) => false,
        };
        ChangedFile { path: self.path.clone(), digest: now.digest, is_prefix }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::SourceSet;

    #[test]
    fn a_look_finds_what_is_not_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("a"), "users: 1\nbindings: 2\n").unwrap();
        fs::write(path("b"), "module").unwrap();
        let mut first = SourceSet::default();
        first.read_text(&path("a"), 100).unwrap();
        first.read(&path("b"), 100).unwrap();
        assert!(first.read(&path("none"), 100).is_err());
        let seen = first.last_read();
        assert!(!seen.looks_different());
        assert!(seen.again().1.is_empty());
        fs::write(path("a"), "users: 1\n").unwrap();
        fs::write(path("b"), "mod").unwrap();
        fs::write(path("none"), "").unwrap();
        assert!(seen.looks_different());
        let (_, changes) = seen.again();
        let differing: Vec<_> =
            changes.files.iter().map(|file| (&file.path, file.is_prefix)).collect();
        assert_eq!(differing, [(&path("a"), true), (&path("b"), false), (&path("none"), true)]);
        fs::write(path("b"), "").unwrap();
        let (_, changes) = seen.again();
        assert!(changes.files.iter().all(|file| file.is_prefix), "{changes:?}");
    }

    #[test]
    fn a_reading_takes_what_was_compared() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        fs::write(&path, "one").unwrap();
        let mut first = SourceSet::default();
        first.read_text(&path, 100).unwrap();
        let (mut second, _) = first.last_read().again();
        fs::write(&path, "two").unwrap();
        assert_eq!(&*second.read_text(&path, 100).unwrap().bytes, b"one");
        assert_eq!(second.last_read().again().1.files.len(), 1);
    }
}
