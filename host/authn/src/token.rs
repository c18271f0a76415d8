//! Expiring tokens: `user:expiry:hex(HMAC-SHA256(secret, "user:expiry"))`.
//!
//! The format is the one of a widely copied Python example (`tests/seed_token.py`), and
//! tokens go both ways between it and this module. It is split from the right, because a
//! user's name may contain `:`; the expiry is in whole seconds since 1970, and a token is
//! expired when its expiry lies before now, fractions of a second counted.
//!
//! Only the one spelling that the example writes is read. Python's `int` would also take
//! `+1`, ` 1`, `1_0` or `01` for an expiry, but nothing ever writes them.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use stockade_core::{CredentialId, ProofKind, Secret, UnixTime, UserId};
use subtle::ConstantTimeEq as _;

use crate::constraints::Constraints;
use crate::error::{AuthnError, Holder};
use crate::user::Directory;
use crate::verified::Verified;

mod issued;
mod origin;

pub(crate) use issued::TokenRequest;
pub use issued::{CannotIssue, Issued};
use origin::TokenBinding;
pub(crate) use origin::{Origin, Origins};

type Signature = [u8; 32];

const SHORTEST_SECRET: usize = 16;

/// A secret that signs tokens.
///
/// Several may be in force at once, so that one can be replaced while tokens of the
/// other still circulate.
#[derive(Clone)]
pub struct TokenSecret {
    id: CredentialId,
    /// Keyed once: it saves two of the four compressions of each verification, and the
    /// secret's own bytes need not be kept.
    mac: Hmac<Sha256>,
    fingerprint: SecretFingerprint,
}

/// Tells secrets apart without telling them: the signature of nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SecretFingerprint(Signature);

/// Whoever sees it could try secrets against it.
impl fmt::Debug for SecretFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretFingerprint(…)")
    }
}

/// A secret that is too short to sign anything.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the token secret {id:?} has {length} bytes and could be found by trying; it needs at least \
     {SHORTEST_SECRET}, such as the output of `openssl rand -hex 32`"
)]
pub struct WeakSecret {
    id: CredentialId,
    length: usize,
}

impl TokenSecret {
    /// Takes a secret's bytes, which are exactly what the other side uses as its key.
    ///
    /// # Errors
    /// Fewer than 16 bytes.
    pub fn new(id: CredentialId, secret: &Secret<Vec<u8>>) -> Result<Self, WeakSecret> {
        let bytes = secret.expose();
        let length = bytes.len();
        match Hmac::new_from_slice(bytes) {
            Ok(mac) if length >= SHORTEST_SECRET => {
                let fingerprint = SecretFingerprint(mac.clone().finalize().into_bytes().into());
                Ok(Self { id, mac, fingerprint })
            }
            _ => Err(WeakSecret { id, length }),
        }
    }

    /// The name of the secret.
    pub const fn id(&self) -> &CredentialId {
        &self.id
    }

    fn sign(&self, payload: &str) -> Signature {
        self.begin(payload).finalize().into_bytes().into()
    }

    fn begin(&self, payload: &str) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        mac.update(payload.as_bytes());
        mac
    }
}

/// Shows the name and never the secret.
impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSecret").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Makes a token that is valid up to and including the second of `expiry`.
pub fn issue(secret: &TokenSecret, user: &UserId, expiry: UnixTime) -> Secret<String> {
    let payload = format!("{user}:{}", expiry.as_secs());
    let signature = hex::encode(secret.sign(&payload));
    Secret::new(format!("{payload}:{signature}"))
}

/// The rules that a token must keep to besides being signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenRules {
    /// The furthest that a token's expiry may lie ahead.
    pub max_ttl: Duration,
    /// The most that the issuer's clock may be ahead of ours, added to `max_ttl`. It does not make
    /// an expired token live longer.
    pub leeway: Duration,
}

/// A day, and a minute for the clocks.
impl Default for TokenRules {
    fn default() -> Self {
        Self { max_ttl: Duration::from_hours(24), leeway: Duration::from_mins(1) }
    }
}

impl TokenRules {
    fn allow(self, expiry: UnixTime, now: UnixTime) -> bool {
        let latest = now.as_duration().saturating_add(self.max_ttl).saturating_add(self.leeway);
        expiry.as_duration() <= latest
    }
}

/// A token as a caller presents it: the right form, nothing verified.
pub(crate) struct PresentedToken<'a> {
    payload: &'a str,
    user: &'a str,
    expiry: UnixTime,
    signature: Signature,
}

impl<'a> PresentedToken<'a> {
    /// `None` for a text that is no token at all, so must be an API key.
    pub(crate) fn read(text: &'a str) -> Option<Result<Self, AuthnError>> {
        let (payload, signature) = text.rsplit_once(':')?;
        let (user, expiry) = payload.rsplit_once(':')?;
        let digits = !expiry.is_empty() && expiry.bytes().all(|byte| byte.is_ascii_digit());
        let hex = signature.len() == 64 && signature.bytes().all(|byte| byte.is_ascii_hexdigit());
        let token = || {
            Some(Self {
                payload,
                user,
                expiry: read_expiry(expiry)?,
                signature: read_signature(signature)?,
            })
        };
        (digits && hex).then(|| {
            token().ok_or(AuthnError::Malformed(
                "the token's expiry or signature is not spelled as it was issued",
            ))
        })
    }

