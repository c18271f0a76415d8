//! A key of an issuer, with its name.

use super::key::VerifyingKey;
use super::proof::KeyFingerprint;

/// A key, and the name by which tokens call it.
pub(super) struct NamedKey {
    pub(super) kid: Option<String>,
    pub(super) key: VerifyingKey,
    pub(super) fingerprint: KeyFingerprint,
}

impl NamedKey {
    pub(super) fn new(kid: Option<String>, key: VerifyingKey) -> Self {
        let fingerprint = KeyFingerprint::of(&key);
        Self { kid, key, fingerprint }
    }
}
