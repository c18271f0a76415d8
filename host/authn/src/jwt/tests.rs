#![expect(
    clippy::needless_pass_by_value,
    reason = "claims are written down where they are handed in"
)]

use std::cell::Cell;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use serde_json::{Value, json};
use stockade_core::Secret;

use super::*;
use crate::{Authenticator, Credentials, Identity, Presented, User};

mod companies;
mod revocation;
mod rfc;
mod rules;
mod sets;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const SECRET: &[u8] = b"a shared secret of at least 32 bytes";

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The other side: keys that sign.
enum Signer {
    EdDsa(Ed25519KeyPair),
    Es256(EcdsaKeyPair),
    Hs256(&'static [u8]),
}

impl Signer {
    fn ed25519() -> Self {
        let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::EdDsa(Ed25519KeyPair::from_pkcs8(key.as_ref()).unwrap())
    }

    fn p256() -> Self {
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let key = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Self::Es256(EcdsaKeyPair::from_pkcs8(algorithm, key.as_ref(), &random).unwrap())
    }

    const fn alg(&self) -> &'static str {
        match self {
            Self::EdDsa(_) => "EdDSA",
            Self::Es256(_) => "ES256",
            Self::Hs256(_) => "HS256",
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::EdDsa(key) => key.sign(message).as_ref().to_vec(),
            Self::Es256(key) => key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Self::Hs256(secret) => {
                let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
                ring::hmac::sign(&key, message).as_ref().to_vec()
            }
        }
    }

    /// The public key as a JWK.
    fn jwk(&self, more: Value) -> Value {
        let mut jwk = match self {
            Self::EdDsa(key) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": base64url(key.public_key()) })
            }
            Self::Es256(key) => {
                let point = key.public_key().as_ref();
                let (x, y) = (base64url(&point[1..33]), base64url(&point[33..]));
                json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y })
            }
            Self::Hs256(_) => panic!("a secret is no public key"),
        };
        jwk.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        jwk
    }

    fn token(&self, claims: &Value) -> String {
        self.token_with(&json!({ "alg": self.alg(), "typ": "JWT" }), claims)
    }

    fn token_with(&self, header: &Value, claims: &Value) -> String {
        self.signed(&header.to_string(), &claims.to_string())
    }

    fn signed(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", base64url(header), base64url(claims));
        format!("{signed}.{}", base64url(self.sign(signed.as_bytes())))
    }
}

fn set(keys: &[Value]) -> Result<KeySet, InvalidJwtKey> {
    KeySet::from_jwks(json!({ "keys": keys }).to_string().as_bytes())
}

fn of(signer: &Signer) -> KeySet {
    match signer {
        Signer::Hs256(secret) => KeySet::from_secret(&Secret::new(secret.to_vec())).unwrap(),
        _ => set(&[signer.jwk(json!({}))]).unwrap(),
    }
}

fn claims() -> Value {
    json!({ "iss": "https://sso.example", "aud": "ollama", "sub": "alice", "exp": at(600) })
}

/// Those claims, in some differently; `null` leaves one out.
fn with(changes: Value) -> Value {
    let mut claims = claims();
    let members = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        members.insert(name.clone(), value.clone());
    }
    members.retain(|_, value| !value.is_null());
    claims
}

fn at(seconds: i64) -> u64 {
    NOW.as_secs().checked_add_signed(seconds).unwrap()
}

fn later(seconds: u64) -> UnixTime {
    UnixTime::from_secs(NOW.as_secs() + seconds)
}

fn issuer(keys: JwtKeys) -> JwtIssuer {
    JwtIssuer {
        id: CredentialId::new("sso").unwrap(),
        issuer: "https://sso.example".to_owned(),
        audiences: vec!["ollama".to_owned(), "https://gateway.example".to_owned()],
        audience_claim: ClaimPath::aud(),
        header: None,
        keys: Arc::new(keys),
        rules: JwtRules::default(),
        mapping: JwtMapping::default(),
    }
}

fn trusting(signer: &Signer) -> JwtIssuer {
    issuer(JwtKeys::fixed(of(signer)))
}

fn users() -> Vec<User> {
    let user = |name: &str| User::new(UserId::new(name).unwrap());
    let alice = User {
        groups: vec![GroupName::new("research").unwrap()],
        attributes: vec![("team".to_owned(), "blue".to_owned())],
        ..user("alice")
    };
    let mallory = User { disabled: true, ..user("mallory") };
    vec![alice, mallory, user("sso:alice")]
}

fn gateway(issuers: Vec<JwtIssuer>) -> Authenticator {
    let users = users();
    let credentials = Credentials { users, jwt_issuers: issuers, ..Credentials::default() };
    Authenticator::new(credentials).unwrap()
}

fn identify(gateway: &Authenticator, token: &str, now: UnixTime) -> Result<Identity, AuthnError> {
    gateway.identify(&Presented::from_secret(token)?, now)
}

/// Judges a token with these claims, everything else being right.
fn judged(changes: Value) -> Result<Identity, AuthnError> {
    let signer = Signer::ed25519();
    identify(&gateway(vec![trusting(&signer)]), &signer.token(&with(changes)), NOW)
}

fn refused(changes: Value) -> JwtRefusal {
    match judged(changes.clone()) {
        Err(AuthnError::Jwt(refusal)) => refusal,
        other => panic!("{changes}: {other:?}"),
    }
}

fn is_malformed(result: &Result<Identity, AuthnError>) -> bool {
    matches!(result, Err(AuthnError::Malformed(_)))
}
