//! Keys that sign checkpoints: Ed25519 (RFC 8032), in the form of signed notes
//! (<https://c2sp.org/signed-note>).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use stockade_core::{Secret, random};

/// The byte that means Ed25519 in a verifier key.
const ED25519_TYPE: u8 = 1;

/// A public key with the name of the log: `name+hash+key`, the verifier key of a signed note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    origin: String,
    public: [u8; 32],
}

/// A text that is no verifier key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a verifier key: it has the form name+hash+key, as in the file `key.pub` of a log")]
pub struct InvalidKey;

impl VerifierKey {
    pub(crate) fn new(origin: &str, public: [u8; 32]) -> Self {
        Self { origin: origin.to_owned(), public }
    }

    /// Returns the name of the log, which each of its checkpoints carries.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    pub(crate) const fn bytes(&self) -> [u8; 32] {
        self.public
    }

    /// Returns the key alone, as base64.
    pub(crate) fn public(&self) -> String {
        STANDARD.encode(self.public)
    }

    /// Returns the four bytes by which a signature names its key.
    pub(crate) fn id(&self) -> [u8; 4] {
        let text = [self.origin.as_bytes(), b"\n", &[ED25519_TYPE], &self.public].concat();
        let mut id = [0; 4];
        id.copy_from_slice(&digest(&SHA256, &text).as_ref()[..4]);
        id
    }

    pub(crate) fn has_signed(&self, text: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.public).verify(text, signature).is_ok()
    }
}

/// Reads a public key alone.
pub(crate) fn public_key(text: &str) -> Option<[u8; 32]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([&[ED25519_TYPE], self.public.as_slice()].concat());
        write!(f, "{}+{}+{key}", self.origin, hex::encode(self.id()))
    }
}

impl FromStr for VerifierKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let parts: Vec<&str> = text.trim().splitn(3, '+').collect();
        let &[origin, id, key] = parts.as_slice() else { return Err(InvalidKey) };
        let key = STANDARD.decode(key).map_err(|_| InvalidKey)?;
        let [ED25519_TYPE, public @ ..] = key.as_slice() else { return Err(InvalidKey) };
        let public = public.try_into().map_err(|_| InvalidKey)?;
        let key = Self::new(origin, public);
        let named = !origin.is_empty() && !origin.contains(char::is_whitespace);
        (named && hex::encode(key.id()) == id).then_some(key).ok_or(InvalidKey)
    }
}

/// The private key of one segment.
pub(crate) struct SigningKey {
    pair: Ed25519KeyPair,
    seed: Secret<[u8; 32]>,
}

impl SigningKey {
    pub(crate) fn generate() -> Option<Self> {
        Self::from_seed(random::bytes())
    }

    /// Returns the key of a seed; `None` where the library refuses it.
    pub(crate) fn from_seed(seed: [u8; 32]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).ok()?;
        Some(Self { pair, seed: Secret::new(seed) })
    }

    pub(crate) const fn seed(&self) -> &Secret<[u8; 32]> {
        &self.seed
    }

    pub(crate) fn public(&self) -> [u8; 32] {
        let mut public = [0; 32];
        public.copy_from_slice(self.pair.public_key().as_ref());
        public
    }

    pub(crate) fn verifier(&self, origin: &str) -> VerifierKey {
        VerifierKey::new(origin, self.public())
    }

    pub(crate) fn sign(&self, text: &[u8]) -> Vec<u8> {
        self.pair.sign(text).as_ref().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of <https://c2sp.org/signed-note>, whose key is in its text.
    #[test]
    fn keys_have_the_form_of_signed_notes() {
        let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let key: VerifierKey = text.parse().unwrap();
        assert_eq!((key.origin(), key.to_string().as_str()), ("PeterNeumann", text));
        for wrong in ["", "PeterNeumann", "a+b+c", &text.replace("c74f", "c74e"), &text[1..]] {
            assert_eq!(wrong.parse::<VerifierKey>(), Err(InvalidKey), "{wrong}");
        }
    }
}
