//! API keys: long random texts, stored as their SHA-256 digest.
//!
//! A plain digest is enough because a key is random and long: there is no dictionary to
//! try, so a slow hash would cost every request and protect nothing. For the same reason
//! [`KeyText`] refuses keys that somebody could guess.
//!
//! Keys are found by digest in a hash map. That compares digests and not in constant
//! time, which is safe: timing could at most reveal leading bits of a stored digest, and
//! a caller who wants to use them must find a text with such a digest, which is no easier
//! than guessing the key.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use stockade_core::{CredentialId, ProofKind, UnixTime, UserId};

use crate::constraints::Constraints;
use crate::error::{AuthnError, Holder};
use crate::user::Directory;
use crate::verified::Verified;

mod key_text;

pub(crate) use key_text::is_guessable;
pub use key_text::{KeyText, WeakKey};

/// An API key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// The name of the key, unique among keys.
    pub id: CredentialId,
    /// The user that it belongs to.
    pub user: UserId,
    /// The digest of its text.
    pub digest: KeyDigest,
    /// The time for which it is good, and its scope.
    pub terms: Arc<Constraints>,
}

/// The SHA-256 digest of a key's text.
///
/// Written `sha256:<64 hex digits>`; read with or without the prefix, in either case.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyDigest([u8; 32]);

/// A text that is not a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a key's digest is written sha256:<64 hex digits>; \
     `stockade key hash` makes one from a key, and a key itself never belongs here"
)]
pub struct InvalidKeyDigest;

impl ApiKey {
    fn placeholder() -> Self {
        let (id, user) = (CredentialId::placeholder(), UserId::placeholder());
        Self { id, user, digest: KeyDigest([0; 32]), terms: Arc::default() }
    }
}

impl KeyDigest {
    pub(crate) fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }
}

impl std::str::FromStr for KeyDigest {
    type Err = InvalidKeyDigest;

    fn from_str(text: &str) -> Result<Self, InvalidKeyDigest> {
        let digits = text.strip_prefix("sha256:").unwrap_or(text);
        let mut digest = [0; 32];
        hex::decode_to_slice(digits, &mut digest).map_err(|_| InvalidKeyDigest)?;
        Ok(Self(digest))
    }
}

impl fmt::Display for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hex::encode(self.0))
    }
}

/// The beginning only: enough to find it in a file.
impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyDigest(sha256:{}…)", hex::encode(&self.0[..4]))
    }
}

/// An API key as a caller presents it.
pub(crate) struct PresentedKey<'a>(&'a str);

impl<'a> PresentedKey<'a> {
    pub(crate) fn read(text: &'a str) -> Result<Self, AuthnError> {
        if text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text))
        } else {
            Err(AuthnError::Malformed(
                "an API key has no spaces and only printable ASCII characters",
            ))
        }
    }
}

/// All keys, by digest.
#[derive(Debug)]
pub(crate) struct ApiKeys {
    by_digest: HashMap<KeyDigest, ApiKey>,
    /// The key that is looked at for one that nobody has, so that the work is the same.
    stand_in: ApiKey,
}

impl ApiKeys {
    /// The keys, and the pairs that share a digest.
    pub(crate) fn new(keys: Vec<ApiKey>) -> (Self, Vec<(CredentialId, CredentialId)>) {
        let mut by_digest: HashMap<_, ApiKey> = HashMap::with_capacity(keys.len());
        let mut shared = Vec::new();
        let stand_in = keys.first().map_or_else(ApiKey::placeholder, ApiKey::clone);
        for key in keys {
            let id = key.id.clone();
            if let Some(other) = by_digest.insert(key.digest, key) {
                shared.push((other.id, id));
            }
        }
        (Self { by_digest, stand_in }, shared)
    }

    pub(crate) fn len(&self) -> usize {
        self.by_digest.len()
    }

    /// The terms of a user's key.
    pub(crate) fn terms(&self, digest: &KeyDigest, user: &UserId) -> Option<&Constraints> {
        self.by_digest.get(digest).filter(|key| key.user == *user).map(|key| &*key.terms)
    }

    /// Everything is looked at before the first refusal: how long that takes does not tell
    /// a key that is unknown from one that has expired or belongs to a disabled user.
    pub(crate) fn verify(
        &self,
        presented: &PresentedKey<'_>,
        now: UnixTime,
        users: &Directory,
    ) -> Result<Verified<KeyDigest>, AuthnError> {
        let found = self.by_digest.get(&KeyDigest::of(presented.0));
        let key = found.unwrap_or(&self.stand_in);
        let (member, exists) = users.find(key.user.as_str());
        let holder = Holder { user: key.user.clone(), credential: key.id.clone() };
        let expired = key.terms.expires.is_some_and(|expires| expires <= now);
        if found.is_none() || !exists {
            return Err(AuthnError::Unknown);
        }
        if member.disabled {
            return Err(AuthnError::Disabled(holder));
        }
        if expired {
            return Err(AuthnError::Expired(holder));
        }
        let principal = member.principal(ProofKind::ApiKey, Some(holder.credential));
        Ok(Verified { principal, terms: Arc::clone(&key.terms), proof: key.digest })
    }
}

#[cfg(test)]
mod tests {
    use super::KeyDigest;

    /// The digest of "abc", FIPS 180-4's example.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_digest_has_four_spellings_and_prints_one() {
        let spellings = [
            ABC.to_owned(),
            ABC.to_uppercase(),
            format!("sha256:{ABC}"),
            format!("sha256:{}", ABC.to_uppercase()),
        ];
        for spelling in spellings {
            let digest: KeyDigest = spelling.parse().unwrap();
            assert_eq!(digest, KeyDigest::of("abc"));
            assert_eq!(digest.to_string(), format!("sha256:{ABC}"));
        }
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        let almost = [
            String::new(),
            "sk-local-x".to_owned(),
            ABC[1..].to_owned(),
            format!("{ABC}0"),
            format!("SHA256:{ABC}"),
            format!("sha256:sha256:{ABC}"),
            format!(" {ABC}"),
            format!("{}g", &ABC[1..]),
        ];
        for text in almost {
            assert!(text.parse::<KeyDigest>().is_err(), "{text:?}");
        }
    }
}
