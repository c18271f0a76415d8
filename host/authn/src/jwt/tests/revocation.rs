//! Answers that go on, or end, when the configuration changes.

use super::*;
use crate::Identity;

fn proven(issuer: JwtIssuer, token: &str) -> Identity {
    identify(&gateway(vec![issuer]), token, NOW).unwrap()
}

fn admitting(signer: &Signer) -> JwtIssuer {
    let mapping = JwtMapping { admits_unknown_users: true, ..JwtMapping::default() };
    JwtIssuer { mapping, ..trusting(signer) }
}

fn still_valid(identity: &Identity, issuers: Vec<JwtIssuer>) -> bool {
    gateway(issuers).is_still_valid(identity, NOW)
}

#[test]
fn what_still_proves_the_same_user_is_upheld() {
    for signer in [Signer::ed25519(), Signer::p256(), Signer::Hs256(SECRET)] {
        let identity = proven(trusting(&signer), &signer.token(&claims()));
        let renamed = JwtIssuer { id: CredentialId::new("other").unwrap(), ..trusting(&signer) };
        assert!(still_valid(&identity, vec![renamed]), "it is the same issuer");
        let rules = JwtRules { max_lifetime: Duration::from_secs(1), ..JwtRules::default() };
        assert!(still_valid(&identity, vec![JwtIssuer { rules, ..trusting(&signer) }]));
        let late = gateway(vec![trusting(&signer)]).is_still_valid(&identity, later(1000));
        assert!(late, "its end was known");
    }
    let (old, new) = (Signer::ed25519(), Signer::p256());
    let identity = proven(trusting(&old), &old.token(&claims()));
    let both = [new.jwk(json!({ "kid": "new" })), old.jwk(json!({ "kid": "old" }))];
    assert!(still_valid(&identity, vec![issuer(JwtKeys::fixed(set(&both).unwrap()))]));
}

#[test]
fn it_ends_with_the_issuer_the_key_or_the_audience() {
    let (signer, other) = (Signer::ed25519(), Signer::ed25519());
    let identity = proven(trusting(&signer), &signer.token(&claims()));
    let elsewhere = JwtIssuer {
        id: CredentialId::new("other").unwrap(),
        issuer: "https://other.example".to_owned(),
        ..trusting(&signer)
    };
    let audience = |name: &str| JwtIssuer { audiences: vec![name.to_owned()], ..trusting(&signer) };
    assert!(still_valid(&identity, vec![elsewhere.clone(), trusting(&signer)]));
    assert!(still_valid(&identity, vec![audience("ollama")]));
    for gone in [
        vec![],
        vec![elsewhere],
        vec![trusting(&other)],
        vec![trusting(&Signer::Hs256(SECRET))],
        vec![issuer(JwtKeys::fetched(|| ()))],
        vec![audience("https://gateway.example")],
    ] {
        assert!(!still_valid(&identity, gone.clone()), "{gone:?}");
    }
    let secret = Signer::Hs256(SECRET);
    let identity = proven(trusting(&secret), &secret.token(&claims()));
    assert!(!still_valid(
        &identity,
        vec![trusting(&Signer::Hs256(b"another secret of thirty-two bytes"))]
    ));
}

/// The set of an issuer is the same one for all generations, and changes between them.
#[test]
fn keys_that_are_fetched_count_as_they_are_then() {
    let (old, new) = (Signer::ed25519(), Signer::ed25519());
    let fetched = issuer(JwtKeys::fetched(|| ()));
    fetched.keys.replace(of(&old));
    let identity = proven(fetched.clone(), &old.token(&claims()));
    assert!(still_valid(&identity, vec![fetched.clone()]));
    fetched.keys.replace(of(&new));
    assert!(!still_valid(&identity, vec![fetched]));
}

#[test]
fn it_ends_with_its_user() {
    let signer = Signer::ed25519();
    let after = |user: Option<User>, issuer: JwtIssuer| {
        let users = user.into_iter().collect();
        let credentials =
            Credentials { users, jwt_issuers: vec![issuer], ..Credentials::default() };
        Authenticator::new(credentials).unwrap()
    };
    let alice = || User::new(UserId::new("alice").unwrap());
    let identity = proven(trusting(&signer), &signer.token(&claims()));
    assert!(after(Some(alice()), trusting(&signer)).is_still_valid(&identity, NOW));
    let disabled = || User { disabled: true, ..alice() };
    for issuer in [trusting(&signer), admitting(&signer)] {
        assert!(!after(Some(disabled()), issuer).is_still_valid(&identity, NOW));
    }
    assert!(!after(None, trusting(&signer)).is_still_valid(&identity, NOW));
    assert!(
        after(None, admitting(&signer)).is_still_valid(&identity, NOW),
        "everybody is admitted"
    );
}

#[test]
fn a_user_whom_the_issuer_brought_stays_as_long_as_it_may_bring_users() {
    let signer = Signer::ed25519();
    let identity = proven(admitting(&signer), &signer.token(&with(json!({ "sub": "carol" }))));
    assert_eq!(identity.principal.user.as_str(), "carol");
    assert!(still_valid(&identity, vec![admitting(&signer)]));
    assert!(!still_valid(&identity, vec![trusting(&signer)]));
    // The same token would prove somebody else.
    let named = |user: &str, prefix: &str| {
        let issuer = admitting(&signer);
        let mapping = JwtMapping {
            user: user.parse().unwrap(),
            user_prefix: prefix.to_owned(),
            ..issuer.mapping
        };
        JwtIssuer { mapping, ..issuer }
    };
    assert!(still_valid(&identity, vec![named("sub", "")]));
    assert!(!still_valid(&identity, vec![named("sub", "sso:")]));
    assert!(!still_valid(&identity, vec![named("email", "")]));
}

/// Fingerprints of keys, and of secrets, show nothing.
#[test]
fn what_is_kept_tells_no_secret() {
    let signer = Signer::Hs256(SECRET);
    let shown = format!("{:?}", proven(trusting(&signer), &signer.token(&claims())));
    assert!(shown.contains("KeyFingerprint(…)"), "{shown}");
}

#[test]
fn only_a_wrong_signature_is_a_guess() {
    let name = || CredentialId::new("sso").unwrap();
    assert!(AuthnError::from(JwtRefusal::Signature(name())).is_guess());
    for refusal in [
        JwtRefusal::UnknownIssuer(String::new()),
        JwtRefusal::NoKeys(name()),
        JwtRefusal::UnknownKey { issuer: name(), wanted: String::new() },
        JwtRefusal::Audience { credential: name(), wrong: String::new() },
        JwtRefusal::Expired(name()),
        JwtRefusal::NotYet(name()),
        JwtRefusal::TooLongLived(name()),
        JwtRefusal::claim(&name(), "sub"),
    ] {
        assert!(!AuthnError::from(refusal.clone()).is_guess(), "{refusal}");
    }
}
