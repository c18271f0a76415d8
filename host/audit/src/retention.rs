//! Segments that are no longer kept.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;
use stockade_core::UnixTime;

use crate::end::{first_line, last_line, note_of};
use crate::line::Envelope;
use crate::removed::{self, Removed};
use crate::rules::Retention;
use crate::segment::{SegmentHead, segments};

/// A segment to be removed.
pub(crate) struct Expired {
    number: u64,
    pub(crate) path: PathBuf,
    first: u64,
    last: u64,
    removed: Removed,
}

impl Expired {
    /// Returns the members of the line that tells of it.
    pub(crate) fn members(&self) -> serde_json::Value {
        json!({"segment": self.number, "first": self.first, "last": self.last})
    }

    /// Removes it, once its closing checkpoint is kept elsewhere.
    pub(crate) fn remove(&self, directory: &Path) -> io::Result<()> {
        removed::keep(directory, &self.removed)?;
        fs::remove_file(&self.path)
    }
}

/// Returns the segments that the rules no longer keep, the oldest first. One that has not ended, or
/// is not what was written, is never among them, and nothing behind it.
pub(crate) fn expired(
    directory: &Path,
    open: Option<u64>,
    (rules, now): (Retention, UnixTime),
) -> io::Result<Vec<Expired>> {
    let all = segments(directory)?;
    let sizes = all.iter().map(|(_, path)| Ok(fs::metadata(path)?.len()));
    let sizes: Vec<u64> = sizes.collect::<io::Result<_>>()?;
    let mut total: u64 = sizes.iter().sum();
    let mut expired = Vec::new();
    for ((number, path), size) in all.into_iter().zip(sizes) {
        let Some((found, closed)) = closed(number, path)?.filter(|_| Some(number) != open) else {
            break;
        };
        let age = now.as_duration().saturating_sub(closed.as_duration());
        if age < rules.age && total <= rules.size {
            break;
        }
        total -= size;
        expired.push(found);
    }
    Ok(expired)
}

/// Returns a segment with the time of its end, if it has ended in order.
fn closed(number: u64, path: PathBuf) -> io::Result<Option<(Expired, UnixTime)>> {
    let mut file = File::open(&path)?;
    let length = file.metadata()?.len();
    let (first, last) = (first_line(&mut file)?, last_line(&mut file, length)?);
    let read = || {
        let head: SegmentHead = serde_json::from_slice(&first).ok()?;
        let note = note_of(&last)?;
        note.claimed().next_key.as_ref()?;
        let (first, last) = (Envelope::parse(&first).ok()?.seq, Envelope::parse(&last).ok()?.seq);
        let removed = Removed { segment: number, key: head.key, note: note.to_string() };
        Some((Expired { number, path, first, last, removed }, note.claimed().time))
    };
    Ok(read())
}
