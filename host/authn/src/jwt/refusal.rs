//! Why a JWT is refused.

use http::StatusCode;
use stockade_core::{CredentialId, Quoted};

use super::JwtIssuer;
use super::claims::Claims;

/// So many issuers or audiences are named as what was expected.
const MOST_EXPECTED: usize = 4;

/// Why a JWT that can be read is not taken. `Display` is for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtRefusal {
    /// Nobody here is called what its `iss` says.
    #[error("JWT of an issuer that is not configured: {0}")]
    UnknownIssuer(String),
    /// There are no keys yet: they are fetched.
    #[error("the keys of issuer {0:?} are not there yet")]
    NoKeys(CredentialId),
    /// No key of the issuer has this `kid` and is for this `alg`.
    #[error("issuer {0:?} has no key, or not only one, for the JWT's kid and alg")]
    UnknownKey(CredentialId),
    /// The key has not signed this.
    #[error("JWT with a wrong signature in the name of issuer {0:?}")]
    Signature(CredentialId),
    /// Signed, but for somebody else.
    #[error("JWT for another audience, signed by {credential:?}: {wrong}")]
    Audience {
        /// What signed it.
        credential: CredentialId,
        /// What it says, and what was expected.
        wrong: String,
    },
    /// Good once.
    #[error("expired JWT (its exp has passed), signed by {0:?}")]
    Expired(CredentialId),
    /// Good later.
    #[error("JWT that is not valid yet (its nbf lies ahead), signed by {0:?}")]
    NotYet(CredentialId),
    /// Good for too long.
    #[error("JWT whose exp is later than max_lifetime allows, signed by {0:?}")]
    TooLongLived(CredentialId),
    /// A claim is missing or of the wrong type.
    #[error("JWT without a usable claim {claim:?}, signed by {credential:?}")]
    Claim {
        /// What signed it.
        credential: CredentialId,
        /// Where the claim is looked for.
        claim: String,
    },
}

impl JwtRefusal {
    /// Nothing of the token is proven, so what it says is cut and made harmless.
    pub(super) fn unknown_issuer(claims: &Claims, issuers: &[JwtIssuer]) -> Self {
        let told = claims.told("iss");
        let expected =
            |issuer: &JwtIssuer| format!("{} of {:?}", Quoted(&issuer.issuer), issuer.id);
        if let Some(issuer) = issuers.iter().find(|issuer| claims.is_almost_from(&issuer.issuer)) {
            let expected = expected(issuer);
            return Self::UnknownIssuer(format!(
                "{told}; it differs from {expected} by a slash at the end only: write it as the token \
                 does"
            ));
        }
        let all: Vec<_> = issuers.iter().take(MOST_EXPECTED).map(expected).collect();
        let more = if issuers.len() > MOST_EXPECTED { ", …" } else { "" };
        let expected = if all.is_empty() { "none".to_owned() } else { all.join(", ") };
        Self::UnknownIssuer(format!("{told}; expected {expected}{more}"))
    }

    pub(super) fn audience(credential: &CredentialId, claims: &Claims, issuer: &JwtIssuer) -> Self {
        let expected = issuer.audiences.iter().take(MOST_EXPECTED);
        let expected: Vec<_> = expected.map(|audience| Quoted(audience).to_string()).collect();
        let told = claims.told(issuer.audience_claim.as_str());
        let wrong = format!("{told}; expected {}", expected.join(" or "));
        Self::Audience { credential: credential.clone(), wrong }
    }

    pub(super) fn claim(credential: &CredentialId, claim: &str) -> Self {
        Self::Claim { credential: credential.clone(), claim: claim.to_owned() }
    }

    /// What the caller is told: of what is wrong with a token, only to who has a signed one.
    pub(crate) const fn public_message(&self) -> &'static str {
        match self {
            Self::UnknownIssuer(_) | Self::UnknownKey(_) | Self::Signature(_) => {
                "the credential is not valid"
            }
            Self::NoKeys(_) => "tokens of this issuer cannot be verified now; try again soon",
            Self::Audience { .. } => "the token is meant for somebody else: look at its audience",
            Self::Expired(_) => "the token has expired; ask its issuer for a new one",
            Self::NotYet(_) => "the token is not valid yet: look at its nbf, and at the clocks",
            Self::TooLongLived(_) => {
                "the token is valid for longer than is allowed here; ask for a shorter one"
            }
            Self::Claim { .. } => "the token lacks a claim that is needed here",
        }
    }

    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::NoKeys(_) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNAUTHORIZED,
        }
    }
}
