//! Reads regular files, each within a bound, and nothing else.
//!
//! A named pipe would be waited for without end, and a device may have no end at all or do
//! something when it is opened. So it is looked at what stands under a name before it is
//! opened, opened without waiting, and looked at again.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;

/// The content of a file, and what the system says about it.
#[derive(Clone)]
pub(crate) struct Content {
    pub(crate) bytes: Arc<[u8]>,
    pub(crate) stat: Stat,
    /// It was opened on a file system that is mounted read-only.
    pub(crate) read_only: bool,
}

/// The identity of a file, its permissions, and what changes with its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    /// Permissions, with the type of the file.
    pub(crate) mode: u32,
    pub(crate) group: u32,
    /// Device and number.
    identity: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stat {
    pub(crate) fn is_regular(&self) -> bool {
        rustix::fs::FileType::from_raw_mode(self.mode).is_file()
    }

    /// Returns what the system says about the file under a name, links followed; nothing where
    /// there is none.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        path.metadata().ok().map(|metadata| Self::from(&metadata))
    }
}

impl From<&Metadata> for Stat {
    fn from(metadata: &Metadata) -> Self {
        Self {
            mode: metadata.mode(),
            group: metadata.gid(),
            identity: (metadata.dev(), metadata.ino()),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// The reason why a file is not read. It does not name the file.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// There is nothing under the name that could be looked at.
    #[error("{0}")]
    Missing(Arc<io::Error>),
    /// It cannot be opened or read.
    #[error("{0}")]
    Io(Arc<io::Error>),
    /// It is something else.
    #[error("this is {0}, not a regular file")]
    NotRegular(&'static str),
    /// It is larger than anything of its kind.
    #[error("it has more than the {0} bytes that are read")]
    TooLarge(u64),
}

impl ReadError {
    /// Tells whether the file may well be read a moment later as it is: the machine was short of
    /// something.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Missing(error) | Self::Io(error) => is_passing(error),
            Self::NotRegular(_) | Self::TooLarge(_) => false,
        }
    }
}

/// Tells whether an error says that the machine was short of something.
pub(crate) fn is_passing(error: &io::Error) -> bool {
    use rustix::io::Errno;

    let short = [
        Errno::MFILE,
        Errno::NFILE,
        Errno::NOMEM,
        Errno::NOBUFS,
        Errno::AGAIN,
        Errno::INTR,
        Errno::IO,
        Errno::STALE,
        Errno::TIMEDOUT,
    ];
    error.raw_os_error().is_some_and(|code| short.iter().any(|errno| errno.raw_os_error() == code))
}

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
/// The reason why it is not read; it never waits for a writer.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Content, ReadError> {
    let metadata = path.metadata().map_err(|error| ReadError::Missing(Arc::new(error)))?;
    check_regular(&metadata, limit)?;
    let io = |error| ReadError::Io(Arc::new(error));
    let file = open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    check_regular(&metadata, limit)?;
    let read_only = rustix::fs::fstatvfs(&file)
        .is_ok_and(|system| system.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY));
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > limit {
        return Err(ReadError::TooLarge(limit));
    }
    Ok(Content { bytes: bytes.into(), stat: Stat::from(&metadata), read_only })
}

/// Opens without waiting for anybody at the other end, should there be one by now.
fn open(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

fn check_regular(metadata: &Metadata, limit: u64) -> Result<(), ReadError> {
    let kind = metadata.file_type();
    let other = match () {
        () if kind.is_file() && metadata.len() > limit => return Err(ReadError::TooLarge(limit)),
        () if kind.is_file() => return Ok(()),
        () if kind.is_dir() => "a directory",
        () if kind.is_fifo() => "a named pipe",
        () if kind.is_socket() => "a socket",
        () => "a device",
    };
    Err(ReadError::NotRegular(other))
}

#[cfg(test)]
mod tests {
    use super::{ReadError, read};

    #[test]
    fn only_regular_files_are_read_and_never_more_than_the_limit() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        std::fs::write(&file, "12345").unwrap();
        assert_eq!(&*read(&file, 5).unwrap().bytes, b"12345");
        assert!(matches!(read(&file, 4), Err(ReadError::TooLarge(4))));
        let huge = directory.path().join("huge");
        std::fs::File::create(&huge).unwrap().set_len(1 << 40).unwrap();
        assert!(matches!(read(&huge, 1 << 20), Err(ReadError::TooLarge(_))));
        let pipe = directory.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        let link = directory.path().join("link");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        for (path, kind) in [
            (pipe.as_path(), "a named pipe"),
            (link.as_path(), "a device"),
            (directory.path(), "a directory"),
        ] {
            match read(path, 10) {
                Err(ReadError::NotRegular(found)) => assert_eq!(found, kind),
                other => panic!("{}: {:?}", path.display(), other.map(|content| content.bytes)),
            }
        }
        assert!(matches!(read(&directory.path().join("none"), 1), Err(ReadError::Missing(_))));
    }

    #[test]
    fn what_the_machine_was_short_of_passes() {
        let of = |code| ReadError::Io(std::sync::Arc::new(std::io::Error::from_raw_os_error(code)));
        assert!(of(rustix::io::Errno::MFILE.raw_os_error()).is_passing());
        assert!(!of(rustix::io::Errno::ACCESS.raw_os_error()).is_passing());
        assert!(!ReadError::NotRegular("a device").is_passing());
    }
}
