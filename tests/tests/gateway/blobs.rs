//! Blobs: whose they are, and for whom they exist.

use http::Request;
use serde_json::json;
use stockade_tests::{Log, Reply, Setup, World, post};

/// The content `a blob`, and its digest.
const BLOB: (&str, &str) =
    ("a blob", "sha256:5570a3cf02207f1d352d2cfea385be4bc0b2b9414f606baa6f55db60b232f221");
/// A digest of other content.
const OTHER: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

const BINDINGS: &str = r#"
state_directory: state
policies:
  pull-guard: { module: builtin/pull-guard }
bindings:
  - name: blobs
    subjects: everyone
    policy: pull-guard
    settings:
      groups: [research]
      operations: [create, upload-blob, check-blob]
      targets: ["*"]
      files: any
"#;

async fn world() -> World {
    World::build(Setup { bindings: BINDINGS, ..Setup::default() }).await
}

async fn upload(world: &World, user: &str, (content, digest): (&str, &str)) -> Reply {
    world.send(post(&format!("/api/blobs/{digest}"), Some(world.key(user)), content)).await
}

async fn check(world: &World, user: &str, digest: &str) -> u16 {
    let request = Request::builder()
        .method("HEAD")
        .uri(format!("/api/blobs/{digest}"))
        .header("authorization", format!("Bearer {}", world.key(user)))
        .body(String::new())
        .unwrap();
    let reply = world.send(request).await;
    assert!(reply.body.is_empty());
    reply.status.as_u16()
}

/// Returns how often Ollama was asked for a blob.
fn checked(world: &World) -> usize {
    world.ollama.requests().iter().filter(|request| request.method == "HEAD").count()
}

#[tokio::test]
async fn a_blob_of_somebody_else_does_not_exist() {
    let world = world().await;
    assert_eq!(check(&world, "alice", BLOB.1).await, 404);
    assert_eq!(upload(&world, "alice", BLOB).await.status, 201);
    assert_eq!(check(&world, "alice", BLOB.1).await, 200);
    let before = checked(&world);
    assert_eq!(check(&world, "bob", BLOB.1).await, 404);
    assert_eq!(checked(&world), before, "Ollama is not asked");
    // Whoever has the content, too, cannot tell that it was there.
    assert_eq!(upload(&world, "bob", BLOB).await.status, 201);
    assert_eq!(check(&world, "bob", BLOB.1).await, 200);
    assert_eq!(upload(&world, "bob", BLOB).await.status, 200);
}

/// Ollama answers 200 without a look at the content, where it has a blob already.
#[tokio::test]
async fn whoever_knows_a_digest_only_has_not_sent_the_blob() {
    let world = world().await;
    assert_eq!(upload(&world, "alice", BLOB).await.status, 201);
    for content in ["", "a blob and more", "another"] {
        let reply = upload(&world, "bob", (content, BLOB.1)).await;
        assert_eq!(reply.status, 400, "{}", reply.text());
        assert!(reply.text().contains("does not match its digest"), "{}", reply.text());
        assert_eq!(check(&world, "bob", BLOB.1).await, 404);
    }
    assert_eq!(upload(&world, "kim", BLOB).await.status, 403);
    let large = "x".repeat(3_000_000);
    assert_eq!(upload(&world, "bob", (&large, BLOB.1)).await.status, 400);
    assert_eq!(check(&world, "bob", BLOB.1).await, 404);
}

#[tokio::test]
async fn who_has_sent_what_is_known_after_a_restart() {
    let first = world().await;
    assert_eq!(upload(&first, "alice", BLOB).await.status, 201);
    let kept = std::fs::read(first.directory().join("state/blobs.jsonl")).unwrap();
    let prepare = |directory: &std::path::Path| {
        std::fs::create_dir(directory.join("state")).unwrap();
        std::fs::write(directory.join("state/blobs.jsonl"), &kept).unwrap();
    };
    let second =
        World::build(Setup { bindings: BINDINGS, prepare: &prepare, ..Setup::default() }).await;
    check(&second, "bob", BLOB.1).await;
    assert_eq!(checked(&second), 0);
    check(&second, "alice", BLOB.1).await;
    assert_eq!(checked(&second), 1, "alice may ask for hers");
}

#[tokio::test]
async fn decisions_are_told_which_blobs_the_caller_has_not_sent() {
    let world = world().await;
    assert_eq!(upload(&world, "alice", BLOB).await.status, 201);
    let mut log = Log::start();
    let files = json!({"model": "mine", "files": {"a": BLOB.1, "b": OTHER}}).to_string();
    for (user, foreign) in [("alice", json!([OTHER])), ("bob", json!([OTHER, BLOB.1]))] {
        world.send(post("/api/create", Some(world.key(user)), &files)).await;
        let record = log.next_request().await;
        let told = &record["decision_input"]["parameters"];
        assert_eq!(told["digests"], json!([OTHER, BLOB.1]));
        assert_eq!(told["foreign_digests"], foreign, "{user}");
    }
    upload(&world, "bob", BLOB).await;
    let uploaded = log.next_request().await;
    assert!(uploaded["decision_input"]["parameters"]["foreign_digests"].is_null(), "{uploaded}");
}
