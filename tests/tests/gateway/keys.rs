//! API keys: expiry, narrowing, keys in the path, and nobody.

use stockade_authn::KeyText;
use stockade_tests::{BINDINGS, World, get, post};

const HELLO: &str = r#"{"model":"llama3.2:3b","prompt":"Hello","stream":false}"#;

/// A world in which `carol` of `research` has a key with these terms.
async fn with_key(terms: &str, more: &str) -> (World, KeyText) {
    let key = KeyText::generate();
    let users = format!(
        "  carol: {{ groups: [research, ops], keys: [{{ id: ci, sha256: \"{}\", {terms} }}] }}",
        key.digest()
    );
    (World::with_users(&users, more).await, key)
}

fn asking(model: &str) -> String {
    HELLO.replace("llama3.2:3b", model)
}

#[tokio::test]
async fn a_key_is_good_only_for_what_it_is_narrowed_to() {
    let terms = r#"operations: [generate, list], models: ["llama3.2:*", "llama3.3:*"]"#;
    let (world, key) = with_key(terms, "").await;
    let key = Some(key.expose());
    assert_eq!(world.send(post("/api/generate", key, HELLO)).await.status, 200);
    let other_model = world.send(post("/api/generate", key, &asking("qwen3:8b"))).await;
    assert_eq!(other_model.status, 403, "carol may use it, this key may not");
    let text = other_model.text();
    assert!(text.contains("qwen3:8b") && text.contains("narrowed"), "{text}");
    let other_operation =
        world.send(post("/api/embed", key, r#"{"model":"llama3.2:3b","input":"x"}"#)).await;
    assert_eq!(other_operation.status, 403);
    assert!(other_operation.text().contains("embed"), "{}", other_operation.text());
    assert_eq!(world.ollama.requests().len(), 1);
}

#[tokio::test]
async fn narrowing_never_adds() {
    let (world, key) = with_key(r#"models: ["*"], operations: [generate, chat]"#, "").await;
    let reply =
        world.send(post("/api/generate", Some(key.expose()), &asking("llama3.3:70b"))).await;
    assert_eq!(reply.status, 403);
    assert!(reply.text().contains("no policy allows"), "{}", reply.text());
}

#[tokio::test]
async fn a_list_shows_what_the_key_is_good_for() {
    let (world, key) = with_key(r#"models: ["*:1b", "qwen3:*"]"#, "").await;
    let list = world.send(get("/v1/models", Some(key.expose()))).await;
    let mut names: Vec<String> = list.json()["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| model["id"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["llama3.2:1b", "qwen3:8b"]);
}

#[tokio::test]
async fn an_expired_key_is_told_so() {
    let (world, key) = with_key("expires: 2020-01-01T00:00:00Z", "").await;
    let reply = world.send(post("/api/generate", Some(key.expose()), HELLO)).await;
    assert_eq!(reply.status, 401);
    assert!(reply.text().contains("expired"), "{}", reply.text());
}

#[tokio::test]
async fn a_key_in_the_path_must_be_allowed() {
    for (allowed, status) in [("true", 200), ("false", 400)] {
        let more = format!("authentication: {{ key_in_path: {allowed} }}");
        let (world, key) = with_key("", &more).await;
        let path = format!("/k/{}/api/generate", key.expose());
        let reply = world.send(post(&path, None, HELLO)).await;
        assert_eq!(reply.status, status, "{}", reply.text());
        assert!(!reply.text().contains(key.expose()));
        for recorded in world.ollama.requests() {
            assert_eq!(recorded.target, "/api/generate");
        }
    }
}

#[tokio::test]
async fn a_key_in_the_path_is_one_of_at_most_one_credential() {
    let (world, key) = with_key("", "authentication: { key_in_path: true }").await;
    let path = format!("/k/{}/api/generate", key.expose());
    let status = async |path: &str, key| world.send(post(path, key, HELLO)).await.status.as_u16();
    assert_eq!(status(&path, Some(key.expose())).await, 200);
    assert_eq!(status(&path, Some(world.key("alice"))).await, 400);
    assert_eq!(status("/k/sk-local-wrong/api/generate", None).await, 401);
    assert_eq!(status("/k//api/generate", None).await, 401);
    assert_eq!(status("/k/../api/generate", None).await, 401);
    let heartbeat = world.send(get(&format!("/k/{}/", key.expose()), None)).await;
    assert_eq!(heartbeat.text(), "Ollama is running");
}

#[tokio::test]
async fn nobody_may_come_in_only_as_the_user_who_is_declared_for_that() {
    let world = World::start().await;
    assert_eq!(world.send(post("/api/generate", None, HELLO)).await.status, 401);
    let guest = "  guest: { groups: [children] }\nauthentication: { anonymous: guest }";
    let after = world.rebind(&format!("{guest}\n{BINDINGS}")).await;
    assert!(after.rejected.is_none(), "{:?}", after.rejected);
    let small = asking("llama3.2:1b");
    assert_eq!(world.send(post("/api/generate", None, &small)).await.status, 200);
    assert_eq!(world.send(post("/api/generate", None, HELLO)).await.status, 403);
    let wrong = world.send(post("/api/generate", Some("sk-local-wrong"), &small)).await;
    assert_eq!(wrong.status, 401, "a wrong credential is not nobody");
}
