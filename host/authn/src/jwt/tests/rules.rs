//! Rules for the form and the claims of a token.

use super::*;
use crate::CannotIssue;

#[test]
fn each_algorithm_proves_its_user() {
    for signer in [Signer::ed25519(), Signer::p256(), Signer::Hs256(SECRET)] {
        let identity = identify(&gateway(vec![trusting(&signer)]), &signer.token(&claims()), NOW);
        let identity = identity.unwrap();
        assert_eq!(identity.principal.user.as_str(), "alice");
        assert_eq!(identity.principal.proof, ProofKind::Jwt);
        assert_eq!(identity.principal.credential.unwrap().as_str(), "sso");
        assert_eq!(identity.principal.groups[0].as_str(), "research");
        assert_eq!(identity.terms.expires, Some(later(600)));
    }
}

#[test]
fn the_key_says_which_algorithm_it_verifies() {
    let (ed, ec) = (Signer::ed25519(), Signer::p256());
    let gateway = gateway(vec![trusting(&ed)]);
    // Signed by the right key, and by a key of another kind, under every name.
    for signer in [&ed, &ec, &Signer::Hs256(SECRET)] {
        for alg in ["ES256", "HS256", "RS256"] {
            let token = signer.token_with(&json!({ "alg": alg }), &claims());
            let refusal = identify(&gateway, &token, NOW).unwrap_err();
            let told = refusal.to_string();
            assert!(matches!(refusal, AuthnError::Jwt(JwtRefusal::UnknownKey { .. })), "{told}");
            assert!(told.contains(alg), "{told}");
        }
    }
    for alg in ["none", "None", "NONE", "", "eddsa", "HS512", "PS256", "ES256K"] {
        let token = ed.token_with(&json!({ "alg": alg }), &claims());
        assert!(is_malformed(&identify(&gateway, &token, NOW)), "{alg}");
        let (unsigned, _) = token.rsplit_once('.').unwrap();
        assert!(is_malformed(&identify(&gateway, &format!("{unsigned}."), NOW)), "{alg}");
    }
    let unsigned = ed.token(&claims()).rsplit_once('.').unwrap().0.to_owned() + ".";
    assert!(matches!(
        identify(&gateway, &unsigned, NOW),
        Err(AuthnError::Jwt(JwtRefusal::Signature(_)))
    ));
}

/// The classic: the public key, which everybody knows, taken for an HMAC secret.
#[test]
fn a_public_key_is_no_secret() {
    let signer = Signer::ed25519();
    let Signer::EdDsa(pair) = &signer else { unreachable!() };
    let public: &'static [u8] = pair.public_key().as_ref().to_vec().leak();
    let forged = Signer::Hs256(public).token(&claims());
    let refusal = identify(&gateway(vec![trusting(&signer)]), &forged, NOW).unwrap_err();
    assert!(matches!(refusal, AuthnError::Jwt(JwtRefusal::UnknownKey { .. })), "{refusal}");
    let pem = b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n";
    let read = KeySet::from_secret(&Secret::new(pem.to_vec()));
    assert_eq!(read.unwrap_err(), InvalidJwtKey::KeyAsSecret);
}

#[test]
fn another_key_of_the_same_kind_signs_nothing() {
    for (ours, theirs) in [
        (Signer::ed25519(), Signer::ed25519()),
        (Signer::p256(), Signer::p256()),
        (Signer::Hs256(SECRET), Signer::Hs256(b"another shared secret of 32 bytes or so")),
    ] {
        let refusal = identify(&gateway(vec![trusting(&ours)]), &theirs.token(&claims()), NOW);
        assert!(matches!(refusal, Err(AuthnError::Jwt(JwtRefusal::Signature(_)))), "{refusal:?}");
    }
}

#[test]
fn nothing_of_a_token_can_be_changed() {
    let signer = Signer::ed25519();
    let gateway = gateway(vec![trusting(&signer)]);
    let token = signer.token(&claims());
    assert!(identify(&gateway, &token, NOW).is_ok());
    for at in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(identify(&gateway, &changed, NOW).is_err(), "{at}");
    }
}

#[test]
fn time_counts_with_what_clocks_may_differ() {
    let refused = |changes| refused(changes).to_string();
    assert!(judged(json!({ "exp": at(-59) })).is_ok());
    assert!(refused(json!({ "exp": at(-60) })).contains("expired"));
    assert!(judged(json!({ "exp": 1_799_999_940.5 })).is_ok());
    assert!(judged(json!({ "nbf": at(60) })).is_ok());
    assert!(refused(json!({ "nbf": at(61) })).contains("not valid yet"));
    assert!(judged(json!({ "exp": at(24 * 3600 + 60) })).is_ok());
    assert!(refused(json!({ "exp": at(24 * 3600 + 61) })).contains("max_lifetime"));
    assert!(refused(json!({ "exp": u64::MAX })).contains("max_lifetime"));
}

