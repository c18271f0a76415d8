//! Sets of keys, and how they change.

use super::*;

fn kid(name: &str) -> Value {
    json!({ "kid": name, "use": "sig" })
}

fn token(signer: &Signer, kid: Option<&str>) -> String {
    let mut header = json!({ "alg": signer.alg() });
    if let Some(kid) = kid {
        header["kid"] = json!(kid);
    }
    signer.token_with(&header, &claims())
}

#[test]
fn the_kid_says_which_key_it_is() {
    let (one, other, third) = (Signer::ed25519(), Signer::ed25519(), Signer::p256());
    let keys = set(&[one.jwk(kid("one")), other.jwk(kid("other")), third.jwk(kid("one"))]);
    let gateway = gateway(vec![issuer(JwtKeys::fixed(keys.unwrap()))]);
    let identity = identify(&gateway, &token(&other, Some("other")), NOW).unwrap();
    assert_eq!(identity.principal.credential.unwrap().as_str(), "sso/other");
    // The same name for another algorithm is another key.
    assert!(identify(&gateway, &token(&third, Some("one")), NOW).is_ok());
    // There is one key only that this may mean.
    assert!(identify(&gateway, &token(&third, None), NOW).is_ok());
    for (signer, kid) in
        [(&one, None), (&one, Some("other")), (&one, Some("unheard of")), (&third, Some("other"))]
    {
        assert!(identify(&gateway, &token(signer, kid), NOW).is_err(), "{kid:?}");
    }
}

#[test]
fn a_key_without_a_name_takes_any() {
    let signer = Signer::ed25519();
    let gateway = gateway(vec![trusting(&signer)]);
    for kid in [None, Some("2026-11")] {
        assert!(identify(&gateway, &token(&signer, kid), NOW).is_ok());
    }
}

#[test]
fn two_keys_of_one_name_are_refused() {
    let (one, other) = (Signer::ed25519(), Signer::ed25519());
    let refusal = set(&[one.jwk(kid("k")), other.jwk(kid("k"))]).unwrap_err();
    assert_eq!(refusal, InvalidJwtKey::RepeatedKid("k".to_owned()));
}

#[test]
fn the_same_key_may_stand_there_twice() {
    let signer = Signer::ed25519();
    for kid in [json!({ "kid": "k" }), json!({})] {
        let keys = set(&[signer.jwk(kid.clone()), signer.jwk(kid)]).unwrap();
        let gateway = gateway(vec![issuer(JwtKeys::fixed(keys))]);
        for kid in [None, Some("k")] {
            assert!(identify(&gateway, &token(&signer, kid), NOW).is_ok(), "{kid:?}");
        }
    }
}

#[test]
fn keys_for_something_else_are_left_out() {
    let signer = Signer::ed25519();
    let good = signer.jwk(kid("good"));
    let others = [
        signer.jwk(json!({ "kid": "enc", "use": "enc" })),
        signer.jwk(json!({ "kid": "ops", "key_ops": ["encrypt"] })),
        signer.jwk(json!({ "kid": "alg", "alg": "ES256" })),
        signer.jwk(json!({ "kid": "crv", "crv": "X25519" })),
        signer.jwk(json!({ "kid": "short", "x": "AAAA" })),
        signer.jwk(json!({ "kid": "with space" })),
        json!({ "kid": "rsa", "kty": "RSA", "n": base64url([0xff; 128]), "e": "AQAB" }),
        json!({ "kid": "three", "kty": "RSA", "n": base64url([0xff; 256]), "e": "AQ" }),
        json!({ "kid": "new", "kty": "AKP", "pub": "AAAA" }),
    ];
    for other in others {
        let both = set(&[other.clone(), good.clone()]).unwrap();
        assert_eq!(both.kids().collect::<Vec<_>>(), ["good"], "{other}");
        assert!(set(std::slice::from_ref(&other)).is_err(), "{other}");
    }
    assert_eq!(set(&[]).unwrap_err(), InvalidJwtKey::NoKeys);
}

