//! Files that hold a secret and nothing else.

use std::path::{Path, PathBuf};

use stockade_core::Secret;

use self::permissions::{Exposure, Reader};
use crate::raw::Permissions;
use crate::regular_file::{self, Content, ReadError};

mod permissions;

/// The reason why a secret is not taken from a file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretFileError {
    /// It does not name the file, because what stands there may not be a name.
    #[error("the secret file cannot be found: {0}")]
    Missing(ReadError),
    #[error("cannot read the secret file {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: ReadError },
    #[error("{} {exposure}", path.display())]
    Exposed { path: PathBuf, exposure: Exposure },
    #[error("{} holds more than {LONGEST} bytes, so it cannot be a secret", .0.display())]
    TooLong(PathBuf),
}

/// The most bytes that a secret has.
pub(crate) const LONGEST: u64 = 4096;

/// Reads a secret that only its owner, or a group of this process, can read.
///
/// # Errors
/// The reason why it is not taken.
pub(crate) fn read(path: &Path) -> Result<Secret<Vec<u8>>, SecretFileError> {
    secret(path, regular_file::read(path, LONGEST), Permissions::Own)
}

/// Takes a secret from a file that was read, if nobody else can read it. One line end at
/// the end is not part of it.
///
/// # Errors
/// The reason why it is not taken.
pub(crate) fn secret(
    path: &Path,
    content: Result<Content, ReadError>,
    permissions: Permissions,
) -> Result<Secret<Vec<u8>>, SecretFileError> {
    let content = content.map_err(|error| match error {
        ReadError::Missing(_) => SecretFileError::Missing(error),
        ReadError::TooLarge(_) => SecretFileError::TooLong(path.to_owned()),
        other => SecretFileError::Unreadable { path: path.to_owned(), source: other },
    })?;
    let exposure = Reader::this_process(permissions).exposure(path, &content);
    if let Some(exposure) = exposure {
        return Err(SecretFileError::Exposed { path: path.to_owned(), exposure });
    }
    let bytes = &*content.bytes;
    let bytes =
        bytes.strip_suffix(b"\n").map_or(bytes, |line| line.strip_suffix(b"\r").unwrap_or(line));
    Ok(Secret::new(bytes.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn one_line_end_is_not_part_of_the_secret() {
        let cases: [(&[u8], &[u8]); 5] = [
            (b"secret\n", b"secret"),
            (b"secret\r\n", b"secret"),
            (b"secret\n\n", b"secret\n"),
            (b" \xff\0 ", b" \xff\0 "),
            (b"", b""),
        ];
        for (content, secret) in cases {
            // Made for its owner only.
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), content).unwrap();
            let read = read(file.path()).unwrap();
            assert_eq!(read.expose(), secret);
        }
    }
}
