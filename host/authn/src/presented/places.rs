//! The places where a credential can stand in a request, and what may stand beside it.

use crate::api_key::is_guessable;
use crate::error::{AuthnError, Clash};

/// A place of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Authorization,
    ApiKey,
    Path,
}

impl Place {
    /// The contradiction of two credentials, one here and one there.
    pub(super) const fn clash(self, other: Self) -> Clash {
        match (self, other) {
            (Self::Path, Self::ApiKey) | (Self::ApiKey, Self::Path) => Clash::ApiKeyAndPath,
            (Self::Path, _) | (_, Self::Path) => Clash::AuthorizationAndPath,
            _ => Clash::Headers,
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
        return Err(AuthnError::SeveralCredentials(Place::Authorization.clash(place)));
    }
    // They are all the caller's own, so comparing them tells the caller nothing.
    match presented.find(|(_, other)| *other != text) {
        Some((other, _)) => Err(AuthnError::SeveralCredentials(place.clash(other))),
        None => Ok(Some(text)),
    }
}
