//! The rules for a log: where it is, when lines are on the disk, and which segments there are.

use std::path::PathBuf;
use std::time::Duration;

/// The rules for a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditSettings {
    /// The directory of the segments.
    pub directory: PathBuf,
    /// The time after which lines outlive a loss of power.
    pub sync: Sync,
    /// The longest time that the disk may take.
    pub deadline: Duration,
    /// The end of a segment.
    pub rotation: Rotation,
    /// The time for which segments are kept, and their size.
    pub retention: Retention,
}

impl AuditSettings {
    /// The usual rules, in a directory.
    pub const fn of(directory: PathBuf) -> Self {
        Self {
            directory,
            sync: Sync::Within(Duration::from_millis(100)),
            deadline: Duration::from_secs(10),
            rotation: Rotation { size: 100 << 20, age: Duration::from_hours(7 * 24) },
            retention: Retention { age: Duration::from_hours(400 * 24), size: 10 << 30 },
        }
    }
}

/// The time at which lines that are written are also on the disk. A process that is killed loses none of them;
/// a machine that loses power does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// As soon as they are written.
    Each,
    /// At most so long after.
    Within(Duration),
    /// At a time that the operating system chooses.
    Os,
}

/// The end of a segment: the first of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// At so many bytes.
    pub size: u64,
    /// After so much time.
    pub age: Duration,
}

/// The end of segments that have ended: the first of both. Only whole segments that have ended are
/// removed, and a line says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// So long after their last line.
    pub age: Duration,
    /// As long as all together have so many bytes at most.
    pub size: u64,
}
