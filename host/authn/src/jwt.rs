//! JSON Web Tokens (RFC 7519) as bearer credentials, by the advice of RFC 8725.
//!
//! A token names its issuer, and the configuration says what that issuer's tokens must keep
//! to: who they are meant for, which keys sign them, how long they may live, and which
//! claims tell user and groups. Of the header only `alg`, `kid` and `typ` are looked at, and
//! `alg` must be what the key says. Keys that a token brings along (`jwk`, `jku`, `x5c`) are
//! not.
//!
//! A signature of RS256 or `EdDSA` takes tens of microseconds, so a token that was good is
//! remembered for a short time: not beyond its expiry, the issuer's keys of that time, or
//! the generation.
//!
//! Why no library of JWTs does all this: `docs/decisions/0007`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use sha2::{Digest as _, Sha256};
use stockade_core::{CredentialId, GroupName, ProofKind, UnixTime, UserId};

use crate::constraints::Constraints;
use crate::error::{AuthnError, Holder, JwtRefusal};
use crate::user::{Directory, Member};
use crate::verified::Verified;

mod claims;
mod compact;
mod invalid_key;
mod json;
mod jwk;
mod key;
mod keys;
mod named_key;
mod proof;
mod public_key;
mod refusal;
mod remembered;

pub use claims::{ClaimPath, InvalidClaimPath};
use claims::{Claims, Validity};
use compact::Jwt;
pub use invalid_key::InvalidJwtKey;
pub use keys::{JwtKeys, KeySet};
pub(crate) use proof::JwtProof;
use proof::KeyFingerprint;
use remembered::{Memory, Remembered};

/// An issuer of tokens, and the rules that these must keep to.
#[derive(Clone, Debug)]
pub struct JwtIssuer {
    /// Its name in the configuration, for the log.
    pub id: CredentialId,
    /// The `iss` of its tokens.
    pub issuer: String,
    /// The audiences: the claim with the audience must be or contain one of these.
    pub audiences: Vec<String>,
    /// The claim with the audience; `aud` but for issuers that do not keep to RFC 9068.
    pub audience_claim: ClaimPath,
    /// A header in which its tokens come besides `Authorization`.
    pub header: Option<HeaderName>,
    /// The keys that it signs with.
    pub keys: Arc<JwtKeys>,
    /// The rules for the life of its tokens.
    pub rules: JwtRules,
    /// The claims that tell who somebody is.
    pub mapping: JwtMapping,
}

/// The rules for the life of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JwtRules {
    /// The furthest that `exp` may lie ahead.
    pub max_lifetime: Duration,
    /// The most that the issuer's clock may be off, on either side.
    pub leeway: Duration,
}

/// A day, and a minute for the clocks.
impl Default for JwtRules {
    fn default() -> Self {
        Self { max_lifetime: Duration::from_hours(24), leeway: Duration::from_mins(1) }
    }
}

/// The claims that become a user.
#[derive(Clone, Debug)]
pub struct JwtMapping {
    /// The claim with the user's name.
    pub user: ClaimPath,
    /// The prefix to it.
    pub user_prefix: String,
    /// True if users may come who are not in the configuration.
    pub admits_unknown_users: bool,
    /// The claim with groups, and what their names mean here; others are left out.
    pub groups: Option<(ClaimPath, HashMap<String, GroupName>)>,
    /// Attributes, and the claims that they come from.
    pub attributes: Vec<(String, ClaimPath)>,
}

impl Default for JwtMapping {
    fn default() -> Self {
        Self {
            user: ClaimPath::sub(),
            user_prefix: String::new(),
            admits_unknown_users: false,
            groups: None,
            attributes: Vec::new(),
        }
    }
}

/// A JWT as a caller presents it: it looks like one.
pub(crate) struct PresentedJwt<'a>(&'a str);

impl<'a> PresentedJwt<'a> {
    /// Tells whether a text is meant to be one: base64url that begins as a JSON object does, and at
    /// least two dots.
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let dots = text.bytes().filter(|byte| *byte == b'.').count();
        (text.starts_with("ey") && dots >= 2 && text.bytes().all(plain)).then_some(Self(text))
    }
}

/// All issuers.
#[derive(Debug)]
pub(crate) struct Jwts {
    issuers: Vec<JwtIssuer>,
    memory: Memory,
}

impl Jwts {
    /// The issuers, and the names and `iss` that came more than once.
    pub(crate) fn new(issuers: Vec<JwtIssuer>) -> (Self, Vec<String>) {
        let mut repeated = Vec::new();
        for (index, issuer) in issuers.iter().enumerate() {
            let mut before = issuers[..index].iter();
            if before.any(|other| other.id == issuer.id || other.issuer == issuer.issuer) {
                repeated.push(issuer.issuer.clone());
            }
        }
        (Self { issuers, memory: Memory::default() }, repeated)
    }

