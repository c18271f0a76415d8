//! Checks that a caller who was proven by one generation is still somebody by a later one.

use base64::Engine as _;
use http::HeaderMap;
use stockade_core::{CredentialId, Operation, Secret, UserId};

use super::super::*;
use crate::{
    ApiKey, CertificateName, ClientCertificate, Credentials, KeyDigest, OllamaKey, OllamaPublicKey,
    Password, PasswordHash, Presented, Scope, TokenSecret, User,
};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const KEY: &str = "sk-local-0000000000000000000000000000000000000000000000000000000000000001";
const OTHER: &str = "sk-local-0000000000000000000000000000000000000000000000000000000000000002";
const PASSWORD: &str = "correct horse battery";

fn user_id(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn key(user: &str, text: &str) -> ApiKey {
    ApiKey {
        id: CredentialId::new("laptop").unwrap(),
        user: user_id(user),
        digest: KeyDigest::of(text),
        terms: Arc::default(),
    }
}

fn secret(text: &str) -> TokenSecret {
    TokenSecret::new(CredentialId::new("main").unwrap(), &Secret::new(text.into())).unwrap()
}

fn hash(password: &str) -> Arc<PasswordHash> {
    Arc::new(PasswordHash::of(&Secret::new(password.to_owned())).unwrap())
}

/// Alice with a key, and bob.
fn credentials() -> Credentials {
    Credentials {
        users: vec![User::new(user_id("alice")), User::new(user_id("bob"))],
        api_keys: vec![key("alice", KEY)],
        token_secrets: vec![secret("sixteen bytes!!!")],
        ..Credentials::default()
    }
}

fn by(credentials: Credentials) -> Authenticator {
    Authenticator::new(credentials).unwrap()
}

fn proven(by: &Authenticator, text: &str) -> Identity {
    by.identify(&Presented::from_secret(text).unwrap(), NOW).unwrap()
}

fn with_terms(terms: Constraints) -> Authenticator {
    let api_keys = vec![ApiKey { terms: Arc::new(terms), ..key("alice", KEY) }];
    by(Credentials { api_keys, ..credentials() })
}

/// A key, the same key in the place of a password, and a token that was made from it.
fn by_key() -> Vec<Identity> {
    let before = by(credentials());
    let identity = proven(&before, KEY);
    let token = before.issue(&identity, None, NOW).unwrap();
    let token = proven(&before, token.token.expose());
    vec![identity, basic(&before, "alice", KEY), token]
}

fn basic(by: &Authenticator, user: &str, password: &str) -> Identity {
    let credential = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    let mut headers = HeaderMap::new();
    headers.insert("authorization", format!("Basic {credential}").parse().unwrap());
    by.identify(&Presented::from_headers(&headers, None).unwrap(), NOW).unwrap()
}

#[test]
fn what_is_still_there_still_proves() {
    let renamed = ApiKey { id: CredentialId::new("desk").unwrap(), ..key("alice", KEY) };
    let scope = Scope { operations: Some(vec![Operation::List]), models: None };
    for after in [
        by(credentials()),
        by(Credentials { api_keys: vec![key("alice", KEY)], ..credentials() }),
        with_terms(Constraints { scope, ..Constraints::default() }),
    ] {
        assert!(by_key().iter().all(|identity| after.is_still_valid(identity, NOW)), "{after:?}");
    }
    let after = by(Credentials { api_keys: vec![renamed], ..credentials() });
    assert!(after.is_still_valid(&by_key()[0], NOW), "it is the same key");
}

#[test]
fn what_is_gone_or_somebody_elses_proves_nothing() {
    let disabled = User { disabled: true, ..User::new(user_id("alice")) };
    let gone = [
        Credentials { api_keys: vec![], ..credentials() },
        Credentials { api_keys: vec![key("alice", OTHER)], ..credentials() },
        Credentials { api_keys: vec![key("bob", KEY)], ..credentials() },
        Credentials { users: vec![disabled, User::new(user_id("bob"))], ..credentials() },
        Credentials { users: vec![User::new(user_id("bob"))], api_keys: vec![], ..credentials() },
    ];
    for after in gone.map(by) {
        assert!(by_key().iter().all(|identity| !after.is_still_valid(identity, NOW)), "{after:?}");
    }
}

#[test]
fn an_end_counts_if_it_was_set_since() {
    let at = |seconds: i64| UnixTime::from_secs(NOW.as_secs().checked_add_signed(seconds).unwrap());
    let until = |seconds| Constraints { expires: Some(at(seconds)), ..Constraints::default() };
    let before = with_terms(until(60));
    let identity = proven(&before, KEY);
    let token = before.issue(&identity, None, NOW).unwrap();
    for identity in [identity, proven(&before, token.token.expose())] {
        assert!(with_terms(until(60)).is_still_valid(&identity, at(61)), "it was known");
        assert!(with_terms(until(90)).is_still_valid(&identity, at(61)));
        assert!(with_terms(until(30)).is_still_valid(&identity, at(29)), "it has not come");
        assert!(!with_terms(until(30)).is_still_valid(&identity, at(30)));
        assert!(!with_terms(until(-1)).is_still_valid(&identity, NOW));
    }
}

#[test]
fn a_token_ends_with_the_secret_that_signed_it() {
    let before = by(credentials());
    let alice = user_id("alice");
    let later = UnixTime::from_secs(NOW.as_secs() + 60);
    let token = crate::issue(&secret("sixteen bytes!!!"), &alice, later);
    let identity = proven(&before, token.expose());
    assert!(before.is_still_valid(&identity, NOW));
    let rotated = vec![
        secret("seventeen bytes!!"),
        TokenSecret::new(
            CredentialId::new("old").unwrap(),
            &Secret::new(b"sixteen bytes!!!".to_vec()),
        )
        .unwrap(),
    ];
    assert!(
        by(Credentials { token_secrets: rotated, ..credentials() }).is_still_valid(&identity, NOW)
    );
    let replaced = vec![secret("seventeen bytes!!")];
    let after = by(Credentials { token_secrets: replaced, ..credentials() });
    assert!(!after.is_still_valid(&identity, NOW), "the name of the secret does not matter");
    let without = by(Credentials { api_keys: vec![], ..credentials() });
    assert!(without.is_still_valid(&identity, NOW), "it was not made from the key");
}

#[test]
fn a_password_ends_with_its_hash() {
    let with = |passwords: &[(&str, &Arc<PasswordHash>)]| {
        let password = |(user, hash): &(&str, &Arc<PasswordHash>)| Password {
            user: user_id(user),
            hash: Arc::clone(hash),
        };
        by(Credentials { passwords: passwords.iter().map(password).collect(), ..credentials() })
    };
    let (old, new) = (hash(PASSWORD), hash("another password"));
    let before = with(&[("alice", &old)]);
    // The second time it is remembered.
    for _ in 0..2 {
        let identity = basic(&before, "alice", PASSWORD);
        assert!(with(&[("alice", &old)]).is_still_valid(&identity, NOW));
        assert!(!with(&[("alice", &new)]).is_still_valid(&identity, NOW));
        assert!(!with(&[("bob", &old)]).is_still_valid(&identity, NOW));
        assert!(!with(&[]).is_still_valid(&identity, NOW));
    }
}

#[test]
fn other_proofs_end_with_their_entries() {
    let presented = PresentedCertificate::read(b"a certificate");
    let name = CertificateName::Fingerprint(
        sha2::Digest::finalize(<sha2::Sha256 as sha2::Digest>::new_with_prefix(b"a certificate"))
            .into(),
    );
    let certificate = |user| ClientCertificate {
        id: CredentialId::new("card").unwrap(),
        user: user_id(user),
        name: name.clone(),
    };
    let with = |certificates| by(Credentials { certificates, ..credentials() });
    let identity = with(vec![certificate("alice")]).certified(&presented).unwrap().unwrap();
    assert!(with(vec![certificate("alice")]).is_still_valid(&identity, NOW));
    assert!(!with(vec![certificate("bob")]).is_still_valid(&identity, NOW));
    assert!(!with(vec![]).is_still_valid(&identity, NOW));

    let anonymous =
        |user: Option<&str>| by(Credentials { anonymous: user.map(user_id), ..credentials() });
    let headers = HeaderMap::new();
    let nothing = Presented::from_headers(&headers, None).unwrap();
    let identity = anonymous(Some("bob")).identify(&nothing, NOW).unwrap();
    assert!(anonymous(Some("bob")).is_still_valid(&identity, NOW));
    assert!(!anonymous(Some("alice")).is_still_valid(&identity, NOW));
    assert!(!anonymous(None).is_still_valid(&identity, NOW));

    let line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let key: OllamaPublicKey = line.parse().unwrap();
    let ollama_key =
        |user| OllamaKey { id: CredentialId::new("laptop").unwrap(), user: user_id(user), key };
    let with = |ollama_keys| by(Credentials { ollama_keys, ..credentials() });
    let identity = Identity { proof: CredentialRef::OllamaKey(key), ..identity };
    assert!(with(vec![ollama_key("bob")]).is_still_valid(&identity, NOW));
    assert!(!with(vec![ollama_key("alice")]).is_still_valid(&identity, NOW));
    assert!(!with(vec![]).is_still_valid(&identity, NOW));
}
