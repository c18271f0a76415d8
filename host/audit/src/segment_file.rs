//! The file that is written: only whole lines, with room for those that are promised, and only as
//! long as it is the file at its place.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FallocateFlags, fallocate, fstatvfs};
use rustix::io::Errno;

use crate::health::Trouble;
use crate::key_file::sync_directory;
use crate::segment;

/// Room is reserved in steps of so many bytes.
const STEP: u64 = 4 << 20;

pub(crate) struct SegmentFile {
    pub(crate) number: u64,
    path: PathBuf,
    file: Arc<File>,
    /// The end of the last whole line.
    length: u64,
    /// The end of the room that is reserved.
    reserved: u64,
    /// False where the file system cannot reserve room.
    can_reserve: bool,
}

impl SegmentFile {
    /// Opens a segment that has so many bytes, and cuts off what is behind.
    pub(crate) fn open(directory: &Path, number: u64, length: u64) -> io::Result<Self> {
        let path = segment::path(directory, number);
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).mode(0o600).open(&path)?;
        if file.metadata()?.len() != length {
            file.set_len(length)?;
        }
        let file = Arc::new(file);
        Ok(Self { number, path, file, length, reserved: length, can_reserve: true })
    }

    pub(crate) const fn length(&self) -> u64 {
        self.length
    }

    pub(crate) const fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Writes whole lines: all of them, or none.
    pub(crate) fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        match (&*self.file).write_all(lines) {
            Ok(()) => {
                self.length += lines.len() as u64;
                Ok(())
            }
            Err(error) => {
                self.file.set_len(self.length)?;
                Err(error)
            }
        }
    }

    /// Makes sure that so many further bytes find room.
    pub(crate) fn make_room(&mut self, bytes: u64) -> Result<(), Trouble> {
        let needed = self.length + bytes;
        if needed <= self.reserved {
            return Ok(());
        }
        if self.can_reserve {
            let end = needed + STEP;
            // Readers must not see bytes that are not written: the size stays.
            match fallocate(&*self.file, FallocateFlags::KEEP_SIZE, 0, end) {
                Ok(()) => {
                    self.reserved = end;
                    return Ok(());
                }
                Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => self.can_reserve = false,
                Err(error) => return Err(Trouble::of(error.into())),
            }
        }
        let system = fstatvfs(&*self.file).map_err(|error| Trouble::of(error.into()))?;
        let free = system.f_bavail.saturating_mul(system.f_frsize);
        if free < bytes { Err(Trouble::Full) } else { Ok(()) }
    }

    /// Makes sure that this is the file at its place, and nobody else has written to it.
    pub(crate) fn look(&self) -> Result<(), Trouble> {
        let failing = |error: io::Error| Trouble::Failing(error.to_string());
        let own = self.file.metadata().map_err(failing)?;
        if own.len() != self.length {
            return Err(Trouble::Changed);
        }
        match fs::symlink_metadata(&self.path) {
            Ok(there) if (there.dev(), there.ino()) == (own.dev(), own.ino()) => Ok(()),
            Ok(_) => Err(Trouble::Replaced),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Trouble::Gone),
            Err(error) => Err(failing(error)),
        }
    }

    /// Puts a copy of the file, which is still open, back at its place. What stands there keeps
    /// another name.
    pub(crate) fn put_back(&mut self) -> io::Result<()> {
        let copy = self.path.with_extension("jsonl.restored");
        let mut options = OpenOptions::new();
        let mut to = options.write(true).create(true).truncate(true).mode(0o600).open(&copy)?;
        let mut from = &*self.file;
        from.seek(SeekFrom::Start(0))?;
        io::copy(&mut from, &mut to)?;
        to.sync_all()?;
        if fs::symlink_metadata(&self.path).is_ok() {
            fs::rename(&self.path, self.path.with_extension("jsonl.foreign"))?;
        }
        fs::rename(&copy, &self.path)?;
        let directory = self.path.parent().unwrap_or(Path::new("."));
        sync_directory(directory)?;
        *self = Self::open(directory, self.number, self.length)?;
        Ok(())
    }
}

/// Gives back what is reserved and not written.
impl Drop for SegmentFile {
    fn drop(&mut self) {
        if self.reserved > self.length && self.look().is_ok() {
            // The room is not needed, and whether it is given back changes no line.
            let _ = self.file.set_len(self.length);
        }
    }
}