    pub(crate) const fn len(&self) -> usize {
        self.issuers.len()
    }

    pub(crate) fn issuers(&self) -> &[JwtIssuer] {
        &self.issuers
    }

    /// The headers in which tokens come besides `Authorization`.
    pub(crate) fn headers(&self) -> impl Iterator<Item = &HeaderName> {
        self.issuers.iter().filter_map(|issuer| issuer.header.as_ref())
    }

    pub(crate) fn verify(
        &self,
        presented: &PresentedJwt<'_>,
        now: UnixTime,
        users: &Directory,
    ) -> Result<Verified<Arc<JwtProof>>, AuthnError> {
        let digest = Sha256::digest(presented.0.as_bytes()).into();
        if let Some(verified) = self.memory.recall(&digest, now, &self.issuers) {
            return Ok(verified);
        }
        let jwt = Jwt::read(presented.0)?;
        let mut issuers = self.issuers.iter().enumerate();
        let (position, issuer) = issuers
            .find(|(_, issuer)| jwt.claims.is_from(&issuer.issuer))
            .ok_or_else(|| refusal::unknown_issuer(&jwt.claims, &self.issuers))?;
        let signed = issuer.signed(&jwt)?;
        let validity = issuer.validity(&jwt.claims, &signed.credential, now)?;
        let expires = validity.expires;
        let version = signed.version;
        let verified = issuer.verified(&jwt.claims, signed, expires, users)?;
        let remembered = Remembered { issuer: position, version, verified: verified.clone() };
        self.memory.remember(digest, remembered, validity.until, now);
        Ok(verified)
    }
}

/// The key that made a signature.
struct Signed {
    credential: CredentialId,
    key: KeyFingerprint,
    version: Option<u64>,
}

impl JwtIssuer {
    /// The key that the header means, if it has signed this.
    fn signed(&self, jwt: &Jwt<'_>) -> Result<Signed, JwtRefusal> {
        let Some(keys) = self.keys.current() else {
            self.keys.ask_for_more();
            return Err(JwtRefusal::NoKeys(self.id.clone()));
        };
        let unknown = || refusal::unknown_key(&self.id, &jwt.header, &keys);
        let Some(named) = keys.find(jwt.header.kid(), jwt.header.algorithm) else {
            self.keys.ask_for_more();
            return Err(unknown());
        };
        if !named.key.verify(jwt.signed.as_bytes(), &jwt.signature) {
            return Err(JwtRefusal::Signature(self.id.clone()));
        }
        let name = match &named.kid {
            Some(kid) => format!("{}/{kid}", self.id),
            None => self.id.to_string(),
        };
        let credential = CredentialId::new(&name);
        let credential = credential.map_err(|_| unknown())?;
        Ok(Signed { credential, key: named.fingerprint, version: Some(keys.version()) })
    }

    fn validity(
        &self,
        claims: &Claims,
        credential: &CredentialId,
        now: UnixTime,
    ) -> Result<Validity, JwtRefusal> {
        if !claims.is_for(&self.audience_claim, &self.audiences) {
            return Err(refusal::audience(credential, claims, self));
        }
        claims.validity(self.rules, credential, now)
    }

    fn verified(
        &self,
        claims: &Claims,
        Signed { credential, key, .. }: Signed,
        expires: UnixTime,
        users: &Directory,
    ) -> Result<Verified<Arc<JwtProof>>, AuthnError> {
        let mapping = &self.mapping;
        let name = claims.user(mapping, &credential)?;
        let groups = claims.groups(mapping, &credential)?;
        let attributes = claims.attributes(mapping);
        let known = users.get(&name);
        if let Some(member) = known
            && member.disabled
        {
            return Err(AuthnError::Disabled(Holder { user: member.id.clone(), credential }));
        }
        let terms = Arc::new(Constraints { expires: Some(expires), ..Constraints::default() });
        let principal = match known {
            Some(member) => member.principal_with(ProofKind::Jwt, credential, groups, attributes),
            None if mapping.admits_unknown_users => {
                let id = UserId::new(&name);
                let id = id.map_err(|_| JwtRefusal::claim(&credential, mapping.user.as_str()))?;
                let unlisted = Member::unlisted(id);
                unlisted.principal_with(ProofKind::Jwt, credential, groups, attributes)
            }
            None => {
                let claim = mapping.user.as_str();
                return Err(refusal::unlisted_user(&credential, claim, &name).into());
            }
        };
        let proof = Arc::new(JwtProof::new(self, claims, key));
        Ok(Verified { principal, terms, proof })
    }
}

#[cfg(test)]
mod tests;
