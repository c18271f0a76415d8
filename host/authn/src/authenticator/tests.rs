use std::time::Duration;

use stockade_core::{CredentialId, GroupName, Secret};

use super::*;
use crate::{ApiKey, Constraints, KeyDigest, KeyText, TokenSecret, User};

mod revocation;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const ALICES: &str = "sk-local-0000000000000000000000000000000000000000000000000000000000000001";
const EXPIRED: &str = "sk-local-0000000000000000000000000000000000000000000000000000000000000002";
const MALLORYS: &str = "sk-local-0000000000000000000000000000000000000000000000000000000000000003";
const TOKEN_SECRET: &str = "a token secret that nobody must see";

fn user_id(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn key(id: &str, user: &str, text: &str) -> ApiKey {
    ApiKey {
        id: CredentialId::new(id).unwrap(),
        user: user_id(user),
        digest: KeyDigest::of(text),
        terms: Arc::default(),
    }
}

fn secret(id: &str, text: &str) -> TokenSecret {
    let id = CredentialId::new(id).unwrap();
    TokenSecret::new(id, &Secret::new(text.into())).unwrap()
}

fn alice() -> User {
    let group = |name| GroupName::new(name).unwrap();
    let attribute = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    User {
        groups: vec![group("research"), group("ops"), group("research")],
        attributes: vec![attribute("team", "two"), attribute("site", "one")],
        ..User::new(user_id("alice"))
    }
}

fn mallory() -> User {
    User { disabled: true, ..User::new(user_id("mallory")) }
}

fn authenticator() -> Authenticator {
    let keys = vec![
        key("alice-1", "alice", ALICES),
        ApiKey { terms: until(NOW), ..key("alice-0", "alice", EXPIRED) },
        key("mallory-1", "mallory", MALLORYS),
    ];
    let secrets = vec![secret("signing", TOKEN_SECRET)];
    Authenticator::new(Credentials {
        users: vec![alice(), mallory()],
        api_keys: keys,
        token_secrets: secrets,
        ..Credentials::default()
    })
    .unwrap()
}

fn until(expires: UnixTime) -> Arc<Constraints> {
    Constraints { expires: Some(expires), ..Constraints::default() }.into()
}

fn identify(text: &str, now: UnixTime) -> Result<Principal, AuthnError> {
    authenticator().identify(&Presented::from_secret(text)?, now).map(|known| known.principal)
}

#[test]
fn a_key_proves_its_user() {
    let principal = identify(ALICES, NOW).unwrap();
    assert_eq!(principal.user.as_str(), "alice");
    assert_eq!(principal.proof, ProofKind::ApiKey);
    assert_eq!(principal.credential.unwrap().as_str(), "alice-1");
    let groups: Vec<_> = principal.groups.iter().map(GroupName::as_str).collect();
    assert_eq!(groups, ["ops", "research"]);
    let attributes: Vec<_> = principal.attributes.iter().map(|(name, _)| name).collect();
    assert_eq!(attributes, ["site", "team"]);
}

#[test]
fn a_token_proves_its_user() {
    let signing = secret("signing", TOKEN_SECRET);
    let token = crate::issue(&signing, &user_id("alice"), NOW);
    let principal = identify(token.expose(), NOW).unwrap();
    assert_eq!(principal.proof, ProofKind::Token);
    assert_eq!(principal.credential.as_ref(), Some(signing.id()));
}

#[test]
fn a_key_ends_at_its_expiry_and_not_before() {
    let just_before = UnixTime::from_duration(Duration::from_millis(1_799_999_999_999));
    assert!(identify(EXPIRED, just_before).is_ok());
    let refusal = identify(EXPIRED, NOW).unwrap_err();
    assert!(matches!(refusal, AuthnError::Expired(_)), "{refusal}");
}

#[test]
fn a_disabled_user_is_told_what_an_unknown_key_is_told() {
    let disabled = identify(MALLORYS, NOW).unwrap_err();
    let unknown = identify(KeyText::generate().expose(), NOW).unwrap_err();
    assert!(matches!(disabled, AuthnError::Disabled(_)), "{disabled}");
    assert_eq!(unknown, AuthnError::Unknown);
    assert_eq!(disabled.public_message(), unknown.public_message());
}

#[test]
fn nothing_is_missing() {
    let headers = http::HeaderMap::new();
    let presented = Presented::from_headers(&headers, None).unwrap();
    assert_eq!(authenticator().identify(&presented, NOW), Err(AuthnError::Missing));
}

#[test]
fn principals_can_be_asked_for_by_name() {
    let authenticator = authenticator();
    assert_eq!(authenticator.principal_of("alice").unwrap().groups.len(), 2);
    assert_eq!(authenticator.principal_of("mallory"), None);
    assert_eq!(authenticator.principal_of("nobody"), None);
}

#[test]
fn all_conflicts_are_reported_at_once() {
    let users = vec![alice(), alice()];
    let keys = vec![
        key("one", "alice", ALICES),
        key("two", "alice", ALICES),
        key("two", "alice", EXPIRED),
        // Another user may use the same name.
        key("two", "bob", "sk-local-another"),
    ];
    let secrets = vec![
        secret("s", TOKEN_SECRET),
        secret("s", "another secret, long enough"),
        secret("t", TOKEN_SECRET),
    ];
    let conflicts = Authenticator::new(Credentials {
        users,
        api_keys: keys,
        token_secrets: secrets,
        anonymous: Some(user_id("guest")),
        ..Credentials::default()
    })
    .unwrap_err();
    let id = |name| CredentialId::new(name).unwrap();
    assert_eq!(
        conflicts,
        [
            ConflictError::DuplicateUser(user_id("alice")),
            ConflictError::DuplicateKeyId(id("two")),
            ConflictError::UnknownUser { key: id("two"), user: user_id("bob") },
            ConflictError::DuplicateSecretId(id("s")),
            ConflictError::DuplicateSecret(id("t")),
            ConflictError::UnknownAnonymous(user_id("guest")),
            ConflictError::DuplicateKey(id("one"), id("two")),
        ]
    );
}

#[test]
fn no_debug_output_has_a_secret() {
    let presented = Presented::from_secret(ALICES).unwrap();
    let signing = secret("signing", TOKEN_SECRET);
    let token = crate::issue(&signing, &user_id("alice"), NOW);
    let token = Presented::from_secret(token.expose()).unwrap();
    let outputs = [
        format!("{presented:?} {token:?}"),
        format!("{signing:?} {:?}", key("id", "alice", ALICES)),
        format!("{:?} {:?}", authenticator(), alice()),
        format!("{:?}", identify(EXPIRED, NOW)),
        format!("{:?}", identify(MALLORYS, NOW)),
        format!("{:?}", identify("sk-local-wrong", NOW)),
    ];
    let digest = KeyDigest::of(ALICES).to_string();
    let secrets = ["sk-local", "0000", TOKEN_SECRET, &digest["sha256:".len()..]];
    let as_bytes = format!("{:?}", TOKEN_SECRET.as_bytes());
    for output in outputs {
        for secret in secrets {
            assert!(!output.contains(secret), "{output} shows {secret}");
        }
        assert!(!output.contains(&as_bytes[1..20]), "{output}");
    }
}

#[test]
fn nobody_is_somebody_only_if_the_configuration_says_so() {
    let ask = |disabled| {
        let guest = User { disabled, ..User::new(user_id("guest")) };
        let credentials = Credentials {
            users: vec![guest],
            anonymous: Some(user_id("guest")),
            ..Credentials::default()
        };
        let headers = http::HeaderMap::new();
        let presented = Presented::from_headers(&headers, None).unwrap();
        Authenticator::new(credentials).unwrap().identify(&presented, NOW)
    };
    let principal = ask(false).unwrap().principal;
    assert_eq!((principal.user.as_str(), principal.proof), ("guest", ProofKind::Anonymous));
    assert_eq!(ask(true), Err(AuthnError::Missing));
}