#[test]
fn a_set_with_a_secret_or_two_meanings_is_refused() {
    let signer = Signer::ed25519();
    let good = signer.jwk(kid("good"));
    for secret in [
        json!({ "kid": "s", "kty": "oct", "k": base64url(SECRET) }),
        signer.jwk(json!({ "kid": "private", "d": base64url([7; 32]) })),
    ] {
        let refusal = set(&[good.clone(), secret]).unwrap_err();
        assert_eq!(refusal, InvalidJwtKey::SecretInSet(2));
    }
    let many: Vec<_> = (0..101).map(|number| signer.jwk(kid(&number.to_string()))).collect();
    assert_eq!(set(&many).unwrap_err(), InvalidJwtKey::TooManyKeys);
    let twice = format!(r#"{{"keys":[],"keys":[{good}]}}"#);
    for bad in [&twice, "", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[7]}"#] {
        let refusal = KeySet::from_jwks(bad.as_bytes()).unwrap_err();
        assert!(matches!(refusal, InvalidJwtKey::Json(_)), "{bad}: {refusal}");
    }
    assert!(KeySet::from_jwks(good.to_string().as_bytes()).is_ok(), "one key alone");
}

#[test]
fn public_keys_are_read_from_pem() {
    let pem = |kind: &str, key: &[u8]| {
        let body = base64::engine::general_purpose::STANDARD.encode(key);
        format!("-----BEGIN {kind}-----\n{body}\n-----END {kind}-----\n")
    };
    let (ed, ec) = (Signer::ed25519(), Signer::p256());
    let Signer::EdDsa(edwards_pair) = &ed else { unreachable!() };
    let Signer::Es256(p256_pair) = &ec else { unreachable!() };
    let edwards_der = [
        &b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"[..],
        edwards_pair.public_key().as_ref(),
    ];
    let p256_der = [
        &b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00"[..],
        p256_pair.public_key().as_ref(),
    ];
    let (edwards_pem, p256_pem) =
        (pem("PUBLIC KEY", &edwards_der.concat()), pem("PUBLIC KEY", &p256_der.concat()));
    for (signer, pem) in [(&ed, &edwards_pem), (&ec, &p256_pem)] {
        let keys = KeySet::from_pem(pem.as_bytes()).unwrap();
        let gateway = gateway(vec![issuer(JwtKeys::fixed(keys))]);
        assert!(identify(&gateway, &signer.token(&claims()), NOW).is_ok());
    }
    let both = format!("{edwards_pem}{p256_pem}");
    let cases = [
        (both, InvalidJwtKey::SeveralPublicKeys),
        (pem("PRIVATE KEY", &edwards_der.concat()), InvalidJwtKey::NoPublicKey),
        (pem("PUBLIC KEY", b"\x30\x03\x02\x01\x07"), InvalidJwtKey::Kind),
        (pem("PUBLIC KEY", &edwards_der.concat()[..20]), InvalidJwtKey::Kind),
        (String::new(), InvalidJwtKey::NoPublicKey),
    ];
    for (pem, expected) in cases {
        assert_eq!(KeySet::from_pem(pem.as_bytes()).unwrap_err(), expected, "{pem}");
    }
}

#[test]
fn secrets_are_long_enough() {
    let read = |length| KeySet::from_secret(&Secret::new(vec![b'x'; length]));
    assert_eq!(read(31).unwrap_err(), InvalidJwtKey::ShortSecret(31));
    assert!(read(32).is_ok());
}

