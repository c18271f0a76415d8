//! Lines of a log, one after the other, for whoever shows or exports them.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use crate::end::note_of;
use crate::line::Envelope;
use crate::note::SignedNote;
use crate::segment::segments;

/// Bytes that are read at once.
const BLOCK: usize = 1 << 18;

/// The reason why a log cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the audit log cannot be read: {}: {source}", path.display())]
pub struct ReadError {
    path: PathBuf,
    source: io::Error,
}

impl ReadError {
    pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { path, source }
    }
}

/// Reads complete lines of a log from its first segment to its last. What is no line of a log is
/// passed over: [`crate::verify()`] finds it.
pub struct LineReader {
    /// The segments that are still to be read, the next one last.
    segments: Vec<PathBuf>,
    open: Option<(PathBuf, BufReader<File>)>,
    line: Vec<u8>,
}

impl LineReader {
    /// Begins with the first segment of a directory, or with one file.
    ///
    /// # Errors
    /// Where the directory cannot be read.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let mut segments = if path.is_dir() {
            let found = segments(path).map_err(ReadError::at(path))?;
            found.into_iter().map(|(_, path)| path).collect()
        } else {
            vec![path.to_owned()]
        };
        segments.reverse();
        Ok(Self { segments, open: None, line: Vec::new() })
    }

    /// Returns the next line, its line feed included.
    ///
    /// # Errors
    /// Where a segment cannot be read.
    pub fn next_line(&mut self) -> Result<Option<&[u8]>, ReadError> {
        while self.read()? {
            if Envelope::parse(&self.line).is_ok() {
                return Ok(Some(&self.line));
            }
        }
        Ok(None)
    }

    /// Reads something that ends with a line feed; false where there is nothing more.
    fn read(&mut self) -> Result<bool, ReadError> {
        loop {
            if self.open.is_none() {
                let Some(path) = self.segments.pop() else { return Ok(false) };
                let file = File::open(&path).map_err(ReadError::at(&path))?;
                self.open = Some((path, BufReader::with_capacity(BLOCK, file)));
            }
            let Some((path, reader)) = &mut self.open else { return Ok(false) };
            self.line.clear();
            reader.read_until(b'\n', &mut self.line).map_err(ReadError::at(path))?;
            if self.line.ends_with(b"\n") {
                return Ok(true);
            }
            self.open = None;
        }
    }
}

/// Returns the last checkpoint of a log, whoever has signed it.
///
/// # Errors
/// Where the log cannot be read.
pub fn last_checkpoint(directory: &Path) -> Result<Option<SignedNote>, ReadError> {
    let mut all = segments(directory).map_err(ReadError::at(directory))?;
    while let Some((_, path)) = all.pop() {
        let mut lines = LineReader::open(&path)?;
        let mut last = None;
        while let Some(line) = lines.next_line()? {
            last = note_of(line).or(last);
        }
        if last.is_some() {
            return Ok(last);
        }
    }
    Ok(None)
}
