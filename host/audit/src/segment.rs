//! The files of a log, by their names, and the first line of each.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::key::VerifierKey;

const PREFIX: &str = "audit-";
const SUFFIX: &str = ".jsonl";

/// The number of the format of lines and files.
pub(crate) const FORMAT: u32 = 1;

/// The members of the first line of a segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SegmentHead {
    pub(crate) format: u32,
    pub(crate) segment: u64,
    /// The verifier key of its checkpoints.
    pub(crate) key: String,
    /// The reason why the segment before has no closing checkpoint, or has another key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<After>,
}

/// The reason why a segment does not follow upon a closed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum After {
    /// The end of the segment before is not what this gateway has written.
    Damage,
    /// The private key of the segment before is gone.
    LostKey,
}

impl SegmentHead {
    pub(crate) fn new(segment: u64, key: &VerifierKey, after: Option<After>) -> Self {
        Self { format: FORMAT, segment, key: key.to_string(), after }
    }
}

/// Returns the path of a segment.
pub(crate) fn path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{PREFIX}{number:08}{SUFFIX}"))
}

/// Returns the segments of a directory, with their numbers, in order.
///
/// # Errors
/// Where the directory cannot be read.
pub fn segments(directory: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in directory.read_dir()? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let number = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX));
        if let Some(number) = number.and_then(|digits| digits.parse().ok()) {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found)
}
