//! The files of a ledger: made, claimed, and set aside.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use stockade_core::UnixTime;

use super::open_error::OpenError;

/// Makes the file and its directory, for its owner only, and claims it; tells whether there was
/// none.
pub(super) fn lock(path: &Path) -> Result<(File, bool), OpenError> {
    let open = |path: &Path| {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
    };
    let failed = |source| OpenError::Io { path: path.to_owned(), source };
    if let Some(directory) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
    }
    let lock = open(&beside(path, ".lock")).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(OpenError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    let is_new = !path.exists();
    open(path).map_err(failed)?;
    Ok((lock, is_new))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Gives a damaged file another name, with the files that belong to it.
pub(in crate::ledger) fn set_aside(path: &Path, now: UnixTime) -> Result<PathBuf, OpenError> {
    let failed = |source| OpenError::Io { path: path.to_owned(), source };
    let free = (0_u32..).map(|number| {
        let number = if number == 0 { String::new() } else { format!("-{number}") };
        beside(path, &format!(".damaged-{}{number}", now.as_secs()))
    });
    let aside = free.into_iter().find(|aside| !aside.exists());
    let aside = aside.ok_or_else(|| failed(io::ErrorKind::AlreadyExists.into()))?;
    std::fs::rename(path, &aside).map_err(failed)?;
    for ending in ["-wal", "-shm"] {
        match std::fs::rename(beside(path, ending), beside(&aside, ending)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    Ok(aside)
}
