//! JSON Web Keys (RFC 7517; RFC 7518, section 6; RFC 8037, section 2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::invalid_key::{InvalidJwtKey, MOST_KEYS};
use super::json;
use super::key::{Algorithm, VerifyingKey};
use super::named_key::NamedKey;

/// The longest name of a key, in bytes: it stands in logs.
const LONGEST_KID: usize = 128;

/// Every key of a set, or the only one, that verifies signatures of tokens. One that cannot
/// be used is left out as long as there are others: a token signed with it is refused.
pub(super) fn read(text: &[u8]) -> Result<Vec<NamedKey>, InvalidJwtKey> {
    let set = json::object(text).map_err(|error| InvalidJwtKey::Json(error.to_string()))?;
    let Some(keys) = set.get("keys") else {
        if set.contains_key("kty") {
            return Ok(key(&set, 1)?.into_iter().collect());
        }
        return Err(InvalidJwtKey::Json("it has no `keys`".to_owned()));
    };
    let keys = keys.as_array();
    let keys = keys.ok_or_else(|| InvalidJwtKey::Json("`keys` is no list".to_owned()))?;
    if keys.len() > MOST_KEYS {
        return Err(InvalidJwtKey::TooManyKeys);
    }
    let (mut read, mut unusable) = (Vec::new(), None);
    for (number, item) in (1..).zip(keys) {
        let item = item.as_object();
        let item = item.ok_or_else(|| InvalidJwtKey::Json("a key is no object".to_owned()))?;
        match key(item, number) {
            Ok(key) => read.extend(key),
            Err(secret @ InvalidJwtKey::SecretInSet(_)) => return Err(secret),
            Err(error) => unusable = unusable.or(Some(error)),
        }
    }
    match unusable {
        Some(error) if read.is_empty() => Err(error),
        _ => Ok(read),
    }
}

/// `None` for a key that is good for something else.
fn key(jwk: &Map<String, Value>, number: usize) -> Result<Option<NamedKey>, InvalidJwtKey> {
    let kind = text(jwk, "kty").ok_or(InvalidJwtKey::Member(number, "kty"))?;
    if kind == "oct" || ["d", "k"].iter().any(|private| jwk.contains_key(*private)) {
        return Err(InvalidJwtKey::SecretInSet(number));
    }
    if !verifies(jwk) {
        return Ok(None);
    }
    let bytes = |member| bytes(jwk, member).ok_or(InvalidJwtKey::Member(number, member));
    let key = match (kind, text(jwk, "crv")) {
        ("RSA", _) => VerifyingKey::rsa(&bytes("n")?, &bytes("e")?)?,
        ("EC", Some("P-256")) => {
            let point = [vec![0x04], bytes("x")?, bytes("y")?].concat();
            VerifyingKey::p256(&point)?
        }
        ("OKP", Some("Ed25519")) => VerifyingKey::ed25519(&bytes("x")?)?,
        _ => return Ok(None),
    };
    let algorithm = jwk.get("alg").map(|name| name.as_str().and_then(Algorithm::named));
    if algorithm.is_some_and(|named| named != Some(key.algorithm())) {
        return Ok(None);
    }
    Ok(Some(NamedKey::new(kid(jwk, number)?, key)))
}

/// RFC 7517, sections 4.2 and 4.3.
fn verifies(jwk: &Map<String, Value>) -> bool {
    let purpose = jwk.get("use").is_none_or(|purpose| purpose == "sig");
    let among = |operations: &Value| {
        operations.as_array().is_some_and(|all| all.iter().any(|one| one == "verify"))
    };
    purpose && jwk.get("key_ops").is_none_or(among)
}

fn kid(jwk: &Map<String, Value>, number: usize) -> Result<Option<String>, InvalidJwtKey> {
    let Some(kid) = jwk.get("kid") else {
        return Ok(None);
    };
    let fits = |kid: &&str| {
        let plain = !kid.chars().any(|c| c.is_control() || c.is_whitespace());
        (1..=LONGEST_KID).contains(&kid.len()) && plain
    };
    let kid = kid.as_str().filter(fits).ok_or(InvalidJwtKey::Member(number, "kid"))?;
    Ok(Some(kid.to_owned()))
}

fn text<'v>(jwk: &'v Map<String, Value>, member: &str) -> Option<&'v str> {
    jwk.get(member)?.as_str()
}

fn bytes(jwk: &Map<String, Value>, member: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text(jwk, member)?).ok()
}
