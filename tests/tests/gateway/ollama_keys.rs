//! Requests that are signed as Ollama's own command signs them with `OLLAMA_AUTH=1`.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use stockade_tests::{World, post};

const HELLO: &str = r#"{"model":"llama3.2:3b","prompt":"Hello","stream":false}"#;

struct Command {
    key: Ed25519KeyPair,
    public: String,
}

impl Command {
    fn new() -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let key = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
        let head: &[u8] = b"\0\0\0\x0bssh-ed25519\0\0\0\x20";
        let public = STANDARD.encode([head, key.public_key().as_ref()].concat());
        Self { key, public }
    }

    fn users(&self) -> String {
        let line = format!("ssh-ed25519 {} carol@laptop", self.public);
        format!(
            "  carol: {{ groups: [research], ollama_keys: [{{ id: laptop, public_key: \"{line}\" }}] }}"
        )
    }

    /// Returns the command's request: the path with `?ts=`, and the signature without a scheme.
    fn generate(&self, ts: u64) -> Request<String> {
        let signed = self.key.sign(format!("POST,/api/generate?ts={ts}").as_bytes());
        let mut request = post(&format!("/api/generate?ts={ts}"), None, HELLO);
        let value = format!("{}:{}", self.public, STANDARD.encode(signed));
        request.headers_mut().insert("authorization", value.parse().unwrap());
        request
    }
}

fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

#[tokio::test]
async fn a_signed_request_is_served_and_its_signature_stays_here() {
    let command = Command::new();
    let world = World::with_users(&command.users(), "").await;
    let reply = world.send(command.generate(now())).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let recorded = &world.ollama.requests()[0];
    assert_eq!(recorded.target, "/api/generate");
    assert!(!recorded.headers.contains_key("authorization"));
}

#[tokio::test]
async fn old_signatures_and_strangers_are_refused() {
    let command = Command::new();
    let world = World::with_users(&command.users(), "").await;
    let old = world.send(command.generate(now() - 600)).await;
    assert_eq!(old.status, 401);
    assert!(old.text().contains("clock"), "{}", old.text());
    assert_eq!(world.send(Command::new().generate(now())).await.status, 401);
    let mut both = command.generate(now());
    both.headers_mut().insert("x-api-key", world.key("alice").parse().unwrap());
    assert_eq!(world.send(both).await.status, 400);
    assert!(world.ollama.requests().is_empty());
}

#[tokio::test]
async fn a_reload_does_not_make_a_used_signature_good_again() {
    let command = Command::new();
    let world = World::with_users(&command.users(), "").await;
    let ts = now();
    let mut statuses = Vec::new();
    // The command may repeat itself within a moment, but not for ever.
    for _ in 0..17 {
        statuses.push(world.send(command.generate(ts)).await.status.as_u16());
    }
    assert_eq!((statuses[0], statuses[16]), (200, 401));
    let again = format!("{}\n{}", command.users(), stockade_tests::BINDINGS);
    assert_eq!(world.rebind(&format!("{again}# changed\n")).await.generation, 2);
    assert_eq!(world.send(command.generate(ts)).await.status, 401);
}
