//! Ollama keys: requests that are signed the way Ollama's own command signs them where
//! `OLLAMA_AUTH=1` is set.
//!
//! `Authorization: <public key>:<signature>`, both in base64, without a scheme; the signed
//! text is `METHOD,/path?ts=<unix seconds>`. Source: Ollama `api/client.go` and
//! `auth/auth.go`, v0.33.0. The signature binds neither host nor body, so it counts for a
//! short time, and [`Replays`] lets nobody else use it.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, UnparsedPublicKey};
use stockade_core::{CredentialId, ProofKind, UnixTime, UserId};

use crate::error::{AuthnError, Holder};
use crate::user::Directory;
use crate::verified::Verified;

mod replays;

pub use replays::Replays;

/// An ed25519 public key, as the line in `id_ed25519.pub` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OllamaPublicKey([u8; 32]);

/// A text that is no such line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is not the line of an ed25519 public key; it stands in ~/.ollama/id_ed25519.pub and \
     begins with ssh-ed25519"
)]
pub struct InvalidPublicKey;

/// The bytes before the key itself (RFC 8709, section 4).
const BLOB_HEAD: &[u8; 19] = b"\0\0\0\x0bssh-ed25519\0\0\0\x20";

impl OllamaPublicKey {
    fn from_base64(text: &str) -> Option<Self> {
        let blob = STANDARD.decode(text).ok()?;
        blob.strip_prefix(BLOB_HEAD)?.try_into().ok().map(Self)
    }
}

/// `ssh-ed25519 <base64> [comment]`.
impl FromStr for OllamaPublicKey {
    type Err = InvalidPublicKey;

    fn from_str(line: &str) -> Result<Self, InvalidPublicKey> {
        let mut words = line.split_ascii_whitespace();
        match (words.next(), words.next()) {
            (Some("ssh-ed25519"), Some(blob)) => Self::from_base64(blob).ok_or(InvalidPublicKey),
            _ => Err(InvalidPublicKey),
        }
    }
}

/// A user's Ollama key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OllamaKey {
    /// The name of the key, for the log.
    pub id: CredentialId,
    /// The user that it belongs to.
    pub user: UserId,
    /// The key.
    pub key: OllamaPublicKey,
}

impl OllamaKey {
    fn placeholder() -> Self {
        let (id, user) = (CredentialId::placeholder(), UserId::placeholder());
        Self { id, user, key: OllamaPublicKey([0; 32]) }
    }
}

/// The furthest that a signature's time may lie from now, on either side.
const WINDOW: Duration = Duration::from_mins(1);

/// The parts of a request that a signature covers.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// The method.
    pub method: &'a str,
    /// The path, without a prefix of the gateway's.
    pub path: &'a str,
    /// The query.
    pub query: Option<&'a str>,
}

/// The signature of a request.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct OllamaSignature([u8; 64]);

/// A signed request, not verified.
pub(crate) struct PresentedSignature {
    key: OllamaPublicKey,
    pub(crate) signature: OllamaSignature,
    text: String,
    time: UnixTime,
}

impl PresentedSignature {
    /// `None` for a header that is none of these.
    pub(crate) fn read(value: &str, target: Target<'_>) -> Option<Result<Self, AuthnError>> {
        let (key, signature) = value.split_once(':')?;
        let key = OllamaPublicKey::from_base64(key)?;
        let signature = STANDARD.decode(signature).ok().and_then(|bytes| bytes.try_into().ok());
        let signature = signature.map(OllamaSignature);
        let time = target.query.and_then(|query| query.strip_prefix("ts="));
        let time = time.and_then(|time| time.parse().ok()).map(UnixTime::from_secs);
        let (Some(signature), Some(time)) = (signature, time) else {
            return Some(Err(AuthnError::Malformed(
                "a signed request has ?ts=<unix seconds> and a signature of 64 bytes in base64",
            )));
        };
        let Target { method, path, query } = target;
        let text = format!("{method},{path}?{}", query.unwrap_or_default());
        Some(Ok(Self { key, signature, text, time }))
    }
}

/// All Ollama keys.
#[derive(Debug)]
pub(crate) struct OllamaKeys {
    by_key: HashMap<OllamaPublicKey, OllamaKey>,
    /// The key that is looked at for one that nobody has, so that the work is the same.
    stand_in: OllamaKey,
}

impl OllamaKeys {
    /// The keys, and the pairs that are the same.
    pub(crate) fn new(keys: Vec<OllamaKey>) -> (Self, Vec<(CredentialId, CredentialId)>) {
        let mut by_key: HashMap<_, OllamaKey> = HashMap::with_capacity(keys.len());
        let stand_in = keys.first().map_or_else(OllamaKey::placeholder, OllamaKey::clone);
        let mut shared = Vec::new();
        for key in keys {
            let id = key.id.clone();
            if let Some(other) = by_key.insert(key.key, key) {
                shared.push((other.id, id));
            }
        }
        (Self { by_key, stand_in }, shared)
    }

    pub(crate) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Tells whether the key is this user's.
    pub(crate) fn has(&self, user: &UserId, key: &OllamaPublicKey) -> bool {
        self.by_key.get(key).is_some_and(|key| key.user == *user)
    }

    /// The signature is verified also for keys that nobody has, and everything is looked
    /// at before the first refusal.
    pub(crate) fn verify(
        &self,
        presented: &PresentedSignature,
        now: UnixTime,
        users: &Directory,
    ) -> Result<Verified<OllamaPublicKey>, AuthnError> {
        let public = UnparsedPublicKey::new(&ED25519, presented.key.0);
        let signed = public.verify(presented.text.as_bytes(), &presented.signature.0).is_ok();
        let found = self.by_key.get(&presented.key).filter(|_| signed);
        let key = found.unwrap_or(&self.stand_in);
        let (member, exists) = users.find(key.user.as_str());
        let holder = Holder { user: key.user.clone(), credential: key.id.clone() };
        if found.is_none() || !exists {
            return Err(AuthnError::Unknown);
        }
        if member.disabled {
            return Err(AuthnError::Disabled(holder));
        }
        if now.as_secs().abs_diff(presented.time.as_secs()) > WINDOW.as_secs() {
            return Err(AuthnError::WrongTime(holder));
        }
        let principal = member.principal(ProofKind::OllamaKey, Some(holder.credential));
        Ok(Verified { principal, terms: Arc::default(), proof: presented.key })
    }
}

#[cfg(test)]
mod tests;
