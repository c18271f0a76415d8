//! The proof of a log, or what is wrong with it and where.

mod problem;
mod segment;

use std::path::{Path, PathBuf};

use stockade_core::UnixTime;

use crate::key::VerifierKey;
use crate::line::LineHash;
use crate::note::SignedNote;
use crate::read::ReadError;
use crate::removed;
use crate::segment::segments;
pub use problem::{Finding, Problem, Unproven};
use segment::Walk;

/// Findings are listed up to so many; after that they are only counted.
const MOST_FINDINGS: usize = 100;

/// The keys and checkpoints that are known from elsewhere.
#[derive(Clone, Debug, Default)]
pub struct VerifyOptions {
    /// Keys that are trusted: the public key of the first segment, and of each that follows upon a
    /// lost key.
    pub keys: Vec<VerifierKey>,
    /// Checkpoints that were kept outside of the log.
    pub anchors: Vec<SignedNote>,
}

/// The result of looking at all lines of a log.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    /// The problems.
    pub findings: Vec<Finding>,
    /// The number of further ones.
    pub more_findings: u64,
    /// The claims that cannot be proven from what was given.
    pub unproven: Vec<Unproven>,
    /// Segments that are there.
    pub segments: u64,
    /// Lines that are there.
    pub lines: u64,
    /// Checkpoints that are there and right.
    pub checkpoints: u64,
    /// The number and the hash of the last line.
    pub last: u64,
    /// Its hash.
    pub head: Option<LineHash>,
    /// The number of the last line that a checkpoint vouches for, and its time.
    pub proven: Option<(u64, UnixTime)>,
    /// The time of the last line.
    pub ended: Option<UnixTime>,
    /// Anchors that are in the log.
    pub anchors: u64,
}

impl Proof {
    /// Tells whether nothing is wrong, as far as it can be known.
    pub const fn holds(&self) -> bool {
        self.findings.is_empty()
    }

    /// Returns the number of lines behind the last checkpoint.
    pub fn unprotected(&self) -> u64 {
        self.last - self.proven.map_or(0, |(line, _)| line).min(self.last)
    }

    fn found(&mut self, finding: Finding) {
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(finding);
        } else {
            self.more_findings += 1;
        }
    }
}

/// Looks at each line of the log in a directory: whether it follows upon the one before, and whether
/// the checkpoints are signed by the right keys.
///
/// # Errors
/// Where the log cannot be read.
pub fn verify(directory: &Path, options: &VerifyOptions) -> Result<Proof, ReadError> {
    let all = segments(directory).map_err(ReadError::at(directory))?;
    let removed = removed::read(directory).map_err(ReadError::at(directory))?;
    let mut walk = Walk::new(options);
    let first = all.first().map_or(1, |(number, _)| *number);
    walk.begin(&removed, first);
    for (number, path) in &all {
        walk.segment(*number, path)?;
    }
    Ok(walk.end())
}

/// A place in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) path: PathBuf,
    /// Lines of the file, from 1 on.
    pub(crate) line: u64,
}