#[test]
fn what_is_needed_is_there_and_of_its_type() {
    for (name, bad) in [
        ("exp", vec![json!(null), json!("1900000000"), json!(-1), json!(1e300), json!([1])]),
        ("nbf", vec![json!("1"), json!(-1), json!(true)]),
        ("sub", vec![json!(null), json!(""), json!(7), json!(["alice"])]),
    ] {
        for value in bad {
            let refusal = refused(json!({ name: value }));
            let JwtRefusal::Claim { claim, .. } = &refusal else { panic!("{name} {refusal}") };
            assert_eq!(claim, name);
        }
    }
}

#[test]
fn issuer_and_audience_are_the_configured_ones() {
    for iss in [json!(null), json!("https://sso.example/"), json!(["https://sso.example"])] {
        assert!(matches!(refused(json!({ "iss": iss })), JwtRefusal::UnknownIssuer(_)), "{iss}");
    }
    for aud in
        [json!(null), json!(""), json!("Ollama"), json!([]), json!(["x"]), json!({"ollama": 1})]
    {
        assert!(matches!(refused(json!({ "aud": aud })), JwtRefusal::Audience { .. }), "{aud}");
    }
    for aud in [json!("https://gateway.example"), json!(["x", "ollama"])] {
        assert!(judged(json!({ "aud": aud })).is_ok());
    }
}

#[test]
fn several_issuers_do_not_speak_for_one_another() {
    let (one, other) = (Signer::ed25519(), Signer::ed25519());
    let second = JwtIssuer {
        id: CredentialId::new("ci").unwrap(),
        issuer: "https://ci.example".to_owned(),
        ..trusting(&other)
    };
    let gateway = gateway(vec![trusting(&one), second]);
    let of_ci = with(json!({ "iss": "https://ci.example" }));
    assert!(identify(&gateway, &one.token(&claims()), NOW).is_ok());
    let identity = identify(&gateway, &other.token(&of_ci), NOW).unwrap();
    assert_eq!(identity.principal.credential.unwrap().as_str(), "ci");
    assert!(identify(&gateway, &one.token(&of_ci), NOW).is_err());
    assert!(identify(&gateway, &other.token(&claims()), NOW).is_err());
}

