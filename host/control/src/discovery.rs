//! The place of an issuer's keys, by the configuration that it publishes (OIDC
//! Discovery 1.0, section 4).

use http::Uri;
use serde::Deserialize;
use stockade_core::Quoted;
use stockade_net::{Endpoint, FetchError, get};

const MEDIA_TYPE: &str = "application/json";

/// The reason why the keys are not found.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// The issuer's server does not give its configuration.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// Its value is something else.
    #[error("this is no JSON object with `issuer` and `jwks_uri`")]
    Unreadable,
    /// It is somebody else's.
    #[error(
        "it is that of {found}, and `issuer` here is {expected}: they must be the same to the letter"
    )]
    OtherIssuer {
        /// The value that it gives, quoted.
        found: String,
        /// The value that was expected, quoted.
        expected: String,
    },
    /// Keys from there could be anybody's.
    #[error("its jwks_uri is no URL of https (or, for an issuer by http on this machine, of http)")]
    Place,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: String,
}

/// Asks the issuer where its keys are.
pub(crate) async fn discover(
    configuration: &Endpoint,
    issuer: &str,
) -> Result<Endpoint, DiscoveryError> {
    let document = get(configuration, MEDIA_TYPE).await?;
    let place = jwks_uri(&document, issuer)?;
    configuration.elsewhere(place).ok_or(DiscoveryError::Place)
}

fn jwks_uri(document: &[u8], issuer: &str) -> Result<Uri, DiscoveryError> {
    let document: Document =
        serde_json::from_slice(document).map_err(|_| DiscoveryError::Unreadable)?;
    if document.issuer != issuer {
        let [found, expected] = [&document.issuer, issuer].map(|text| Quoted(text).to_string());
        return Err(DiscoveryError::OtherIssuer { found, expected });
    }
    document.jwks_uri.parse().map_err(|_| DiscoveryError::Place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_must_be_of_the_issuer_to_the_letter() {
        let read = |document: &str| jwks_uri(document.as_bytes(), "https://sso.example.org");
        let found =
            r#"{"issuer":"https://sso.example.org","jwks_uri":"https://k.example.org/j","x":1}"#;
        assert_eq!(read(found).unwrap(), "https://k.example.org/j");
        for other in ["https://sso.example.org/", "https://SSO.example.org", ""] {
            let document =
                format!(r#"{{"issuer":"{other}","jwks_uri":"https://k.example.org/j"}}"#);
            let error = read(&document).unwrap_err();
            assert!(matches!(error, DiscoveryError::OtherIssuer { .. }), "{error}");
        }
        for unreadable in [
            "",
            "[]",
            r#"{"issuer":"https://sso.example.org"}"#,
            r#"{"issuer":"https://sso.example.org","jwks_uri":7}"#,
            r#"{"issuer":"https://sso.example.org","issuer":"x","jwks_uri":"https://k"}"#,
        ] {
            assert!(matches!(read(unreadable), Err(DiscoveryError::Unreadable)), "{unreadable}");
        }
        let nowhere = r#"{"issuer":"https://sso.example.org","jwks_uri":"no url"}"#;
        assert!(matches!(read(nowhere), Err(DiscoveryError::Place)));
    }
}
