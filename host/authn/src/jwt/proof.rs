//! The parts of a token that a later generation must still accept, so that it would prove the same
//! user.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::claims::{ClaimPath, Claims};
use super::key::VerifyingKey;
use super::{JwtIssuer, JwtMapping, Jwts};
use crate::user::Member;

/// The proof of the caller, without the token itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct JwtProof {
    /// Its `iss`; the issuer's name in the configuration is for the log only.
    issuer: String,
    /// Those of its audiences that the issuer had, and the claim in which they were.
    audiences: Vec<String>,
    audience_claim: ClaimPath,
    /// The claim with its user's name, and the prefix to that.
    user: (ClaimPath, String),
    key: KeyFingerprint,
}

impl JwtProof {
    pub(super) fn new(issuer: &JwtIssuer, claims: &Claims, key: KeyFingerprint) -> Self {
        let meant = |audience: &&String| {
            claims.is_for(&issuer.audience_claim, std::slice::from_ref(*audience))
        };
        Self {
            issuer: issuer.issuer.clone(),
            audiences: issuer.audiences.iter().filter(meant).cloned().collect(),
            audience_claim: issuer.audience_claim.clone(),
            user: user(&issuer.mapping),
            key,
        }
    }
}

fn user(mapping: &JwtMapping) -> (ClaimPath, String) {
    (mapping.user.clone(), mapping.user_prefix.clone())
}

/// Tells keys apart, whatever their `kid`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct KeyFingerprint([u8; 32]);

impl KeyFingerprint {
    pub(super) fn of(key: &VerifyingKey) -> Self {
        let parts: [&[u8]; 3] = match key {
            // The signature of nothing: it does not tell the secret.
            VerifyingKey::Hs256(mac) => {
                use hmac::Mac as _;
                return Self(mac.clone().finalize().into_bytes().into());
            }
            VerifyingKey::Rs256(key) => [b"RS256", &key.n, &key.e],
            VerifyingKey::Es256(point) => [b"ES256", point, b""],
            VerifyingKey::EdDsa(key) => [b"EdDSA", key, b""],
        };
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }
}

/// Whoever sees that of a secret could try others against it.
impl fmt::Debug for KeyFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyFingerprint(…)")
    }
}

impl Jwts {
    /// Tells whether a token that was good would still prove the same user, who is or is not in the
    /// configuration.
    pub(crate) fn still_accepts(&self, proof: &JwtProof, member: Option<&Member>) -> bool {
        let mut issuers = self.issuers.iter();
        issuers.find(|issuer| issuer.issuer == proof.issuer).is_some_and(|issuer| {
            let admitted = member.is_some() || issuer.mapping.admits_unknown_users;
            let meant = proof.audience_claim == issuer.audience_claim
                && proof.audiences.iter().any(|aud| issuer.audiences.contains(aud));
            let keys = issuer.keys.current();
            let has_key = keys.is_some_and(|keys| keys.has(proof.key));
            admitted && meant && user(&issuer.mapping) == proof.user && has_key
        })
    }
}
