//! Opening a log: where it ended, whether that was in order, and what is to be said if not.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde_json::json;
use stockade_core::{UnixTime, random};

use crate::end::{Found, find_end, is_empty};
use crate::key::{SigningKey, VerifierKey};
use crate::key_file::KeyFile;
use crate::line::{Chain, Kind};
use crate::segment::{After, SegmentHead, segments};
use crate::segment_file::SegmentFile;

/// The reason why a log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("another gateway writes the audit log in {}", directory.display())]
    Taken {
        /// The directory.
        directory: PathBuf,
    },
    /// A file of it cannot be used.
    #[error("the audit log cannot be opened: {}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A later version has written it.
    #[error("{} was written by a later version of Stockade (format {format})", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: u32,
    },
    /// The machine cannot make keys.
    #[error("no key can be made for the audit log")]
    NoKey,
}

/// A log at the end of which writing goes on.
pub(crate) struct Opened {
    /// Held as long as it is written.
    pub(crate) lock: File,
    pub(crate) origin: String,
    /// The key of the segment, or that of the next one.
    pub(crate) key: SigningKey,
    pub(crate) chain: Chain,
    pub(crate) at: Position,
    /// Lines to be written first.
    pub(crate) remarks: Vec<(Kind, String)>,
}

/// The place at which writing goes on.
pub(crate) enum Position {
    /// In a segment that has not ended, of so many bytes.
    Within { file: SegmentFile, since: Option<UnixTime> },
    /// In a segment that is still to be made.
    New { segment: u64, after: Option<After> },
}

/// Opens the log in a directory, which is made if there is none.
pub(crate) fn open(directory: &Path) -> Result<Opened, OpenError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| OpenError::Io { path, source }
    };
    make_directory(directory).map_err(io(directory))?;
    let lock = lock(directory)?;
    let files = Files { directory, keys: KeyFile::new(directory) };
    let mut all = segments(directory).map_err(io(directory))?;
    // A crash came before the first line of it: the one before says how to go on.
    while let Some((_, path)) = all.last()
        && is_empty(path).map_err(io(path))?
    {
        fs::remove_file(path).map_err(io(path))?;
        all.pop();
    }
    match all.last() {
        Some((number, path)) => {
            let found = find_end(*number, path).map_err(io(path))?;
            files.resume(*number, path, found, lock)
        }
        None => files.begin(lock),
    }
}

fn make_directory(directory: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

/// Keeps every other process from writing, until this one ends.
fn lock(directory: &Path) -> Result<File, OpenError> {
    let path = directory.join("lock");
    let opened =
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = opened.map_err(|source| OpenError::Io { path: path.clone(), source })?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => {
            Err(OpenError::Taken { directory: directory.to_owned() })
        }
        Err(error) => Err(OpenError::Io { path, source: error.into() }),
    }
}

struct Files<'a> {
    directory: &'a Path,
    keys: KeyFile,
}

impl Files<'_> {
    /// Begins a log.
    fn begin(&self, lock: File) -> Result<Opened, OpenError> {
        let io = |source| OpenError::Io { path: self.directory.to_owned(), source };
        let gone = json!({"what": "removed", "log": "all"}).to_string();
        // Where there is a key, somebody took the segments away.
        let remarks = self.keys.exists().then_some((Kind::Tampered, gone)).into_iter().collect();
        let key = SigningKey::generate().ok_or(OpenError::NoKey)?;
        let origin = format!("stockade-audit/{}", hex::encode(random::bytes::<8>()));
        self.keys.prepare(&key).map_err(io)?;
        self.keys.publish(&key.verifier(&origin)).map_err(io)?;
        let at = Position::New { segment: 1, after: None };
        Ok(Opened { lock, origin, key, chain: Chain::BEGIN, at, remarks })
    }

    /// Decides where writing goes on.
    fn resume(
        &self,
        number: u64,
        path: &Path,
        found: Found,
        lock: File,
    ) -> Result<Opened, OpenError> {
        let io = |source| OpenError::Io { path: path.to_owned(), source };
        let Found { head, since, length, torn, chain, closed, is_damaged } = found;
        if let Some(SegmentHead { format, .. }) = head
            && format > crate::segment::FORMAT
        {
            return Err(OpenError::Newer { path: path.to_owned(), format });
        }
        let named: Option<VerifierKey> = head.and_then(|head| head.key.parse().ok());
        let origin = named.as_ref().map(|key| key.origin().to_owned());
        let origin = origin.unwrap_or_else(|| "stockade-audit/unknown".to_owned());
        let mut remarks = Vec::new();
        if torn > 0 {
            remarks.push((Kind::Torn, json!({"segment": number, "bytes": torn}).to_string()));
        }
        let next_key = closed.and_then(|note| note.claimed().next_key.clone());
        let next = Position::New { segment: number + 1, after: None };
        let (key, at) = match (next_key, named) {
            (Some(next_key), _) => (self.keys.next(next_key.bytes()).map_err(io)?, next),
            (None, Some(named)) if !is_damaged => {
                let file = SegmentFile::open(self.directory, number, length).map_err(io)?;
                (self.keys.of(named.bytes()).map_err(io)?, Position::Within { file, since })
            }
            (None, named) => {
                let after = Some(After::Damage);
                let key = named.map(|named| self.keys.of(named.bytes())).transpose();
                (key.map_err(io)?.flatten(), Position::New { segment: number + 1, after })
            }
        };
        if let Some(key) = key {
            return Ok(Opened { lock, origin, key, chain, at, remarks });
        }
        let key = SigningKey::generate().ok_or(OpenError::NoKey)?;
        self.keys.prepare(&key).map_err(io)?;
        let at = Position::New { segment: number + 1, after: Some(After::LostKey) };
        Ok(Opened { lock, origin, key, chain, at, remarks })
    }
}
