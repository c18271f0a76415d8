//! The text of a token: three parts in base64url (RFC 7515, section 7.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::claims::Claims;
use super::json;
use super::key::Algorithm;
use crate::error::AuthnError;

/// A token that can be read. Nothing of it is true yet.
pub(super) struct Jwt<'a> {
    pub(super) header: Header,
    pub(super) claims: Claims,
    /// The text that is signed.
    pub(super) signed: &'a str,
    pub(super) signature: Vec<u8>,
}

/// The part of a header that counts.
pub(super) struct Header {
    pub(super) algorithm: Algorithm,
    kid: Option<String>,
}

impl Header {
    pub(super) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }
}

const FORM: &str = "a JWT has three parts in base64url; encrypted ones are not taken";
const JSON: &str =
    "the JWT's header and claims must be JSON objects in which no member comes twice";
const ALGORITHM: &str = "the JWT's alg must be RS256, ES256, EdDSA or HS256";
const CRITICAL: &str = "the JWT's header has crit; no extension is understood here";
const TYPE: &str = "the JWT's typ must be JWT or at+jwt";
const KID: &str = "the JWT's kid must be a text";

impl<'a> Jwt<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, AuthnError> {
        let (signed, signature) = text.rsplit_once('.').ok_or(AuthnError::Malformed(FORM))?;
        let (header, claims) = signed.split_once('.').ok_or(AuthnError::Malformed(FORM))?;
        let header = read_header(&object(header)?).map_err(AuthnError::Malformed)?;
        let claims = Claims::new(object(claims)?);
        Ok(Self { header, claims, signed, signature: decode(signature)? })
    }
}

/// A dot is no base64url, so a part too many is none of this.
fn decode(part: &str) -> Result<Vec<u8>, AuthnError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| AuthnError::Malformed(FORM))
}

fn object(part: &str) -> Result<Map<String, Value>, AuthnError> {
    json::object(&decode(part)?).map_err(|_| AuthnError::Malformed(JSON))
}

fn read_header(header: &Map<String, Value>) -> Result<Header, &'static str> {
    // RFC 7515, section 4.1.11: whoever does not understand what it lists must refuse.
    if header.contains_key("crit") {
        return Err(CRITICAL);
    }
    if header.get("typ").is_some_and(|kind| !is_access_token(kind)) {
        return Err(TYPE);
    }
    let algorithm = header.get("alg").and_then(Value::as_str).and_then(Algorithm::named);
    let kid = match header.get("kid") {
        None => None,
        Some(kid) => Some(kid.as_str().ok_or(KID)?.to_owned()),
    };
    Ok(Header { algorithm: algorithm.ok_or(ALGORITHM)?, kid })
}

/// RFC 8725, section 3.11: a token of another kind is not taken for this one. RFC 7515,
/// section 4.1.9: case does not count, and `application/` may be left out.
fn is_access_token(kind: &Value) -> bool {
    let kind = kind.as_str().unwrap_or_default().to_ascii_lowercase();
    let kind = kind.strip_prefix("application/").unwrap_or(&kind);
    ["jwt", "at+jwt"].contains(&kind)
}
