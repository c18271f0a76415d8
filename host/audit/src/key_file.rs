//! The private keys of a log on disk: that of the segment that is written, and, while one segment
//! follows upon another, that of the next.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::key::{SigningKey, VerifierKey};

/// The file of the public key of the first segment.
const PUBLIC: &str = "key.pub";
const CURRENT: &str = "signing-key";
const NEXT: &str = "signing-key.next";

/// The private keys in a directory.
pub(crate) struct KeyFile {
    directory: PathBuf,
}

impl KeyFile {
    pub(crate) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// Returns the key of a segment, which may still be kept as that of the next one.
    pub(crate) fn of(&self, public: [u8; 32]) -> io::Result<Option<SigningKey>> {
        for name in [CURRENT, NEXT] {
            let key = self.read(name)?.filter(|key| key.public() == public);
            if let Some(key) = key {
                if name == NEXT {
                    self.promote()?;
                }
                return Ok(Some(key));
            }
        }
        Ok(None)
    }

    /// Returns the prepared key of the next segment.
    pub(crate) fn next(&self, public: [u8; 32]) -> io::Result<Option<SigningKey>> {
        Ok(self.read(NEXT)?.filter(|key| key.public() == public))
    }

    /// Tells whether there is a private key, whatever it is for.
    pub(crate) fn exists(&self) -> bool {
        self.directory.join(CURRENT).exists()
    }

    /// Keeps a key for the next segment, so that it is not lost where a crash comes between.
    pub(crate) fn prepare(&self, key: &SigningKey) -> io::Result<()> {
        let path = self.directory.join(NEXT);
        let mut file = private(&path)?;
        file.set_len(0)?;
        writeln!(file, "{}", hex::encode(key.seed().expose()))?;
        file.sync_all()?;
        sync_directory(&self.directory)
    }

    /// Erases the key of the last segment, and takes that of the next in its place: whoever breaks
    /// in later cannot sign what was before.
    pub(crate) fn promote(&self) -> io::Result<()> {
        let current = self.directory.join(CURRENT);
        if current.exists() {
            let mut file = private(&current)?;
            file.write_all(&[b'0'; 64])?;
            file.sync_all()?;
        }
        fs::rename(self.directory.join(NEXT), current)?;
        sync_directory(&self.directory)
    }

    /// Writes the public key of a new log beside it.
    pub(crate) fn publish(&self, key: &VerifierKey) -> io::Result<()> {
        fs::write(self.directory.join(PUBLIC), format!("{key}\n"))
    }

    fn read(&self, name: &str) -> io::Result<Option<SigningKey>> {
        let text = match fs::read_to_string(self.directory.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text?,
        };
        let mut seed = [0; 32];
        let read = hex::decode_to_slice(text.trim(), &mut seed);
        Ok(read.ok().and_then(|()| SigningKey::from_seed(seed)))
    }
}

/// Opens a file that only its owner reads.
fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Makes names that were made or changed in a directory outlive a loss of power.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
