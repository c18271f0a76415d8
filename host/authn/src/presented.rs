//! What a caller presents, before anybody believes it.

use std::fmt;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};
use stockade_core::ProofKind;

use crate::AuthnError;
use crate::api_key::PresentedKey;
use crate::basic::PresentedBasic;
use crate::jwt::PresentedJwt;
use crate::ollama_key::{PresentedSignature, Target};
use crate::token::PresentedToken;

/// The longest credential that is looked at, in bytes. The token of somebody who is in hundreds
/// of groups is the longest that there is.
const LONGEST: usize = 32 * 1024;

/// What may stand before it in its header.
const SCHEME: usize = 16;

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// At most one credential of a request, read but not verified.
///
/// It borrows from the request, so that the secret has one copy only.
pub struct Presented<'a>(pub(crate) Kind<'a>);

pub(crate) enum Kind<'a> {
    Nothing,
    ApiKey(PresentedKey<'a>),
    Token(PresentedToken<'a>),
    Jwt(PresentedJwt<'a>),
    Basic(Box<PresentedBasic>),
    OllamaKey(Box<PresentedSignature>),
}

impl<'a> Presented<'a> {
    /// Read the credential of a request.
    ///
    /// `Authorization: Bearer …`, `Authorization: Basic …` and `x-api-key: …` are
    /// understood, and `in_path`, what the path was prefixed with. Some SDKs send the same
    /// secret in two places; that is one credential.
    ///
    /// # Errors
    /// [`Malformed`](AuthnError::Malformed), [`Unsupported`](AuthnError::Unsupported) or
    /// [`SeveralCredentials`](AuthnError::SeveralCredentials). A request that brings
    /// nothing is no error here, [`Authenticator::identify`](crate::Authenticator::identify)
    /// decides about it.
    pub fn from_headers(
        headers: &'a HeaderMap,
        in_path: Option<&'a str>,
    ) -> Result<Self, AuthnError> {
        let authorization = only_value(headers, &AUTHORIZATION)?.map(Authorization::read);
        let api_key = only_value(headers, &X_API_KEY)?;
        let bearer = match authorization.transpose()? {
            Some(Authorization::Basic(_)) if api_key.or(in_path).is_some() => {
                return Err(AuthnError::SeveralCredentials);
            }
            Some(Authorization::Basic(encoded)) => {
                let basic = PresentedBasic::read(encoded)?;
                return Ok(Self(Kind::Basic(Box::new(basic))));
            }
            Some(Authorization::Bearer(secret)) => Some(secret),
            None => None,
        };
        let mut presented = [bearer, api_key, in_path].into_iter().flatten();
        let Some(secret) = presented.next() else {
            return Ok(Self(Kind::Nothing));
        };
        // They are all the caller's own, so comparing them tells the caller nothing.
        if presented.any(|other| other != secret) {
            return Err(AuthnError::SeveralCredentials);
        }
        Self::from_secret(secret)
    }

    /// Read the credential of a request that may be signed with an Ollama key.
    ///
    /// # Errors
    /// As for [`from_headers`](Self::from_headers).
    pub fn of_request(
        headers: &'a HeaderMap,
        in_path: Option<&'a str>,
        target: Target<'a>,
    ) -> Result<Self, AuthnError> {
        let signed = only_value(headers, &AUTHORIZATION)?
            .and_then(|value| PresentedSignature::read(value, target));
        match signed {
            Some(_) if in_path.is_some() || headers.contains_key(&X_API_KEY) => {
                Err(AuthnError::SeveralCredentials)
            }
            Some(signed) => Ok(Self(Kind::OllamaKey(Box::new(signed?)))),
            None => Self::from_headers(headers, in_path),
        }
    }

    pub(crate) const fn signature(&self) -> Option<&[u8; 64]> {
        match &self.0 {
            Kind::OllamaKey(signed) => Some(&signed.signature),
            _ => None,
        }
    }

    /// Read a credential that came without a header: from a path, or from a command line.
    ///
    /// A text that ends in `:<digits>:<64 hex digits>` is a token. One that begins with `ey`
    /// and consists of base64url and at least two dots is a JWT; it has no `:`, so it is
    /// never both. Any other is an API key, and no API key has one of these forms.
    ///
    /// # Errors
    /// [`Malformed`](AuthnError::Malformed).
    pub fn from_secret(text: &'a str) -> Result<Self, AuthnError> {
        check_length(text.len())?;
        if let Some(token) = PresentedToken::read(text) {
            return Ok(Self(Kind::Token(token?)));
        }
        match PresentedJwt::read(text) {
            Some(jwt) => Ok(Self(Kind::Jwt(jwt))),
            None => PresentedKey::read(text).map(|key| Self(Kind::ApiKey(key))),
        }
    }

    /// Finds the token in the headers in which issuers of this gateway send theirs, such as
    /// `Cf-Access-Jwt-Assertion`. One that is empty is none.
    ///
    /// # Errors
    /// [`Malformed`](AuthnError::Malformed) for what is no JWT, and
    /// [`SeveralCredentials`](AuthnError::SeveralCredentials) for several tokens.
    pub fn token_in<'n>(
        headers: &'a HeaderMap,
        names: impl IntoIterator<Item = &'n HeaderName>,
    ) -> Result<Option<&'a str>, AuthnError> {
        let mut found = None;
        for name in names {
            if headers.get_all(name).iter().all(http::HeaderValue::is_empty) {
                continue;
            }
            let Some(token) = only_value(headers, name)? else { continue };
            if PresentedJwt::read(token).is_none() {
                return Err(AuthnError::Malformed("the header for a JWT holds something else"));
            }
            if found.is_some_and(|other| other != token) {
                return Err(AuthnError::SeveralCredentials);
            }
            found = Some(token);
        }
        Ok(found)
    }

    /// What kind of credential it claims to be, for counting failures.
    pub const fn kind(&self) -> Option<ProofKind> {
        match self.0 {
            Kind::Nothing => None,
            Kind::ApiKey(_) => Some(ProofKind::ApiKey),
            Kind::Token(_) => Some(ProofKind::Token),
            Kind::Jwt(_) => Some(ProofKind::Jwt),
            Kind::Basic(_) => Some(ProofKind::Basic),
            Kind::OllamaKey(_) => Some(ProofKind::OllamaKey),
        }
    }
}

