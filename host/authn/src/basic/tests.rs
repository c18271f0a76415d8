use super::*;
use crate::{ApiKey, Authenticator, Constraints, Credentials, KeyText, Presented, Step, User};
use stockade_core::{CredentialId, Principal};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const RIGHT: &str = "correct horse: battery";

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn authenticator(key: &KeyText) -> Authenticator {
    let hash = Arc::new(PasswordHash::of(&secret(RIGHT)).unwrap());
    let password = |name| Password { user: user(name), hash: Arc::clone(&hash) };
    let key = ApiKey {
        id: CredentialId::new("laptop").unwrap(),
        user: user("bob"),
        digest: key.digest(),
        terms: Constraints::default().into(),
    };
    let mallory = User { disabled: true, ..User::new(user("mallory")) };
    Authenticator::new(Credentials {
        users: vec![User::new(user("alice")), User::new(user("bob")), mallory],
        api_keys: vec![key],
        passwords: vec![password("alice"), password("mallory")],
        ..Credentials::default()
    })
    .unwrap()
}

fn basic(name: &str, password: &str) -> http::HeaderMap {
    let encoded = STANDARD.encode(format!("{name}:{password}"));
    let mut headers = http::HeaderMap::new();
    headers.insert("authorization", format!("Basic {encoded}").parse().unwrap());
    headers
}

fn ask(known: &Authenticator, name: &str, password: &str) -> Result<Principal, AuthnError> {
    let headers = basic(name, password);
    let presented = Presented::from_headers(&headers, None)?;
    known.identify(&presented, NOW).map(|identity| identity.principal)
}

fn must_compute(known: &Authenticator, name: &str, password: &str) -> bool {
    let headers = basic(name, password);
    let presented = Presented::from_headers(&headers, None).unwrap();
    matches!(known.begin(&presented, NOW), Ok(Step::Check(_)))
}

#[test]
fn a_right_password_is_computed_once() {
    let known = authenticator(&KeyText::generate());
    assert!(must_compute(&known, "alice", RIGHT));
    let principal = ask(&known, "alice", RIGHT).unwrap();
    assert_eq!((principal.user.as_str(), principal.proof), ("alice", ProofKind::Basic));
    assert!(!must_compute(&known, "alice", RIGHT));
    assert!(must_compute(&known, "alice", "another password"));
    assert!(must_compute(&known, "mallory", RIGHT));
}

#[test]
fn unknown_disabled_and_wrong_are_the_same_and_cost_the_same() {
    let known = authenticator(&KeyText::generate());
    for (name, password) in
        [("alice", "wrong password"), ("nobody", RIGHT), ("bob", RIGHT), ("mallory", RIGHT)]
    {
        assert!(must_compute(&known, name, password), "{name}");
        assert_eq!(ask(&known, name, password), Err(AuthnError::Unknown), "{name}");
        assert!(must_compute(&known, name, password), "{name} is not remembered");
    }
}

#[test]
fn an_api_key_is_a_password_of_its_user_and_of_nobody_else() {
    let key = KeyText::generate();
    let known = authenticator(&key);
    assert!(!must_compute(&known, "bob", key.expose()));
    let principal = ask(&known, "bob", key.expose()).unwrap();
    assert_eq!(principal.proof, ProofKind::Basic);
    assert_eq!(principal.credential.unwrap().as_str(), "laptop");
    assert_eq!(ask(&known, "alice", key.expose()), Err(AuthnError::Unknown));
}

#[test]
fn what_is_not_name_and_password_is_malformed() {
    for encoded in ["", "!", "YWxpY2U", "YWxpY2U=", "/zo=", "YTpiCg=="] {
        assert!(
            matches!(PresentedBasic::read(encoded), Err(AuthnError::Malformed(_))),
            "{encoded}"
        );
    }
    let read = PresentedBasic::read("YTpiOmM=").unwrap();
    assert_eq!((read.user(), read.password.expose().as_str()), ("a", "b:c"));
}

#[test]
fn hashes_of_other_kinds_and_costs_are_refused() {
    let good = PasswordHash::of(&secret(RIGHT)).unwrap().to_string();
    assert!(good.parse::<PasswordHash>().is_ok());
    let refused = |text: &str| text.parse::<PasswordHash>().unwrap_err();
    for bad in [RIGHT, "", &good.replace("argon2id", "argon2i"), &good.replace("v=19", "v=16")] {
        assert_eq!(refused(bad), InvalidPasswordHash::Form, "{bad}");
    }
    assert_eq!(refused(&good.replace("m=19456", "m=64")), InvalidPasswordHash::Cheap);
    assert_eq!(refused(&good.replace("m=19456", "m=999999")), InvalidPasswordHash::Dear);
    assert_eq!(refused(&good.replace("t=2", "t=99")), InvalidPasswordHash::Dear);
    assert_eq!(PasswordHash::of(&secret("short")).unwrap_err(), WeakPassword::Short);
    assert_eq!(PasswordHash::of(&secret("with a line end\n")).unwrap_err(), WeakPassword::Control);
}

#[test]
fn one_memory_serves_many_checks() {
    let (right, wrong) = (secret(RIGHT), secret("wrong horse"));
    let hash = PasswordHash::of(&right).unwrap();
    let mut memory = PasswordMemory::default();
    assert_eq!(memory.bytes(), 0);
    assert!(hash.verify(&right, &mut memory));
    let bytes = memory.bytes();
    assert_eq!(bytes, 19 << 20);
    // What another check left in it changes nothing.
    for (password, good) in [(&wrong, false), (&right, true), (&wrong, false)] {
        assert_eq!(hash.verify(password, &mut memory), good);
    }
    let dear = "$argon2id$v=19$m=32768,t=1,p=2$c2FsdHNhbHRzYWx0$BcVrWXgwUXxIxKkAJ6KDJFEnRXlOvb3Qx8vTXUQOqXM";
    assert!(!dear.parse::<PasswordHash>().unwrap().verify(&right, &mut memory));
    assert_eq!(memory.bytes(), 32 << 20);
    assert!(hash.verify(&right, &mut memory), "a larger memory serves too");
    assert_eq!(memory.bytes(), 32 << 20);
}

#[test]
fn hashes_of_other_lengths_and_lanes_are_verified() {
    let mut memory = PasswordMemory::default();
    for (length, lanes) in [(16, 1), (24, 2), (64, 4)] {
        let params = argon2::Params::new(8 << 10, 2, lanes, Some(length)).unwrap();
        let argon2 = argon2::Argon2::from(params);
        let hash = argon2::password_hash::PasswordHasher::hash_password_with_salt(
            &argon2,
            RIGHT.as_bytes(),
            b"saltsalt",
        );
        let hash: PasswordHash = hash.unwrap().to_string().parse().unwrap();
        assert!(hash.verify(&secret(RIGHT), &mut memory), "{hash}");
        assert!(!hash.verify(&secret("correct horse: batterz"), &mut memory), "{hash}");
    }
}
