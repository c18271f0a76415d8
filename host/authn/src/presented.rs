//! The credential that a caller presents, before anybody believes it.

use std::fmt;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};
use stockade_core::ProofKind;

use crate::api_key::PresentedKey;
use crate::basic::PresentedBasic;
use crate::error::{AuthnError, Clash};
use crate::jwt::PresentedJwt;
use crate::ollama_key::{OllamaSignature, PresentedSignature, Target};
use crate::token::PresentedToken;

mod places;

use places::{Place, counts, only_one};

/// The longest credential that is looked at, in bytes. The token of somebody who is in hundreds
/// of groups is the longest that there is.
const LONGEST: usize = 32 * 1024;

/// The bytes that may stand before it in its header.
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
    /// Reads the credential of a request.
    ///
    /// `Authorization: Bearer …`, `Authorization: Basic …` and `x-api-key: …` are
    /// understood, and `in_path`, what the path was prefixed with. Some SDKs send the same
    /// secret in two places; that is one credential. An empty header is none, and neither is,
    /// beside another one, what an SDK insists on or what is another service's by its form.
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
        let (bearer, basic) = match authorization.transpose()?.flatten() {
            Some(Authorization::Bearer(secret)) => (Some(secret), None),
            Some(Authorization::Basic(encoded)) => (None, Some(encoded)),
            None => (None, None),
        };
        let api_key = only_value(headers, &X_API_KEY)?;
        let sent = [(Place::Authorization, bearer), (Place::ApiKey, api_key)];
        match (only_one(basic.is_some(), sent, in_path)?, basic) {
            (Some(secret), _) => Self::from_secret(secret),
            (None, Some(encoded)) => {
                let basic = PresentedBasic::read(encoded)?;
                Ok(Self(Kind::Basic(Box::new(basic))))
            }
            (None, None) => Ok(Self(Kind::Nothing)),
        }
    }

    /// Reads the credential of a request that may be signed with an Ollama key.
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
        let Some(signed) = signed else {
            return Self::from_headers(headers, in_path);
        };
        let beside = only_value(headers, &X_API_KEY)?.filter(|text| counts(text));
        let beside = beside.map(|_| Place::ApiKey).or(in_path.map(|_| Place::Path));
        match beside {
            Some(place) => Err(AuthnError::SeveralCredentials(Place::Authorization.clash(place))),
            None => Ok(Self(Kind::OllamaKey(Box::new(signed?)))),
        }
    }

    /// Returns the signature of a request that is signed with an Ollama key.
    pub const fn signature(&self) -> Option<OllamaSignature> {
        match &self.0 {
            Kind::OllamaKey(signed) => Some(signed.signature),
            _ => None,
        }
    }

    /// Reads a credential that came without a header: from a path, or from a command line.
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
                return Err(AuthnError::SeveralCredentials(Clash::Asserted));
            }
            found = Some(token);
        }
        Ok(found)
    }

    /// Returns the kind of credential that it claims to be, for counting failures.
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

/// The value of a header that is sent once; `None` where it is not sent, or empty.
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
            AuthnError::SeveralCredentials(Clash::Repeated)
        });
    }
    // The scheme is no part of it.
    check_length(value.len().saturating_sub(SCHEME).max(1))?;
    let text = value.to_str().map_err(|_| {
        AuthnError::Malformed("the credential's header has characters outside printable ASCII")
    })?;
    // Clients send an empty header where a variable is set to nothing.
    Ok(Some(text).filter(|text| !text.trim().is_empty()))
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
    /// `Bearer` with nothing after it is no credential.
    fn read(value: &'a str) -> Result<Option<Self>, AuthnError> {
        let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
        let rest = rest.trim_start_matches(' ');
        if scheme.eq_ignore_ascii_case("Basic") {
            Ok(Some(Self::Basic(rest)))
        } else if !scheme.eq_ignore_ascii_case("Bearer") {
            Err(AuthnError::Unsupported)
        } else {
            Ok(Some(rest).filter(|rest| !rest.is_empty()).map(Self::Bearer))
        }
    }
}

#[cfg(test)]
mod tests;
