//! Why a JWT is refused.

use http::StatusCode;
use stockade_core::CredentialId;

/// Why a JWT that can be read is not taken. `Display` is for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtRefusal {
    /// Nobody here is called what its `iss` says.
    #[error("JWT of an issuer that is not configured")]
    UnknownIssuer,
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
    #[error("JWT for another audience, signed by {0:?}")]
    Audience(CredentialId),
    /// Good once.
    #[error("expired JWT, signed by {0:?}")]
    Expired(CredentialId),
    /// Good later.
    #[error("JWT that is not valid yet, signed by {0:?}")]
    NotYet(CredentialId),
    /// Good for too long.
    #[error("JWT that expires later than max_lifetime allows, signed by {0:?}")]
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
    pub(super) fn claim(credential: &CredentialId, claim: &str) -> Self {
        Self::Claim { credential: credential.clone(), claim: claim.to_owned() }
    }

    /// What the caller is told: of what is wrong with a token, only to who has a signed one.
    pub(crate) const fn public_message(&self) -> &'static str {
        match self {
            Self::UnknownIssuer | Self::UnknownKey(_) | Self::Signature(_) => {
                "the credential is not valid"
            }
            Self::NoKeys(_) => "tokens of this issuer cannot be verified now; try again soon",
            Self::Audience(_) => "the token is meant for somebody else: look at its aud",
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