#[test]
fn keys_that_are_not_there_are_asked_for() {
    let signer = Signer::ed25519();
    let asked = Arc::new(std::sync::Mutex::new(Cell::new(0)));
    let count = Arc::clone(&asked);
    let keys = JwtKeys::fetched(move || {
        let count = count.lock().unwrap();
        count.set(count.get() + 1);
    });
    let asked = || asked.lock().unwrap().get();
    let issuer = issuer(keys);
    let keys = Arc::clone(&issuer.keys);
    let gateway = gateway(vec![issuer]);
    let judged = |kid| identify(&gateway, &token(&signer, Some(kid)), NOW);
    let refusal = judged("one").unwrap_err();
    assert_eq!(refusal.status(), http::StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(asked(), 1);
    keys.replace(set(&[signer.jwk(kid("one"))]).unwrap());
    assert!(judged("one").is_ok());
    assert_eq!(asked(), 1, "a known key is nothing to ask for");
    assert_eq!(judged("two").unwrap_err().status(), http::StatusCode::UNAUTHORIZED);
    assert_eq!(asked(), 2);
    // A wrong signature is no reason to ask the issuer.
    let forged = token(&Signer::ed25519(), Some("one"));
    assert!(judged("one").is_ok() && identify(&gateway, &forged, NOW).is_err());
    assert_eq!(asked(), 2);
}

#[test]
fn what_is_remembered_ends_with_the_keys_and_with_the_token() {
    let (old, new) = (Signer::ed25519(), Signer::ed25519());
    let issuer = issuer(JwtKeys::fetched(|| ()));
    let keys = Arc::clone(&issuer.keys);
    let gateway = gateway(vec![issuer]);
    keys.replace(set(&[old.jwk(kid("k"))]).unwrap());
    let token = token(&old, Some("k"));
    for _ in 0..2 {
        assert!(identify(&gateway, &token, NOW).is_ok());
    }
    let expired = identify(&gateway, &token, later(660)).unwrap_err();
    assert!(matches!(expired, AuthnError::Jwt(JwtRefusal::Expired(_))), "{expired}");
    assert!(identify(&gateway, &token, later(659)).is_ok());
    keys.replace(set(&[new.jwk(kid("k"))]).unwrap());
    assert!(identify(&gateway, &token, NOW).is_err());
    assert!(identify(&gateway, &self::token(&new, Some("k")), NOW).is_ok());
}

#[test]
fn what_is_remembered_is_bounded() {
    let signer = Signer::Hs256(SECRET);
    let memory = Memory::default();
    let issuers = [trusting(&signer)];
    let (users, _) = Directory::new(users());
    let token = signer.token(&claims());
    let presented = PresentedJwt::read(&token).unwrap();
    let verified = Jwts::new(issuers.to_vec()).0.verify(&presented, NOW, &users).unwrap();
    for number in 0_u64..25_000 {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&number.to_be_bytes());
        let verified = verified.clone();
        let what = Remembered { issuer: 0, version: Some(0), verified };
        memory.remember(digest, what, later(7200), NOW);
        assert!(memory.recall(&digest, NOW, &issuers).is_some());
        assert!(memory.recall(&digest, later(300), &issuers).is_none(), "five minutes at most");
    }
    let shown = format!("{memory:?}");
    let size = shown.strip_prefix("Memory(").and_then(|rest| rest.strip_suffix(')')).unwrap();
    assert!((7_500..=10_000).contains(&size.parse::<usize>().unwrap()), "{shown}");
}

#[test]
fn two_issuers_of_one_name_conflict() {
    let signer = Signer::ed25519();
    let other = JwtIssuer { id: CredentialId::new("other").unwrap(), ..trusting(&signer) };
    let credentials =
        Credentials { jwt_issuers: vec![trusting(&signer), other], ..Credentials::default() };
    assert!(Authenticator::new(credentials).is_err());
}

#[test]
fn nothing_shows_a_secret() {
    let issuer = trusting(&Signer::Hs256(SECRET));
    let shown = format!("{issuer:?} {:?}", gateway(vec![issuer.clone()]));
    assert!(shown.contains("KeySet { keys: 1") && !shown.contains("shared"), "{shown}");
}
