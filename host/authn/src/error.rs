use http::StatusCode;
use stockade_core::{CredentialId, UserId};

mod clash;
mod jwt;

pub use clash::Clash;
pub use jwt::JwtRefusal;

/// The user and the credential that were refused, where they are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The user.
    pub user: UserId,
    /// The key, or the secret that signed the token.
    pub credential: CredentialId,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "user {:?}, credential {:?}", self.user, self.credential)
    }
}

/// The reason why a caller is not identified.
///
/// `Display` is for the operator. The caller gets [`public_message`], which says less:
/// whoever holds no valid secret learns nothing about which users and keys exist.
///
/// [`public_message`]: Self::public_message
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthnError {
    /// No credential at all.
    #[error("no credential was presented")]
    Missing,
    /// A credential that cannot be read. The text says what to mend.
    #[error("malformed credential: {0}")]
    Malformed(&'static str),
    /// Two different credentials; which one counts is not ours to guess.
    #[error("{}", .0.message())]
    SeveralCredentials(Clash),
    /// A signature whose time is not near enough to now.
    #[error("signed too long ago or ahead of time: {0}")]
    WrongTime(Holder),
    /// A signature that was used before.
    #[error("a signature was used a second time")]
    Replayed,
    /// A certificate that stands for more than one user.
    #[error("the client certificate stands for several users")]
    SeveralUsers,
    /// A certificate that stands for nobody, and no other credential.
    #[error("the client certificate stands for no user")]
    UnknownCertificate,
    /// A certificate that was good at the handshake and is not any more.
    #[error("the client certificate has expired, is revoked, or is not accepted any more")]
    CertificateEnded,
    /// A front end names a user in a way that cannot be read.
    #[error("the header in which a front end names its user cannot be read: {0}")]
    BadName(&'static str),
    /// A front end names a user whom there is not, or who is disabled.
    #[error("user {named}, whom {by:?} speaks for, does not exist or is disabled")]
    NotRepresented {
        /// The name, quoted.
        named: String,
        /// The front end.
        by: UserId,
    },
    /// A password that travelled in the clear.
    #[error("a password came over a connection without TLS from another machine")]
    Insecure,
    /// An authentication scheme that is not configured.
    #[error("unsupported authentication scheme")]
    Unsupported,
    /// No such key, or no secret made this signature.
    #[error("unknown key or wrong signature")]
    Unknown,
    /// A token with a right signature for a user that does not exist any more.
    #[error("token signed with {0:?} for a user that does not exist")]
    UnknownUser(CredentialId),
    /// The user is switched off.
    #[error("the user is disabled: {0}")]
    Disabled(Holder),
    /// A key or a token that was good once.
    #[error("expired: {0}")]
    Expired(Holder),
    /// It was good when the request came, and is not any more.
    #[error("the credential was revoked while the request was under way")]
    Revoked,
    /// A token with a right signature that expires later than the rules allow.
    #[error("the token expires later than max_ttl allows: {0}")]
    TooLongLived(Holder),
    /// A JWT that is not taken.
    #[error("{0}")]
    Jwt(#[from] JwtRefusal),
}

impl AuthnError {
    /// Returns the message to the caller.
    ///
    /// Expiry is told only to somebody who holds the real secret, and is worth telling:
    /// there is something that they can do about it.
    pub const fn public_message(&self) -> &'static str {
        match self {
            Self::Missing => {
                "no credential: send an API key or a token as `Authorization: Bearer …`"
            }
            Self::Malformed(what) => what,
            Self::SeveralCredentials(clash) => clash.message(),
            Self::WrongTime(_) => "the signature's time is too far from now; check your clock",
            Self::Replayed => "this signature was used already; sign the request anew",
            Self::SeveralUsers | Self::UnknownCertificate => {
                "the client certificate belongs to no user here"
            }
            Self::CertificateEnded => {
                "the client certificate is not accepted any more; connect again with a new one"
            }
            Self::BadName(_) => {
                "the header that names the user is empty, comes twice, or is not UTF-8"
            }
            Self::NotRepresented { .. } => {
                "this gateway does not know the user whom the front end names; ask its operator"
            }
            Self::Insecure => {
                "passwords are accepted only over TLS or from this machine; change this one, \
                 and use TLS, an API key or a token"
            }
            Self::Unsupported => {
                "unsupported authentication scheme; send `Authorization: Bearer …`"
            }
            Self::Unknown | Self::UnknownUser(_) | Self::Disabled(_) => {
                "the credential is not valid"
            }
            Self::Revoked => "the credential is not accepted any more",
            Self::Expired(_) => "the credential has expired; ask for a new one",
            Self::TooLongLived(_) => {
                "the token is valid for longer than is allowed here; ask for a shorter one"
            }
            Self::Jwt(refusal) => refusal.public_message(),
        }
    }

    /// The status of the answer: 400 where the request contradicts itself, 503 where it cannot
    /// be told yet, else 401.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::SeveralCredentials(_) | Self::BadName(_) => StatusCode::BAD_REQUEST,
            Self::Insecure | Self::NotRepresented { .. } => StatusCode::FORBIDDEN,
            Self::Jwt(refusal) => refusal.status(),
            _ => StatusCode::UNAUTHORIZED,
        }
    }

    /// The value of `WWW-Authenticate`.
    ///
    /// RFC 6750, section 3: no error code for a request that brought no bearer
    /// credential, `invalid_request` for one that brought several, else `invalid_token`.
    pub const fn www_authenticate(&self) -> &'static str {
        match self {
            Self::Missing
            | Self::Unsupported
            | Self::SeveralUsers
            | Self::UnknownCertificate
            | Self::CertificateEnded => r#"Bearer realm="stockade""#,
            Self::SeveralCredentials(_) => r#"Bearer realm="stockade", error="invalid_request""#,
            _ => r#"Bearer realm="stockade", error="invalid_token""#,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6750, section 3.1.
    #[test]
    fn the_challenge_names_an_error_only_for_a_bearer_credential() {
        let answers = [
            (AuthnError::Missing, 401, None),
            (AuthnError::Unsupported, 401, None),
            (AuthnError::SeveralCredentials(Clash::Headers), 400, Some("invalid_request")),
            (AuthnError::Malformed("x"), 401, Some("invalid_token")),
            (AuthnError::Unknown, 401, Some("invalid_token")),
        ];
        for (error, status, code) in answers {
            let challenge = error.www_authenticate();
            assert_eq!(error.status(), status, "{error}");
            assert!(challenge.starts_with(r#"Bearer realm="stockade""#));
            assert_eq!(
                challenge.split_once("error=").map(|(_, code)| code),
                code.map(|code| format!("{code:?}")).as_deref()
            );
        }
    }
}
