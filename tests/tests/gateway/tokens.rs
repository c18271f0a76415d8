//! `POST /-/token`, from each kind of credential.

use stockade_authn::KeyText;
use stockade_tests::{BINDINGS, Reply, World, get, post, soon};
use tokio::process::Command;

const HELLO: &str = r#"{"model":"llama3.2:3b","prompt":"Hello","stream":false}"#;

fn token(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.headers["cache-control"], "no-store");
    let json = reply.json();
    assert_eq!(json["token_type"], "Bearer");
    json["access_token"].as_str().unwrap().to_owned()
}

async fn status(world: &World, key: &str) -> u16 {
    world.send(post("/api/generate", Some(key), HELLO)).await.status.as_u16()
}

#[tokio::test]
async fn a_key_gives_a_token_and_a_token_a_newer_one() {
    let world = World::start().await;
    let first = world.send(post("/-/token", Some(world.key("alice")), r#"{"ttl":"30m"}"#)).await;
    assert_eq!(first.json()["expires_in"], 1800);
    let first = token(&first);
    assert!(first.starts_with("alice:"), "{first}");
    assert_eq!(status(&world, &first).await, 200);
    let second = world.send(post("/-/token", Some(&first), "")).await;
    assert_eq!(second.json()["expires_in"], 24 * 3600);
    assert_eq!(status(&world, &token(&second)).await, 200);
    assert_eq!(world.ollama.requests().len(), 2, "the gateway answers itself");
}

#[tokio::test]
async fn tokens_end_with_the_key_that_they_were_made_from() {
    let key = KeyText::generate();
    let carol = |terms: &str| {
        let digest = key.digest();
        format!("  carol: {{ groups: [research], {terms} }}\n{BINDINGS}")
            .replace('$', &digest.to_string())
    };
    let with_key = carol(r#"keys: [{ id: ci, sha256: "$", operations: [generate] }]"#);
    let world = World::with(&with_key).await;
    let issued = token(&world.send(post("/-/token", Some(key.expose()), "")).await);
    let refreshed = token(&world.send(post("/-/token", Some(&issued), "")).await);
    assert_eq!(status(&world, &refreshed).await, 200);
    let list = world.send(get("/api/tags", Some(&refreshed))).await;
    assert_eq!(list.status, 403, "it is narrowed as its key is");
    assert!(world.rebind(&carol("keys: []")).await.rejected.is_none());
    assert_eq!(status(&world, &issued).await, 401);
    assert_eq!(status(&world, &refreshed).await, 401);
}

#[tokio::test]
async fn a_token_is_for_a_credential_and_as_it_is_asked_for() {
    let world = World::with_users("  guest: {}", "authentication: { anonymous: guest }").await;
    let alice = Some(world.key("alice"));
    let nobody = world.send(post("/-/token", None, "")).await;
    assert_eq!(nobody.status, 403, "{}", nobody.text());
    assert_eq!(world.send(post("/-/token", Some("sk-local-wrong"), "")).await.status, 401);
    assert_eq!(world.send(get("/-/token", alice)).await.status, 405);
    for bad in ["{", r#"{"ttl":"soon"}"#, r#"{"ttl":"0s"}"#, r#"{"tll":"1h"}"#, "7"] {
        let reply = world.send(post("/-/token", alice, bad)).await;
        assert_eq!(reply.status, 400, "{bad}: {}", reply.text());
    }
}

#[tokio::test]
async fn curl_gets_one_with_a_key_as_a_password() {
    let world = World::start().await;
    let mut command = Command::new("curl");
    let credential = format!("alice:{}", world.key("alice"));
    let url = format!("http://{}/-/token", world.gateway());
    command.args(["-sS", "-X", "POST", "-u", &credential, &url]).kill_on_drop(true);
    let output = soon("curl", command.output()).await.unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(status(&world, answer["access_token"].as_str().unwrap()).await, 200);
}
