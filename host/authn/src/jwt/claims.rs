//! The claims of a token, and their meaning here.

use std::time::Duration;

use serde_json::{Map, Value};
use stockade_core::{CredentialId, GroupName, Quoted, UnixTime, mask_keys};

use super::{JwtMapping, JwtRefusal, JwtRules};

/// Of a list of audiences, so many are told.
const MOST_TOLD: usize = 4;

/// The path to a claim: its name, or names with dots between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(String);

/// A text that leads to no claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a claim is named, such as sub, or reached by a path with dots, such as realm_access.roles"
)]
pub struct InvalidClaimPath;

impl ClaimPath {
    /// `sub`.
    pub fn sub() -> Self {
        Self("sub".to_owned())
    }

    /// `aud`.
    pub fn aud() -> Self {
        Self("aud".to_owned())
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for ClaimPath {
    type Err = InvalidClaimPath;

    fn from_str(text: &str) -> Result<Self, InvalidClaimPath> {
        let leads = !text.is_empty() && !text.starts_with('.') && !text.ends_with('.');
        if leads { Ok(Self(text.to_owned())) } else { Err(InvalidClaimPath) }
    }
}

/// The time until which a token is good.
pub(super) struct Validity {
    /// `exp`.
    pub(super) expires: UnixTime,
    /// The same, with what clocks may differ.
    pub(super) until: UnixTime,
}

/// The claims of a token.
pub(super) struct Claims(Map<String, Value>);

impl Claims {
    pub(super) const fn new(claims: Map<String, Value>) -> Self {
        Self(claims)
    }

    pub(super) fn is_from(&self, issuer: &str) -> bool {
        self.0.get("iss").is_some_and(|iss| iss == issuer)
    }

    /// RFC 7519, section 4.1.3: one text, or a list of them.
    pub(super) fn is_for(&self, claim: &ClaimPath, audiences: &[String]) -> bool {
        let meant = |aud: &Value| audiences.iter().any(|audience| aud == audience.as_str());
        match find(&self.0, claim.as_str()) {
            Some(Value::Array(all)) => all.iter().any(meant),
            Some(one) => meant(one),
            None => false,
        }
    }

    /// Tells the texts of a claim, quoted and cut, for the operator.
    pub(super) fn told(&self, claim: &str) -> String {
        let quoted =
            |value: &Value| value.as_str().map(|text| Quoted(&mask_keys(text)).to_string());
        let texts: Vec<_> = match find(&self.0, claim) {
            Some(Value::Array(all)) => all.iter().filter_map(quoted).take(MOST_TOLD).collect(),
            Some(one) => quoted(one).into_iter().collect(),
            None => return format!("it has no {claim}"),
        };
        match texts.as_slice() {
            [] => format!("its {claim} is no text"),
            texts => format!("its {claim} is {}", texts.join(", ")),
        }
    }

    /// Tells whether the issuer's name differs from this one by nothing but a slash at the end.
    pub(super) fn is_almost_from(&self, issuer: &str) -> bool {
        let trimmed = |text: &str| text.trim_end_matches('/').to_owned();
        let iss = self.0.get("iss").and_then(Value::as_str);
        iss.is_some_and(|iss| iss != issuer && trimmed(iss) == trimmed(issuer))
    }

    pub(super) fn validity(
        &self,
        rules: JwtRules,
        credential: &CredentialId,
        now: UnixTime,
    ) -> Result<Validity, JwtRefusal> {
        let (now, leeway) = (now.as_duration(), rules.leeway);
        let time = |name| match self.0.get(name) {
            Some(value) => {
                seconds(value).map(Some).ok_or_else(|| JwtRefusal::claim(credential, name))
            }
            None => Ok(None),
        };
        let expires = time("exp")?.ok_or_else(|| JwtRefusal::claim(credential, "exp"))?;
        let until = expires.saturating_add(leeway);
        if until <= now {
            return Err(JwtRefusal::Expired(credential.clone()));
        }
        if time("nbf")?.is_some_and(|begins| begins > now.saturating_add(leeway)) {
            return Err(JwtRefusal::NotYet(credential.clone()));
        }
        if expires > now.saturating_add(rules.max_lifetime).saturating_add(leeway) {
            return Err(JwtRefusal::TooLongLived(credential.clone()));
        }
        let point = UnixTime::from_duration;
        Ok(Validity { expires: point(expires), until: point(until) })
    }

    /// The user's name as it is here.
    pub(super) fn user(
        &self,
        mapping: &JwtMapping,
        credential: &CredentialId,
    ) -> Result<String, JwtRefusal> {
        let name = find(&self.0, mapping.user.as_str()).and_then(Value::as_str);
        let name = name.filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| JwtRefusal::claim(credential, mapping.user.as_str()))?;
        Ok(format!("{}{name}", mapping.user_prefix))
    }

    /// The groups that mean something here: a list of texts, or one text, with commas or spaces
    /// between them. A claim that is neither is refused: one that is left out could be one that
    /// forbids something.
    pub(super) fn groups(
        &self,
        mapping: &JwtMapping,
        credential: &CredentialId,
    ) -> Result<Vec<GroupName>, JwtRefusal> {
        let Some((path, names)) = &mapping.groups else {
            return Ok(Vec::new());
        };
        let listed = match find(&self.0, path.as_str()) {
            None => return Ok(Vec::new()),
            Some(Value::Array(all)) => all.iter().map(Value::as_str).collect(),
            Some(Value::String(one)) if names.contains_key(one) => Some(vec![one.as_str()]),
            Some(Value::String(all)) => Some(separate(all).collect()),
            Some(_) => None,
        };
        let listed: Vec<&str> =
            listed.ok_or_else(|| JwtRefusal::claim(credential, path.as_str()))?;
        Ok(listed.into_iter().filter_map(|group| names.get(group)).cloned().collect())
    }

    /// Texts, numbers and truth values; what is anything else is left out.
    pub(super) fn attributes(&self, mapping: &JwtMapping) -> Vec<(String, String)> {
        let attribute = |(name, path): &(String, ClaimPath)| {
            let value = match find(&self.0, path.as_str())? {
                Value::String(text) => text.clone(),
                value @ (Value::Number(_) | Value::Bool(_)) => value.to_string(),
                Value::Null | Value::Array(_) | Value::Object(_) => return None,
            };
            Some((name.clone(), value))
        };
        mapping.attributes.iter().filter_map(attribute).collect()
    }
}

/// The parts of a text, between commas, or between spaces if there is no comma.
fn separate(all: &str) -> impl Iterator<Item = &str> {
    let commas = all.contains(',');
    let separates = move |c: char| if commas { c == ',' } else { c.is_whitespace() };
    all.split(separates).map(str::trim).filter(|part| !part.is_empty())
}

/// A claim's own name may have dots in it, as in `https://example.org/roles`, so the longest
/// name that fits is meant. `null` is nothing.
fn find<'v>(claims: &'v Map<String, Value>, path: &str) -> Option<&'v Value> {
    let found = claims.get(path).or_else(|| {
        path.rmatch_indices('.').find_map(|(dot, _)| {
            let inner = claims.get(&path[..dot])?.as_object()?;
            find(inner, &path[dot + 1..])
        })
    });
    found.filter(|value| !value.is_null())
}

/// `NumericDate` (RFC 7519, section 2): seconds since 1970, maybe with a fraction.
fn seconds(value: &Value) -> Option<Duration> {
    match value.as_u64() {
        Some(seconds) => Some(Duration::from_secs(seconds)),
        None => Duration::try_from_secs_f64(value.as_f64()?).ok(),
    }
}
