//! Tokens that were good a short time ago.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use stockade_core::UnixTime;

use super::{JwtIssuer, JwtProof};
use crate::expiring_map::ExpiringMap;
use crate::verified::Verified;

/// A token's SHA-256. What is signed cannot be guessed, so it needs no key.
type Digest = [u8; 32];

/// The longest time for which a token is remembered.
const REMEMBERED: Duration = Duration::from_mins(5);
/// More are forgotten.
const MOST: usize = 10_000;

/// The result of verifying a token.
#[derive(Clone)]
pub(super) struct Remembered {
    /// The issuer's position.
    pub(super) issuer: usize,
    /// The version of the issuer's set of keys that verified it.
    pub(super) version: Option<u64>,
    pub(super) verified: Verified<Arc<JwtProof>>,
}

pub(super) struct Memory(ExpiringMap<Digest, Remembered>);

impl Default for Memory {
    fn default() -> Self {
        Self(ExpiringMap::new(MOST))
    }
}

impl Memory {
    /// The user whom a token proved, if the keys are still those that verified it.
    pub(super) fn recall(
        &self,
        token: &Digest,
        now: UnixTime,
        issuers: &[JwtIssuer],
    ) -> Option<Verified<Arc<JwtProof>>> {
        let known = self.0.get(token, now)?;
        let version = issuers.get(known.issuer)?.keys.version();
        (version == known.version).then_some(known.verified)
    }

    /// Remembers a token, which ends by itself at `until`.
    pub(super) fn remember(&self, token: Digest, what: Remembered, until: UnixTime, now: UnixTime) {
        let latest = now.as_duration().saturating_add(REMEMBERED);
        self.0.insert(token, what, until.min(UnixTime::from_duration(latest)), now);
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Memory").field(&self.0.len()).finish()
    }
}