impl Presented<'_> {
    /// The name of the user that the credential claims to be of, where it has one. Nobody
    /// has to have it.
    pub(crate) fn user(&self) -> Option<&str> {
        match &self.0 {
            Kind::Basic(basic) => Some(basic.user()),
            Kind::Token(token) => Some(token.user()),
            _ => None,
        }
    }
}

/// Shows the kind and never the secret.
impl fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Presented").field(&self.kind()).finish()
    }
}

fn only_value<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a str>, AuthnError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if let Some(other) = values.next() {
        let again = "the credential's header appears more than once; send it once";
        let same = other == value;
        return Err(if same {
            AuthnError::Malformed(again)
        } else {
            AuthnError::SeveralCredentials
        });
    }
    // The scheme is no part of it.
    check_length(value.len().saturating_sub(SCHEME).max(usize::from(!value.is_empty())))?;
    value.to_str().map(Some).map_err(|_| {
        AuthnError::Malformed("the credential's header has characters outside printable ASCII")
    })
}

fn check_length(length: usize) -> Result<(), AuthnError> {
    match length {
        0 => Err(AuthnError::Malformed("the credential is empty")),
        1..=LONGEST => Ok(()),
        _ => Err(AuthnError::Malformed("the credential is longer than 32768 bytes")),
    }
}

/// The two schemes that are understood, with what stands after them.
enum Authorization<'a> {
    Bearer(&'a str),
    Basic(&'a str),
}

impl<'a> Authorization<'a> {
    /// RFC 9110, section 11.4: a scheme in any case, spaces, the credential.
    fn read(value: &'a str) -> Result<Self, AuthnError> {
        let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
        let rest = rest.trim_start_matches(' ');
        if scheme.eq_ignore_ascii_case("Basic") {
            Ok(Self::Basic(rest))
        } else if !scheme.eq_ignore_ascii_case("Bearer") {
            Err(AuthnError::Unsupported)
        } else if rest.is_empty() {
            Err(AuthnError::Malformed("the Authorization header has nothing after Bearer"))
        } else {
            Ok(Self::Bearer(rest))
        }
    }
}

#[cfg(test)]
mod tests;
