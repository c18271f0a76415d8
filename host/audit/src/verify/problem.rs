//! The problems that a log can have, and what a log alone cannot prove.

use std::path::PathBuf;

use stockade_core::UnixTime;

use crate::line::stamp;

/// Something that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}: {problem}", path.display())]
pub struct Finding {
    /// The segment.
    pub path: PathBuf,
    /// The line of this file, from 1 on.
    pub line: u64,
    /// The problem.
    pub problem: Problem,
}

/// A kind of problem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The line has another form.
    #[error("this is no line of an audit log: it was changed or put in")]
    Malformed,
    /// The line before is not the one that this line names.
    #[error(
        "the line before is not the one that this line follows: that was changed, or lines between were removed, put in or moved"
    )]
    Broken,
    /// The number is not the next one.
    #[error("this is line {found} of the log where line {expected} was to come")]
    Number {
        /// The number that it should have.
        expected: u64,
        /// Its number.
        found: u64,
    },
    /// A segment is not there.
    #[error("segment {0} is missing, and no retention has removed it")]
    MissingSegment(u64),
    /// The last segment that is gone was not removed by the gateway.
    #[error(
        "segment {0} is gone, and no line of the log says that retention removed it: somebody else did"
    )]
    NoRetention(u64),
    /// The first line does not say which segment it is.
    #[error("the segment does not begin with its own first line")]
    NoHead,
    /// The segment has another key than the one before has named.
    #[error(
        "the key of this segment is not the one that the segment before names: it was written by somebody else"
    )]
    WrongKey,
    /// The segment has another key than the one that is trusted.
    #[error(
        "the key of this segment is not the one that was given: the log was written anew, or the key is that of another log"
    )]
    UntrustedKey,
    /// The private key was lost, and no other key was given for what follows.
    #[error(
        "the key of the segment before was lost; give the key of this one, if you know it, with --key"
    )]
    LostKey,
    /// The segment before has no closing checkpoint.
    #[error("the segment before has no closing checkpoint: its end is missing")]
    NotClosed,
    /// The gateway found that somebody else had written to the segment before.
    #[error("the gateway found the segment before changed by somebody else, and began this one")]
    Abandoned,
    /// Lines stand behind a closing checkpoint.
    #[error("the segment goes on behind its closing checkpoint")]
    BehindTheEnd,
    /// A checkpoint is not signed by the key of its segment.
    #[error("the checkpoint is not signed by the key of this segment")]
    Signature,
    /// A checkpoint says something else than the lines before it.
    #[error("the checkpoint is of other lines than those before it")]
    OtherLines,
    /// A checkpoint is not one.
    #[error("the checkpoint cannot be read: it was changed")]
    BadCheckpoint,
    /// A line ends in the midst of a segment that another one follows.
    #[error("the last line is not complete")]
    Incomplete,
    /// An anchor names a line that is not there any more.
    #[error(
        "the log ends too early: on {time} it had {size} lines, as a checkpoint that was kept elsewhere proves"
    )]
    CutOff {
        /// Its time.
        time: String,
        /// The number of lines.
        size: u64,
    },
    /// An anchor is of other lines than those that are there.
    #[error(
        "the {size} lines up to here are not those of {time}, as a checkpoint that was kept elsewhere proves"
    )]
    OtherHistory {
        /// Its time.
        time: String,
        /// The number of lines.
        size: u64,
    },
    /// An anchor is of another log, or is signed by nobody who has written this one.
    #[error("a checkpoint that was kept elsewhere, of {time}, is not signed by a key of this log")]
    ForeignAnchor {
        /// Its time.
        time: String,
    },
}

impl Problem {
    pub(super) fn time(time: UnixTime) -> String {
        stamp(time)
    }
}

/// Something that the log alone cannot prove.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// No key is trusted.
    #[error(
        "no key was given: the log is sound in itself, but whoever could write it could have made all of it anew (--key, with the content of `key.pub` kept elsewhere)"
    )]
    NoKey,
    /// No anchor is behind the last checkpoint.
    #[error(
        "whether lines are missing at the end cannot be seen in the log alone: give a later checkpoint that was kept elsewhere (--anchors)"
    )]
    End,
    /// Lines are behind the last checkpoint.
    #[error("the last {lines} lines are chained but not signed yet")]
    Tail {
        /// The number of lines.
        lines: u64,
    },
    /// The last line is torn.
    #[error(
        "the last line is not complete: it is being written, or a crash has cut it off ({bytes} bytes)"
    )]
    Torn {
        /// Its bytes.
        bytes: u64,
    },
    /// The first segments were removed.
    #[error("segments 1 to {0} were removed by retention; only their closing checkpoints are left")]
    Removed(u64),
}