#[test]
fn a_header_has_one_meaning() {
    let signer = Signer::ed25519();
    let gateway = gateway(vec![trusting(&signer)]);
    let judged =
        |header: &str| identify(&gateway, &signer.signed(header, &claims().to_string()), NOW);
    for good in [
        r#"{"alg":"EdDSA"}"#,
        r#"{"alg":"Ed25519","typ":"at+jwt"}"#,
        r#"{"alg":"EdDSA","typ":"application/AT+JWT","x":{"y":[null]}}"#,
        // Keys that it brings along count for nothing.
        r#"{"alg":"EdDSA","jwk":{"kty":"oct","k":"AAAA"},"jku":"https://evil.example"}"#,
    ] {
        assert!(judged(good).is_ok(), "{good}");
    }
    for bad in [
        r#"{"typ":"JWT"}"#,
        r#"{"alg":null}"#,
        r#"{"alg":["EdDSA"]}"#,
        r#"{"alg":"EdDSA","alg":"EdDSA"}"#,
        r#"{"alg":"EdDSA","x":{"y":1,"y":2}}"#,
        r#"{"alg":"EdDSA","crit":["exp"],"exp":1}"#,
        r#"{"alg":"EdDSA","crit":[]}"#,
        r#"{"alg":"EdDSA","crit":null}"#,
        r#"{"alg":"EdDSA","typ":"dpop+jwt"}"#,
        r#"{"alg":"EdDSA","typ":7}"#,
        r#"{"alg":"EdDSA","kid":7}"#,
        r#"{"alg":"EdDSA"} x"#,
    ] {
        assert!(is_malformed(&judged(bad)), "{bad}");
    }
    let repeated = format!("{},\"sub\":\"bob\"}}", claims().to_string().trim_end_matches('}'));
    let token = signer.signed(r#"{"alg":"EdDSA"}"#, &repeated);
    assert!(is_malformed(&identify(&gateway, &token, NOW)), "claims too");
}

#[test]
fn the_form_is_that_of_a_signed_token() {
    let signer = Signer::ed25519();
    let gateway = gateway(vec![trusting(&signer)]);
    let token = signer.token(&claims());
    for bad in [format!("{token}.x"), format!("{token}=="), format!("{token}.."), "ey..".to_owned()]
    {
        let refusal = identify(&gateway, &bad, NOW);
        assert!(refusal.is_err(), "{bad}");
    }
    let longest = signer.token(&with(json!({ "x": "y".repeat(23 * 1024) })));
    assert!(longest.len() > 30 * 1024 && identify(&gateway, &longest, NOW).is_ok());
    let longest = signer.token(&with(json!({ "x": "y".repeat(25 * 1024) })));
    assert!(is_malformed(&identify(&gateway, &longest, NOW)), "32 KiB at most");
}

#[test]
fn users_are_those_of_the_configuration() {
    let signer = Signer::ed25519();
    let gone = judged(json!({ "sub": "carol" })).unwrap_err();
    assert!(matches!(gone, AuthnError::Jwt(JwtRefusal::UnlistedUser { .. })), "{gone}");
    assert_eq!(gone.public_message(), AuthnError::Unknown.public_message());
    assert!(matches!(judged(json!({ "sub": "mallory" })), Err(AuthnError::Disabled(_))));
    let mut open = trusting(&signer);
    open.mapping.admits_unknown_users = true;
    open.mapping.attributes = vec![
        ("mail".to_owned(), "email".parse().unwrap()),
        ("team".to_owned(), "team".parse().unwrap()),
        ("level".to_owned(), "level".parse().unwrap()),
        ("none".to_owned(), "address".parse().unwrap()),
    ];
    let gateway = gateway(vec![open]);
    let judged = |changes| identify(&gateway, &signer.token(&with(changes)), NOW);
    let more =
        json!({ "sub": "carol", "email": "c@example", "team": "red", "level": 3, "address": {} });
    let carol = judged(more.clone()).unwrap().principal;
    let attribute = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let told = [attribute("level", "3"), attribute("mail", "c@example"), attribute("team", "red")];
    assert_eq!((carol.user.as_str(), carol.groups.len()), ("carol", 0));
    assert_eq!(carol.attributes[..], told);
    // What the configuration says of a user counts more.
    let mut more = more;
    more["sub"] = json!("alice");
    let alice = judged(more).unwrap().principal;
    assert!(alice.attributes.contains(&attribute("team", "blue")));
    assert_eq!(alice.attributes.len(), 3);
    assert!(matches!(judged(json!({ "sub": "mallory" })), Err(AuthnError::Disabled(_))));
    for name in [" carol", "c\nd", &"x".repeat(300)] {
        let refusal = judged(json!({ "sub": name }));
        assert!(matches!(refusal, Err(AuthnError::Jwt(JwtRefusal::Claim { .. }))), "{name:?}");
    }
}

#[test]
fn claims_are_found_by_name_and_by_path() {
    let signer = Signer::ed25519();
    let mut issuer = trusting(&signer);
    let group = |name: &str| GroupName::new(name).unwrap();
    let names = [("admins".to_owned(), group("ops")), ("research".to_owned(), group("research"))];
    let names: HashMap<_, _> = names.into_iter().collect();
    issuer.mapping.user = "https://sso.example/user.name".parse().unwrap();
    issuer.mapping.user_prefix = "sso:".to_owned();
    issuer.mapping.groups = Some(("realm_access.roles".parse().unwrap(), names));
    let gateway = gateway(vec![issuer]);
    let groups = |roles: Value| {
        let claims = json!({
            "sub": "bob",
            "https://sso.example/user": { "name": "alice" },
            "realm_access": { "roles": roles },
        });
        identify(&gateway, &signer.token(&with(claims)), NOW).map(|identity| {
            assert_eq!(identity.principal.user.as_str(), "sso:alice");
            let groups = identity.principal.groups.iter();
            groups.map(|group| group.as_str().to_owned()).collect::<Vec<_>>().join(" ")
        })
    };
    assert_eq!(groups(json!(["research", "admins", "others"])).unwrap(), "ops research");
    assert_eq!(groups(json!("admins")).unwrap(), "ops");
    assert_eq!(groups(json!(null)).unwrap(), "");
    for bad in [json!([1]), json!({ "admins": true }), json!(["admins", null])] {
        assert!(groups(bad).is_err());
    }
    for bad in ["", ".sub", "sub."] {
        assert!(bad.parse::<ClaimPath>().is_err());
    }
}

#[test]
fn no_token_is_made_of_a_jwt() {
    let signer = Signer::ed25519();
    let secret = Secret::new(b"sixteen bytes!!!".to_vec());
    let id = CredentialId::new("main").unwrap();
    let gateway = Authenticator::new(Credentials {
        users: vec![User::new(UserId::new("alice").unwrap())],
        token_secrets: vec![crate::TokenSecret::new(id, &secret).unwrap()],
        jwt_issuers: vec![trusting(&signer)],
        ..Credentials::default()
    })
    .unwrap();
    let identity = identify(&gateway, &signer.token(&claims()), NOW).unwrap();
    let issued = gateway.issue(&identity, None, NOW);
    assert_eq!(issued.err(), Some(CannotIssue::Jwt));
}

#[test]
fn what_is_wrong_is_told_to_who_has_a_signed_token_only() {
    let message = |refusal: JwtRefusal| AuthnError::from(refusal).public_message();
    let unknown = AuthnError::Unknown.public_message();
    let id = || CredentialId::new("sso").unwrap();
    for before in [
        JwtRefusal::UnknownIssuer(String::new()),
        JwtRefusal::UnknownKey { issuer: id(), wanted: String::new() },
        JwtRefusal::Signature(id()),
    ] {
        assert_eq!(message(before), unknown);
    }
    assert_ne!(message(JwtRefusal::Expired(id())), unknown);
    let signer = Signer::ed25519();
    let expired = Signer::ed25519().token(&with(json!({ "exp": 1 })));
    let refusal = identify(&gateway(vec![trusting(&signer)]), &expired, NOW).unwrap_err();
    assert_eq!(refusal.public_message(), unknown);
}
