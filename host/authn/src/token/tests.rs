use proptest::prelude::*;
use stockade_core::{CredentialId, ProofKind, Secret, UnixTime, UserId};

use super::*;
use crate::User;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const RULES: TokenRules =
    TokenRules { max_ttl: Duration::from_hours(1), leeway: Duration::from_secs(30) };

fn secret(id: &str, text: &str) -> TokenSecret {
    let id = CredentialId::new(id).unwrap();
    TokenSecret::new(id, &Secret::new(text.into())).unwrap()
}

fn old() -> TokenSecret {
    secret("old", "the old secret, still in force")
}

fn new() -> TokenSecret {
    secret("new", "the new secret, used from now on")
}

fn users() -> Directory {
    let user = |name: &str, disabled| User { disabled, ..User::new(UserId::new(name).unwrap()) };
    let all = vec![user("alice", false), user("svc:batch", false), user("mallory", true)];
    Directory::new(all).0
}

fn token(secret: &TokenSecret, user: &str, expiry: UnixTime) -> String {
    let user = UserId::new(user).unwrap();
    issue(secret, &user, expiry).expose().clone()
}

fn verify(token: &str, now: UnixTime) -> Result<stockade_core::Principal, AuthnError> {
    let tokens = Tokens::new(vec![old(), new()], RULES, Origins::default());
    let presented = PresentedToken::read(token).expect("the form of a token")?;
    tokens.verify(&presented, now, &users()).map(|known| known.principal)
}

fn later(seconds: u64) -> UnixTime {
    UnixTime::from_secs(NOW.as_secs() + seconds)
}

#[test]
fn each_secret_in_force_is_accepted_and_named() {
    for secret in [old(), new()] {
        let principal = verify(&token(&secret, "alice", later(60)), NOW).unwrap();
        assert_eq!(principal.user.as_str(), "alice");
        assert_eq!(principal.proof, ProofKind::Token);
        assert_eq!(principal.credential.as_ref(), Some(secret.id()));
    }
}

#[test]
fn a_user_may_have_colons() {
    let principal = verify(&token(&new(), "svc:batch", later(60)), NOW).unwrap();
    assert_eq!(principal.user.as_str(), "svc:batch");
}

#[test]
fn a_secret_out_of_force_is_unknown() {
    let stranger = secret("stranger", "some other secret altogether");
    let refusal = verify(&token(&stranger, "alice", later(60)), NOW).unwrap_err();
    assert_eq!(refusal, AuthnError::Unknown);
}

#[test]
fn expiry_counts_fractions_as_the_python_does() {
    let token = token(&new(), "alice", NOW);
    let just_after = UnixTime::from_duration(NOW.as_duration() + Duration::from_nanos(1));
    assert!(verify(&token, NOW).is_ok());
    assert!(matches!(verify(&token, just_after), Err(AuthnError::Expired(_))));
}

#[test]
fn a_token_may_not_live_longer_than_the_rules_say() {
    let longest = RULES.max_ttl.as_secs() + RULES.leeway.as_secs();
    assert!(verify(&token(&new(), "alice", later(longest)), NOW).is_ok());
    for expiry in [later(longest + 1), UnixTime::from_secs(u64::MAX)] {
        let refusal = verify(&token(&new(), "alice", expiry), NOW).unwrap_err();
        assert!(matches!(refusal, AuthnError::TooLongLived(_)), "{expiry:?}: {refusal}");
    }
}

#[test]
fn unknown_and_disabled_users_are_told_what_a_wrong_signature_is_told() {
    let gone = verify(&token(&new(), "gone", later(60)), NOW).unwrap_err();
    let disabled = verify(&token(&new(), "mallory", later(60)), NOW).unwrap_err();
    assert_eq!(gone, AuthnError::UnknownUser(new().id().clone()));
    assert!(matches!(disabled, AuthnError::Disabled(_)));
    for refusal in [gone, disabled] {
        assert_eq!(refusal.public_message(), AuthnError::Unknown.public_message());
        assert_eq!(refusal.www_authenticate(), AuthnError::Unknown.www_authenticate());
        assert_eq!(refusal.status(), AuthnError::Unknown.status());
    }
}

#[test]
fn expiry_is_not_told_to_who_cannot_sign() {
    let stranger = secret("stranger", "some other secret altogether");
    let expired = token(&stranger, "alice", UnixTime::from_secs(1));
    assert_eq!(verify(&expired, NOW), Err(AuthnError::Unknown));
}

#[test]
fn short_secrets_are_refused() {
    let id = || CredentialId::new("weak").unwrap();
    let weak = TokenSecret::new(id(), &Secret::new(vec![b'x'; 15])).unwrap_err();
    assert!(weak.to_string().contains("15 bytes"), "{weak}");
    assert!(TokenSecret::new(id(), &Secret::new(vec![b'x'; 16])).is_ok());
}

proptest! {
    #[test]
    fn changing_any_character_ends_a_token(at in 0_usize..80, byte in 0x20_u8..0x7f) {
        let good = token(&new(), "alice", later(60));
        let mut bytes = good.clone().into_bytes();
        let at = at % bytes.len();
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        let text = String::from_utf8(bytes).unwrap();
        if let Some(Ok(presented)) = PresentedToken::read(&text) {
            let tokens = Tokens::new(vec![old(), new()], RULES, Origins::default());
            let refusal = tokens.verify(&presented, NOW, &users()).unwrap_err();
            prop_assert_eq!(refusal, AuthnError::Unknown);
        }
    }

    #[test]
    fn what_is_issued_is_read_back(user in "[^\\s\\p{C}][^\\p{C}\\s]{0,40}", expiry: u64) {
        prop_assume!(UserId::new(&user).is_ok());
        let text = token(&new(), &user, UnixTime::from_secs(expiry));
        let read = PresentedToken::read(&text).unwrap().unwrap();
        prop_assert_eq!(read.user, user);
        prop_assert_eq!(read.expiry.as_secs(), expiry);
    }
}
