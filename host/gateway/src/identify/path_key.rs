//! A key in front of the path, for clients that can be given an address and nothing else:
//! `OLLAMA_HOST=http://gateway/k/<key>` for Ollama's own command.
//!
//! It is taken off before anything looks at the path, also where it is not allowed, so
//! that no log, error or policy can ever see it.

use http::Uri;
use http::uri::PathAndQuery;
use stockade_core::Secret;

use crate::refused::Refused;
use stockade_config::Authentication;

/// The key that stood in front of a path, if there was one.
pub(crate) struct PathKey(Option<Secret<String>>);

const PREFIX: &str = "/k/";

impl PathKey {
    /// Takes the key off a request's target.
    pub(crate) fn take(uri: &mut Uri) -> Self {
        let Some(rest) = uri.path().strip_prefix(PREFIX) else {
            return Self(None);
        };
        let (key, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let key = Secret::new(key.to_owned());
        *uri = without_key(if path.is_empty() { "/" } else { path }, uri.query());
        Self(Some(key))
    }

    /// The key, if the configuration allows it there.
    pub(crate) fn allowed(&self, rules: &Authentication) -> Result<Option<&str>, Refused> {
        match &self.0 {
            Some(_) if !rules.key_in_path => Err(Refused::key_in_path()),
            Some(key) => Ok(Some(key.expose())),
            None => Ok(None),
        }
    }
}

/// The target of a request that has its key in front of the path.
pub(crate) fn with_key(key: &str, target: &str) -> String {
    format!("{PREFIX}{key}{target}")
}

/// Only the target's own path and query are left: what else it had is not looked at in
/// requests with a key, and would only be refused.
fn without_key(path: &str, query: Option<&str>) -> Uri {
    let target = match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    PathAndQuery::try_from(target).map(Uri::from).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(target: &str) -> (Option<String>, String) {
        let mut uri: Uri = target.parse().unwrap();
        let key = PathKey::take(&mut uri).0;
        (key.map(|key| key.expose().clone()), uri.to_string())
    }

    #[test]
    fn the_key_is_taken_off_whatever_follows_it() {
        for (target, key, rest) in [
            ("/k/secret/api/chat", "secret", "/api/chat"),
            ("/k/secret/api/me?ts=1", "secret", "/api/me?ts=1"),
            ("/k/secret/", "secret", "/"),
            ("/k/secret", "secret", "/"),
            ("/k/secret//api/chat", "secret", "//api/chat"),
            ("/k/secret/k/other/api", "secret", "/k/other/api"),
            ("/k/", "", "/"),
        ] {
            assert_eq!(taken(target), (Some(key.to_owned()), rest.to_owned()), "{target}");
        }
    }

    #[test]
    fn other_paths_stay_as_they_are() {
        for target in ["/", "/api/chat", "/k", "/keys/x", "/api/k/x?y"] {
            assert_eq!(taken(target), (None, target.to_owned()));
        }
    }
}
