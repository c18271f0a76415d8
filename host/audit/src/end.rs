//! The two ends of a segment: its first line, and where it stops.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use stockade_core::UnixTime;

use crate::line::{Chain, Envelope, Kind, LineHash};
use crate::note::SignedNote;
use crate::segment::SegmentHead;

/// The longest first line, in bytes.
const LONGEST_HEAD: u64 = 1 << 16;

/// The end of a segment, as it was found.
pub(crate) struct Found {
    pub(crate) head: Option<SegmentHead>,
    pub(crate) since: Option<UnixTime>,
    /// Its length up to the end of the last complete line.
    pub(crate) length: u64,
    /// Bytes behind that.
    pub(crate) torn: u64,
    pub(crate) chain: Chain,
    /// Its closing checkpoint.
    pub(crate) closed: Option<SignedNote>,
    /// The last line is none.
    pub(crate) is_damaged: bool,
}

/// Finds the end of a segment.
pub(crate) fn find_end(number: u64, path: &Path) -> io::Result<Found> {
    let mut file = File::open(path)?;
    let first = first_line(&mut file)?;
    let envelope = Envelope::parse(&first).ok();
    let begins = envelope.filter(|line| line.kind == Kind::Segment.as_str());
    let head = begins.and_then(|_| serde_json::from_slice(&first).ok());
    let head = head.filter(|head: &SegmentHead| head.segment == number);
    let since = begins.and_then(|line| line.written());
    let (length, torn) = complete_length(&mut file)?;
    let last = last_line(&mut file, length)?;
    let (chain, is_damaged) = match Envelope::parse(&last) {
        Ok(line) => (Chain { next: line.seq + 1, prev: LineHash::of(&last) }, false),
        Err(_) => (Chain { next: guess_next(path)?, prev: LineHash::of(&last) }, true),
    };
    let closed = note_of(&last).filter(|note| note.claimed().next_key.is_some());
    Ok(Found { head, since, length, torn, chain, closed, is_damaged })
}

pub(crate) fn first_line(file: &mut File) -> io::Result<Vec<u8>> {
    let mut begin = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(LONGEST_HEAD).read_to_end(&mut begin)?;
    begin.truncate(memchr::memchr(b'\n', &begin).map_or(0, |end| end + 1));
    Ok(begin)
}

/// Returns the length up to the end of the last complete line, and how much is behind it.
fn complete_length(file: &mut File) -> io::Result<(u64, u64)> {
    let whole = file.seek(SeekFrom::End(0))?;
    let end = last_line_feed(file, whole)?.map_or(0, |at| at + 1);
    Ok((end, whole - end))
}

/// Returns the last line of those that end before `length`.
pub(crate) fn last_line(file: &mut File, length: u64) -> io::Result<Vec<u8>> {
    let begin = last_line_feed(file, length.saturating_sub(1))?.map_or(0, |at| at + 1);
    let mut line = Vec::new();
    file.seek(SeekFrom::Start(begin))?;
    file.take(length - begin).read_to_end(&mut line)?;
    Ok(line)
}

/// Finds the last line feed before a position.
fn last_line_feed(file: &mut File, before: u64) -> io::Result<Option<u64>> {
    const BLOCK: u64 = 1 << 16;
    let mut end = before;
    while end > 0 {
        let begin = end.saturating_sub(BLOCK);
        let mut block = Vec::new();
        file.seek(SeekFrom::Start(begin))?;
        file.take(end - begin).read_to_end(&mut block)?;
        if let Some(at) = memchr::memrchr(b'\n', &block) {
            return Ok(Some(begin + at as u64));
        }
        end = begin;
    }
    Ok(None)
}

/// Counts on from the last line that is one, over those behind it that are none.
fn guess_next(path: &Path) -> io::Result<u64> {
    let text = fs::read(path)?;
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    let count = |next, line| Envelope::parse(line).map_or(next + 1, |line| line.seq + 1);
    Ok(lines.fold(1, count))
}

/// Returns the checkpoint of a line, if it is one.
pub(crate) fn note_of(line: &[u8]) -> Option<SignedNote> {
    #[derive(serde::Deserialize)]
    struct Members {
        note: String,
    }
    let envelope = Envelope::parse(line).ok()?;
    let members: Members = serde_json::from_slice(line).ok()?;
    (envelope.kind == Kind::Checkpoint.as_str()).then(|| members.note.parse().ok())?
}

/// Tells whether a segment has no complete line.
pub(crate) fn is_empty(path: &Path) -> io::Result<bool> {
    let mut begin = Vec::new();
    File::open(path)?.take(LONGEST_HEAD).read_to_end(&mut begin)?;
    Ok(memchr::memchr(b'\n', &begin).is_none())
}
