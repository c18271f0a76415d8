//! The closing checkpoints of segments that retention has removed: they vouch for the keys of those
//! that are left.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::note::SignedNote;

const FILE: &str = "removed.jsonl";

/// A segment that was removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Removed {
    pub(crate) segment: u64,
    /// The verifier key of the segment.
    pub(crate) key: String,
    /// Its closing checkpoint.
    pub(crate) note: String,
}

impl Removed {
    pub(crate) fn note(&self) -> Option<SignedNote> {
        self.note.parse().ok()
    }
}

/// Keeps the closing checkpoint of a segment, before it is removed.
pub(crate) fn keep(directory: &Path, removed: &Removed) -> io::Result<()> {
    let mut line = serde_json::to_vec(removed)?;
    line.push(b'\n');
    let mut file = OpenOptions::new().append(true).create(true).open(directory.join(FILE))?;
    file.write_all(&line)?;
    file.sync_all()
}

/// Returns what was removed, in order.
pub(crate) fn read(directory: &Path) -> io::Result<Vec<Removed>> {
    match fs::read_to_string(directory.join(FILE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        text => Ok(text?.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()),
    }
}
