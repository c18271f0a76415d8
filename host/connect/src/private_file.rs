//! Files that hold secrets: regular, small, and for their owner only.

use std::fs::{Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use stockade_core::Secret;

/// The most bytes of a file with a key or a token.
pub(crate) const LARGEST_BEARER: u64 = 33 << 10;
/// The most bytes of a file with certificates.
pub(crate) const LARGEST_PEM: u64 = 16 << 20;

/// The facts that change with the content of a file or with who may read it. `None` where there is
/// no file.
pub(crate) type Stamp = Option<FileStamp>;

/// The facts that the system tells of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileStamp {
    identity: (u64, u64),
    access: (u32, u32, u32),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl From<&Metadata> for FileStamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            identity: (metadata.dev(), metadata.ino()),
            access: (metadata.mode(), metadata.uid(), metadata.gid()),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// Looks at a file without reading it; links are followed.
pub(crate) fn stamp(path: &Path) -> Stamp {
    path.metadata().ok().map(|metadata| FileStamp::from(&metadata))
}

/// The reason why a file is not used. It quotes nothing of the file.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", .path.display())]
pub struct FileError {
    path: PathBuf,
    reason: Reason,
}

#[derive(Debug, thiserror::Error)]
enum Reason {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("this is not a regular file")]
    NotRegular,
    #[error("it has more than the {0} bytes that are read")]
    TooLarge(u64),
    #[error(
        "others can read it (mode {0:04o}); run `chmod 600` on it, and replace what it holds if they may have"
    )]
    Open(u32),
    #[error(
        "it belongs to another user (uid {0}), who could replace it; give it to the one that runs this"
    )]
    Foreign(u32),
}

/// Reads a file that anybody may read.
pub(crate) fn read_public(path: &Path, limit: u64) -> Result<(Stamp, Vec<u8>), FileError> {
    read(path, limit, |_| Ok(())).map_err(|reason| FileError { path: path.to_owned(), reason })
}

/// Reads a file that nobody but its owner may read, who is the user of this process or the
/// superuser.
pub(crate) fn read_private(path: &Path, limit: u64) -> Result<(Stamp, Secret<Vec<u8>>), FileError> {
    read(path, limit, check_private)
        .map(|(stamp, bytes)| (stamp, Secret::new(bytes)))
        .map_err(|reason| FileError { path: path.to_owned(), reason })
}

/// Opens the file under the name without waiting for anybody at its other end, and looked
/// at before it is read.
fn read(
    path: &Path,
    limit: u64,
    check: impl FnOnce(&Metadata) -> Result<(), Reason>,
) -> Result<(Stamp, Vec<u8>), Reason> {
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    if !path.metadata()?.is_file() {
        return Err(Reason::NotRegular);
    }
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(Reason::NotRegular);
    }
    check(&metadata)?;
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(Reason::TooLarge(limit));
    }
    Ok((Some(FileStamp::from(&metadata)), bytes))
}

fn check_private(metadata: &Metadata) -> Result<(), Reason> {
    let owner = metadata.uid();
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(Reason::Foreign(owner));
    }
    let mode = metadata.mode() & 0o7777;
    let of_others = mode & 0o077;
    if of_others == 0 { Ok(()) } else { Err(Reason::Open(mode)) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn only_a_regular_file_of_its_owner_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("key");
        std::fs::write(&file, "MARKED").unwrap();
        for mode in [0o600, 0o400] {
            set_mode(&file, mode);
            let (seen, content) = read_private(&file, 6).unwrap();
            assert_eq!(content.expose(), b"MARKED");
            assert_eq!(seen, stamp(&file));
        }
        for mode in [0o640, 0o604, 0o644, 0o620, 0o602, 0o610] {
            set_mode(&file, mode);
            let error = read_private(&file, 6).err().unwrap().to_string();
            assert!(error.contains("chmod 600") && error.contains("key"), "{error}");
        }
        set_mode(&file, 0o600);
        let error = read_private(&file, 5).err().unwrap().to_string();
        assert!(error.contains("more than the 5 bytes"), "{error}");
        let error = read_private(directory.path(), 5).err().unwrap().to_string();
        assert!(error.contains("not a regular file"), "{error}");
        assert!(read_private(&directory.path().join("none"), 5).is_err());
    }

    #[test]
    fn a_change_of_content_or_access_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("key");
        assert_eq!(stamp(&file), None);
        std::fs::write(&file, "one").unwrap();
        set_mode(&file, 0o600);
        let first = stamp(&file);
        set_mode(&file, 0o644);
        let opened = stamp(&file);
        assert_ne!(first, opened);
        let next = directory.path().join("next");
        std::fs::write(&next, "two").unwrap();
        std::fs::rename(&next, &file).unwrap();
        assert_ne!(stamp(&file), opened);
    }
}
