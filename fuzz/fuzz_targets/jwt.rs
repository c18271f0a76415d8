//! JWTs: nothing that the issuer has not signed proves anybody, and what it has signed means
//! what an ordinary JSON reader takes it for. Sets of keys: no input is too strange.
#![no_main]

use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use sha2::Sha256;
use stockade_authn::{
    Authenticator, AuthnError, Credentials, Identity, ClaimPath, JwtIssuer, JwtKeys, JwtMapping, JwtRules,
    KeySet, Presented, User,
};
use stockade_core::{CredentialId, Secret, UnixTime, UserId};

const NOW: u64 = 1_800_000_000;
const SECRET: &[u8] = b"a secret of at least thirty-two bytes";

static GATEWAY: LazyLock<Authenticator> = LazyLock::new(|| {
    let keys = KeySet::from_secret(&Secret::new(SECRET.to_vec())).unwrap();
    let issuer = JwtIssuer {
        id: CredentialId::new("sso").unwrap(),
        issuer: "sso".to_owned(),
        audiences: vec!["ollama".to_owned()],
        audience_claim: ClaimPath::aud(),
        header: None,
        keys: Arc::new(JwtKeys::fixed(keys)),
        rules: JwtRules::default(),
        mapping: JwtMapping { admits_unknown_users: true, ..JwtMapping::default() },
    };
    Authenticator::new(Credentials {
        users: vec![User::new(UserId::new("alice").unwrap())],
        jwt_issuers: vec![issuer],
        ..Credentials::default()
    })
    .unwrap()
});

fn identify(text: &str) -> Result<Identity, AuthnError> {
    GATEWAY.identify(&Presented::from_secret(text)?, UnixTime::from_secs(NOW))
}

fn signed(header: &[u8], claims: &[u8]) -> String {
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).unwrap();
    mac.update(text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

fn check(header: &Value, claims: &Value, identity: &Identity) {
    assert_eq!(header["alg"], "HS256");
    assert!(header.get("crit").is_none());
    assert_eq!(claims["iss"], "sso");
    let aud = &claims["aud"];
    assert!(aud == "ollama" || aud.as_array().unwrap().iter().any(|one| one == "ollama"));
    assert!(claims["exp"].as_f64().unwrap() > (NOW - 60) as f64);
    assert_eq!(claims["sub"], identity.principal.user.as_str());
}

fuzz_target!(|data: &[u8]| {
    if let Ok(keys) = KeySet::from_jwks(data) {
        assert!(keys.len() > 0);
    }
    assert!(str::from_utf8(data).is_err() || identify(&String::from_utf8_lossy(data)).is_err());
    let Some(middle) = data.iter().position(|byte| *byte == b'\n') else {
        return;
    };
    let (header, claims) = (&data[..middle], &data[middle + 1..]);
    let token = signed(header, claims);
    let first = identify(&token);
    // What is remembered of it changes nothing.
    assert_eq!(first, identify(&token));
    if let Ok(identity) = first {
        let header = serde_json::from_slice(header).unwrap();
        check(&header, &serde_json::from_slice(claims).unwrap(), &identity);
    }
});
