//! Files that hold a secret and nothing else.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use stockade_core::Secret;

/// Why a secret is not taken from a file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretFileError {
    /// It does not name the file, because what stands there may not be a name.
    #[error("the secret file cannot be found: {0}")]
    Missing(io::Error),
    #[error("cannot read the secret file {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{} is not a regular file", .0.display())]
    NotAFile(PathBuf),
    #[cfg(unix)]
    #[error(
        "{path} can be read by others (mode {mode:04o}); run `chmod 600 {path}`",
        path = path.display()
    )]
    ReadableByOthers { path: PathBuf, mode: u32 },
    #[error("{} holds more than {LONGEST} bytes, so it cannot be a secret", .0.display())]
    TooLong(PathBuf),
}

const LONGEST: u64 = 4096;

/// Read a secret that only its owner can read. One line end at the end is not part of it.
pub(crate) fn read(path: &Path) -> Result<Secret<Vec<u8>>, SecretFileError> {
    let io = |source| SecretFileError::Io { path: path.to_owned(), source };
    // Before it is opened: opening a named pipe would wait for a writer.
    let metadata = path.metadata().map_err(SecretFileError::Missing)?;
    if !metadata.is_file() {
        return Err(SecretFileError::NotAFile(path.to_owned()));
    }
    let file = File::open(path).map_err(io)?;
    check_mode(path, &file)?;
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > LONGEST {
        return Err(SecretFileError::TooLong(path.to_owned()));
    }
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    Ok(Secret::new(bytes))
}

/// The mode of the file that was opened, whatever its name means by now.
#[cfg(unix)]
fn check_mode(path: &Path, file: &File) -> Result<(), SecretFileError> {
    use std::os::unix::fs::PermissionsExt as _;

    let metadata =
        file.metadata().map_err(|source| SecretFileError::Io { path: path.to_owned(), source })?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(SecretFileError::ReadableByOthers { path: path.to_owned(), mode });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_mode(_path: &Path, _file: &File) -> Result<(), SecretFileError> {
    Ok(())
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
