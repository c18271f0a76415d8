//! A policy's module as it was read.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::scan::scan;
use crate::{EngineConfig, LoadError};

const PREFIX: &str = "sha256:";

/// A SHA-256 digest, written `sha256:<64 hex digits>`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of a list of texts: each with its length, so that no two lists
    /// have the same.
    pub(crate) fn of_texts(texts: &[String]) -> Self {
        let mut hash = Sha256::new();
        for text in texts {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        }
        Self(hash.finalize().into())
    }

    /// Eight of its bits, for choices that must not depend on anything else.
    pub(crate) const fn first_byte(&self) -> u8 {
        self.0[0]
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not a digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a digest is `sha256:` and 64 hexadecimal digits, not {0:?}")]
pub struct InvalidDigest(String);

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let invalid = || InvalidDigest(text.to_owned());
        let digits = text.strip_prefix(PREFIX).ok_or_else(invalid)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| invalid())?;
        Ok(Self(bytes))
    }
}

/// A module's bytes with a name for people and the digest for everything else.
#[derive(Clone)]
pub struct ModuleSource {
    name: Arc<str>,
    bytes: Arc<[u8]>,
    digest: Digest,
}

impl ModuleSource {
    /// Takes the bytes of a component or a core module. The name stands in log lines
    /// about what the policy does.
    pub fn new(name: &str, bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        Self { name: name.into(), digest: Digest::of(&bytes), bytes }
    }

    /// The name that was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The digest of the bytes, to compare with a pinned one.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the number of its bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Tells whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn shared_name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }
}

/// Looks at a module without compiling it: whether it is a policy, by what it exports, imports
/// and asks for.
///
/// # Errors
/// It would not load.
pub fn check_module(bytes: &[u8]) -> Result<(), LoadError> {
    scan(bytes, EngineConfig::default().default_limits().memory_bytes).map(drop)
}

impl fmt::Debug for ModuleSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModuleSource")
            .field("name", &self.name)
            .field("bytes", &self.bytes.len())
            .field("digest", &self.digest)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{Digest, ModuleSource};

    // The empty input's digest, from FIPS 180-4's example values.
    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn digests_read_and_write_the_same() {
        assert_eq!(Digest::of(b"").to_string(), EMPTY);
        assert_eq!(EMPTY.parse::<Digest>().unwrap(), Digest::of(b""));
        for wrong in ["", "sha256:", &EMPTY[7..], &EMPTY[..70], "sha512:00"] {
            assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn texts_cannot_be_shifted_between_each_other() {
        let digest = |texts: [&str; 2]| Digest::of_texts(&texts.map(str::to_owned));
        assert_ne!(digest(["ab", "c"]), digest(["a", "bc"]));
    }

    #[test]
    fn debugging_a_source_does_not_print_the_module() {
        let source = ModuleSource::new("x", *b"\0asm");
        let text = format!("{source:?}");
        assert!(text.contains("bytes: 4"), "{text}");
    }
}
