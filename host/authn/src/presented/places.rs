//! The places where a credential can stand in a request, and what may stand beside it.

use crate::AuthnError;
use crate::api_key::is_guessable;

/// A place of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Authorization,
    ApiKey,
    Path,
}

/// Two places with different credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clash {
    /// The two headers.
    Headers,
    /// `Authorization`, and the path.
    AuthorizationAndPath,
    /// `x-api-key`, and the path.
    ApiKeyAndPath,
    /// One header that was sent twice.
    Repeated,
    /// A token in a header that an issuer's proxy sets, and another one, or the path.
    Asserted,
    /// The connection's certificate, and any of the others.
    Certificate,
}

impl Clash {
    pub(super) const fn of(one: Place, other: Place) -> Self {
        match (one, other) {
            (Place::Path, Place::ApiKey) | (Place::ApiKey, Place::Path) => Self::ApiKeyAndPath,
            (Place::Path, _) | (_, Place::Path) => Self::AuthorizationAndPath,
            _ => Self::Headers,
        }
    }

    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::Headers => {
                "`Authorization` and `x-api-key` carry two different credentials; send one \
                 (Anthropic's clients take them from ANTHROPIC_AUTH_TOKEN and ANTHROPIC_API_KEY)"
            }
            Self::AuthorizationAndPath => {
                "`Authorization` and the key in the path, or the token that a proxy in front has \
                 added, are two different credentials; send one"
            }
            Self::ApiKeyAndPath => {
                "`x-api-key` and the key in the path, or the token that a proxy in front has added, \
                 are two different credentials; send one"
            }
            Self::Repeated => {
                "a header carries two different credentials, because it is sent twice; send one"
            }
            Self::Asserted => {
                "the token that a proxy in front has added and another one, or the key in the \
                 path, are two different credentials; send one"
            }
            Self::Certificate => {
                "the client certificate and what is sent besides are two different credentials, \
                 of two users; send one"
            }
        }
    }
}

/// The beginnings of other services' keys. Keys that the gateway makes begin otherwise.
const OF_OTHERS: [&str; 7] =
    ["sk-ant-", "sk-proj-", "sk-svcacct-", "sk-admin-", "sk-or-", "hf_", "gsk_"];

/// Tells whether a text in a header may be the caller's credential, where another one is there:
/// neither what an SDK insists on (`ollama`), which has less than the 128 bits of a key, nor a key
/// that by its form is another service's. Only the form is looked at and never whether somebody has
/// that key, so that nobody learns by it which keys there are.
pub(super) fn counts(text: &str) -> bool {
    !is_guessable(text) && !OF_OTHERS.iter().any(|prefix| text.starts_with(prefix))
}

/// The one credential of a request: headers that count for none are left out where another
/// one is there.
pub(super) fn only_one<'a>(
    basic: bool,
    headers: [(Place, Option<&'a str>); 2],
    in_path: Option<&'a str>,
) -> Result<Option<&'a str>, AuthnError> {
    let sent = || headers.iter().filter_map(|(place, text)| Some((*place, (*text)?)));
    let certain = basic || in_path.is_some() || sent().any(|(_, text)| counts(text));
    let counted = sent().filter(|(_, text)| !certain || counts(text));
    let mut presented = counted.chain(in_path.map(|text| (Place::Path, text)));
    let Some((place, text)) = presented.next() else {
        return Ok(None);
    };
    if basic {
        return Err(AuthnError::SeveralCredentials(Clash::of(Place::Authorization, place)));
    }
    // They are all the caller's own, so comparing them tells the caller nothing.
    match presented.find(|(_, other)| *other != text) {
        Some((other, _)) => Err(AuthnError::SeveralCredentials(Clash::of(place, other))),
        None => Ok(Some(text)),
    }
}
