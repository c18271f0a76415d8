use http::HeaderMap;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use super::*;
use crate::{Authenticator, Credentials, Identity, Presented, User};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

struct Signer(Ed25519KeyPair);

impl Signer {
    fn new() -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap())
    }

    fn blob(&self) -> String {
        STANDARD.encode([BLOB_HEAD, self.0.public_key().as_ref()].concat())
    }

    fn sign(&self, text: &str) -> HeaderMap {
        let signature = STANDARD.encode(self.0.sign(text.as_bytes()));
        let mut headers = HeaderMap::new();
        headers.insert("authorization", format!("{}:{signature}", self.blob()).parse().unwrap());
        headers
    }
}

fn authenticator(signer: &Signer) -> Authenticator {
    let alice = UserId::new("alice").unwrap();
    let line = format!("ssh-ed25519 {} alice@laptop", signer.blob());
    let id = CredentialId::new("laptop").unwrap();
    Authenticator::new(Credentials {
        users: vec![User::new(alice.clone())],
        ollama_keys: vec![OllamaKey { id, user: alice, key: line.parse().unwrap() }],
        ..Credentials::default()
    })
    .unwrap()
}

fn ask(by: &Authenticator, headers: &HeaderMap, query: &str) -> Result<Identity, AuthnError> {
    let target = Target { method: "POST", path: "/api/chat", query: Some(query) };
    by.identify(&Presented::of_request(headers, None, target)?, NOW)
}

#[test]
fn a_signed_request_proves_its_user() {
    let signer = Signer::new();
    let by = authenticator(&signer);
    for ts in [NOW.as_secs(), NOW.as_secs() - 60, NOW.as_secs() + 60] {
        let headers = signer.sign(&format!("POST,/api/chat?ts={ts}"));
        let principal = ask(&by, &headers, &format!("ts={ts}")).unwrap().principal;
        assert_eq!(principal.proof, ProofKind::OllamaKey);
        assert_eq!(principal.credential.unwrap().as_str(), "laptop");
    }
    for ts in [NOW.as_secs() - 61, NOW.as_secs() + 61, 0] {
        let headers = signer.sign(&format!("POST,/api/chat?ts={ts}"));
        let refused = ask(&by, &headers, &format!("ts={ts}"));
        assert!(matches!(refused, Err(AuthnError::WrongTime(_))), "{ts}");
    }
}

#[test]
fn what_is_signed_is_what_counts() {
    let (signer, stranger) = (Signer::new(), Signer::new());
    let by = authenticator(&signer);
    let (ts, right) = (NOW.as_secs(), format!("POST,/api/chat?ts={}", NOW.as_secs()));
    let query = format!("ts={ts}");
    assert_eq!(ask(&by, &stranger.sign(&right), &query), Err(AuthnError::Unknown));
    for other in [right.replace("POST", "GET"), right.replace("chat", "pull"), right.clone() + "0"]
    {
        assert_eq!(ask(&by, &signer.sign(&other), &query), Err(AuthnError::Unknown), "{other}");
    }
    let malformed = ask(&by, &signer.sign(&right), "");
    assert!(matches!(malformed, Err(AuthnError::Malformed(_))));
    let mut both = signer.sign(&right);
    both.insert("x-api-key", "sk-local-0123456789abcdef0123456789abcdef".parse().unwrap());
    let clash = Err(AuthnError::SeveralCredentials(crate::Clash::Headers));
    assert_eq!(ask(&by, &both, &query), clash);
    both.insert("x-api-key", "ollama".parse().unwrap());
    assert_ne!(ask(&by, &both, &query), clash);
}

#[test]
fn a_signature_is_used_from_one_place_and_for_a_moment() {
    let replays = Replays::default();
    let client = |last| {
        let nobody = crate::TrustedProxies::default();
        nobody.client([192, 0, 2, last].into(), &http::HeaderMap::new()).unwrap()
    };
    let (here, there) = (client(1), client(2));
    let at = |seconds: u64| UnixTime::from_secs(NOW.as_secs() + seconds);
    let admit = |client, now| replays.admit(OllamaSignature([7; 64]), client, now);
    assert_eq!(admit(here, at(0)), Ok(()));
    assert_eq!(admit(there, at(0)), Err(AuthnError::Replayed));
    assert_eq!(admit(here, at(2)), Ok(()));
    assert_eq!(admit(here, at(3)), Err(AuthnError::Replayed));
    for _ in 0..20 {
        admit(here, at(1)).ok();
    }
    assert_eq!(admit(here, at(1)), Err(AuthnError::Replayed));
    assert_eq!(replays.admit(OllamaSignature([8; 64]), there, at(3)), Ok(()));
}

#[test]
fn other_lines_are_no_public_keys() {
    let blob = Signer::new().blob();
    assert!(format!("ssh-ed25519 {blob}").parse::<OllamaPublicKey>().is_ok());
    for bad in ["", &blob, "ssh-ed25519", "ssh-ed25519 AAAA", &format!("ssh-rsa {blob}")] {
        assert_eq!(bad.parse::<OllamaPublicKey>(), Err(InvalidPublicKey), "{bad}");
    }
}
