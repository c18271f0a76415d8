//! Tokens that were good a short time ago.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use stockade_core::UnixTime;

use super::{JwtIssuer, JwtProof};
use crate::verified::Verified;

/// A token's SHA-256. What is signed cannot be guessed, so it needs no key.
type Digest = [u8; 32];

/// The longest time for which a token is remembered.
const REMEMBERED: Duration = Duration::from_mins(5);
/// More are forgotten.
const MOST: usize = 10_000;

/// The result of verifying a token.
pub(super) struct Remembered {
    /// The issuer's position.
    pub(super) issuer: usize,
    /// The version of the issuer's set of keys that verified it.
    pub(super) version: Option<u64>,
    pub(super) verified: Verified<Arc<JwtProof>>,
    /// The time when it ends by itself.
    pub(super) until: UnixTime,
}

#[derive(Default)]
pub(super) struct Memory(Mutex<HashMap<Digest, Remembered>>);

impl Memory {
    /// The user whom a token proved, if the keys are still those that verified it.
    pub(super) fn recall(
        &self,
        token: &Digest,
        now: UnixTime,
        issuers: &[JwtIssuer],
    ) -> Option<Verified<Arc<JwtProof>>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get(token).filter(|known| now < known.until)?;
        let version = issuers.get(known.issuer)?.keys.version();
        (version == known.version).then(|| known.verified.clone())
    }

    pub(super) fn remember(&self, token: Digest, what: Remembered, now: UnixTime) {
        let latest = now.as_duration().saturating_add(REMEMBERED);
        let until = what.until.min(UnixTime::from_duration(latest));
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.retain(|_, other| now < other.until);
        }
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(token, Remembered { until, ..what });
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_tuple("Memory").field(&known.len()).finish()
    }
}
