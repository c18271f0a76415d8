//! The reasons why a JWT is refused.

use http::StatusCode;
use stockade_core::CredentialId;

/// The reason why a JWT that can be read is not taken. `Display` is for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtRefusal {
    /// Nobody here is called what its `iss` says.
    #[error("JWT of an issuer that is not configured: {0}")]
    UnknownIssuer(String),
    /// There are no keys yet: they are fetched.
    #[error("the keys of issuer {0:?} are not there yet")]
    NoKeys(CredentialId),
    /// No key of the issuer has this `kid` and is for this `alg`.
    #[error("issuer {issuer:?} has no key, or not only one, for {wanted}")]
    UnknownKey {
        /// The issuer.
        issuer: CredentialId,
        /// The `kid` and `alg` that the JWT names, and the keys that there are.
        wanted: String,
    },
    /// The key has not signed this.
    #[error("JWT with a wrong signature in the name of issuer {0:?}")]
    Signature(CredentialId),
    /// Signed, but for somebody else.
    #[error("JWT for another audience, signed by {credential:?}: {wrong}")]
    Audience {
        /// The key that signed it.
        credential: CredentialId,
        /// The audience in it, and the one that was expected.
        wrong: String,
    },
    /// Signed, for somebody who is not listed here.
    #[error(
        "JWT of a user who is not listed, signed by {credential:?}: its {claim} is for user \
         {user}; list the user, or let the issuer bring others with `unknown_users: admit`"
    )]
    UnlistedUser {
        /// The key that signed it.
        credential: CredentialId,
        /// The claim with the name.
        claim: String,
        /// The user as it would be called here, quoted.
        user: String,
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
        /// The key that signed it.
        credential: CredentialId,
        /// The claim that is looked for.
        claim: String,
    },
}

impl JwtRefusal {
    pub(crate) fn claim(credential: &CredentialId, claim: &str) -> Self {
        Self::Claim { credential: credential.clone(), claim: claim.to_owned() }
    }

    /// Returns the message to the caller: the faults of a token are told only to who has a signed
    /// one.
    pub(crate) const fn public_message(&self) -> &'static str {
        match self {
            Self::UnknownIssuer(_)
            | Self::UnknownKey { .. }
            | Self::Signature(_)
            | Self::UnlistedUser { .. } => "the credential is not valid",
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