    pub(crate) const fn user(&self) -> &str {
        self.user
    }
}

fn read_expiry(digits: &str) -> Option<UnixTime> {
    if digits.len() > 1 && digits.starts_with('0') {
        return None;
    }
    digits.parse().ok().map(UnixTime::from_secs)
}

fn read_signature(digits: &str) -> Option<Signature> {
    if digits.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let mut signature = [0; 32];
    hex::decode_to_slice(digits, &mut signature).ok()?;
    Some(signature)
}

/// The part of a token that a later generation must still have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenProof {
    /// The secret that signed it.
    secret: SecretFingerprint,
    /// The credential that it was made from, if it was made by a gateway.
    origin: Option<Arc<Origin>>,
}

/// All secrets in force.
#[derive(Debug)]
pub(crate) struct Tokens {
    secrets: Vec<TokenSecret>,
    rules: TokenRules,
    origins: Origins,
}

/// The secret whose signature fits, and the credential from which the token was made.
#[derive(Clone, Copy)]
struct Signer<'a> {
    secret: &'a TokenSecret,
    origin: Option<&'a Arc<Origin>>,
}

impl Tokens {
    pub(crate) const fn new(
        secrets: Vec<TokenSecret>,
        rules: TokenRules,
        origins: Origins,
    ) -> Self {
        Self { secrets, rules, origins }
    }

    pub(crate) const fn len(&self) -> usize {
        self.secrets.len()
    }

    /// Signature and user are always both looked up, so that an unknown user costs what
    /// a wrong signature costs.
    pub(crate) fn verify(
        &self,
        presented: &PresentedToken<'_>,
        now: UnixTime,
        users: &Directory,
    ) -> Result<Verified<TokenProof>, AuthnError> {
        let signer = self.signer(presented);
        let (member, exists) = users.find(presented.user);
        let is_right = signer.is_some();
        let stand_in = self.secrets.first().map(|secret| Signer { secret, origin: None });
        let Signer { secret, origin } = signer.or(stand_in).ok_or(AuthnError::Unknown)?;
        let id = origin.and_then(|origin| origin.id.as_ref()).unwrap_or(&secret.id);
        let holder = Holder { user: member.id.clone(), credential: id.clone() };
        if !is_right {
            return Err(AuthnError::Unknown);
        }
        if !exists {
            return Err(AuthnError::UnknownUser(secret.id.clone()));
        }
        if member.disabled {
            return Err(AuthnError::Disabled(holder));
        }
        if presented.expiry < now {
            return Err(AuthnError::Expired(holder));
        }
        let binding = TokenBinding::claimed(&presented.signature);
        let terms = origin.map_or_else(Arc::default, |origin| origin.terms(binding));
        if terms.expires.is_some_and(|expires| expires <= now) {
            return Err(AuthnError::Expired(holder));
        }
        if !self.rules.allow(presented.expiry, now) {
            return Err(AuthnError::TooLongLived(holder));
        }
        let principal = member.principal(ProofKind::Token, Some(holder.credential));
        let proof = TokenProof { secret: secret.fingerprint, origin: origin.cloned() };
        Ok(Verified { principal, terms, proof })
    }

    /// The terms of what a token was made from, if its secret is in force and that still
    /// exists.
    pub(crate) fn terms(&self, user: &UserId, proof: &TokenProof) -> Option<Arc<Constraints>> {
        self.secrets.iter().find(|secret| secret.fingerprint == proof.secret)?;
        let Some(origin) = &proof.origin else {
            return Some(Arc::default());
        };
        let same = self.origins.same(user.as_str(), origin)?;
        Some(Arc::clone(&same.terms))
    }

    /// Every secret is tried, with and without a credential of the user, also after one
    /// that fits: the time depends on how many secrets there are, not on which one signed
    /// and for whom.
    fn signer(&self, presented: &PresentedToken<'_>) -> Option<Signer<'_>> {
        let mut signer = None;
        let fits = |expected: Signature| bool::from(expected.ct_eq(&presented.signature));
        let binding = TokenBinding::claimed(&presented.signature);
        for secret in &self.secrets {
            let payload = secret.begin(presented.payload);
            for origin in self.origins.of(presented.user, binding) {
                if fits(origin.sign(payload.clone(), binding)) {
                    signer = Some(Signer { secret, origin: Some(origin) });
                }
            }
            if fits(payload.finalize().into_bytes().into()) {
                signer = Some(Signer { secret, origin: None });
            }
        }
        signer
    }
}

/// The secrets that stand under another name already, which would make the name
/// in the audit log a matter of luck.
pub(crate) fn repeated_secrets(secrets: &[TokenSecret]) -> Vec<CredentialId> {
    let mut seen = HashSet::new();
    secrets
        .iter()
        .filter(|secret| !seen.insert(secret.fingerprint))
        .map(|secret| secret.id.clone())
        .collect()
}

#[cfg(test)]
mod tests;
