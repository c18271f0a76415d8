//! Making models: what they are made of is judged as well as their names.

use serde_json::{Value, json};
use stockade_simulator::Fault;
use stockade_tests::{ODD, Reply, Setup, World, get, post};

const DIGEST: &str = "sha256:5570a3cf02207f1d352d2cfea385be4bc0b2b9414f606baa6f55db60b232f221";

/// Bob may make models of what is there, and pull nothing; `more` are further settings.
fn makers(more: &str) -> String {
    format!(
        r#"policies:
  pull-guard: {{ module: builtin/pull-guard }}
  odd: {{ module: {ODD:?} }}
bindings:
  - name: makers
    subjects: everyone
    policy: pull-guard
    settings:
      groups: [ops]
      operations: [create, upload-blob, delete, copy]
      sources: ["*"]
      targets: ["*"]
      {more}
"#
    )
}

async fn world(more: &str) -> World {
    World::build(Setup { bindings: &makers(more), ..Setup::default() }).await
}

async fn create(world: &World, body: &Value) -> Reply {
    world.send(post("/api/create", Some(world.key("bob")), &body.to_string())).await
}

/// Returns the bodies that arrived at Ollama's `/api/create`.
fn created(world: &World) -> Vec<Value> {
    let requests = world.ollama.requests();
    let created = requests.iter().filter(|request| request.target == "/api/create");
    created.map(|request| serde_json::from_slice(&request.body).unwrap()).collect()
}

#[tokio::test]
async fn a_base_that_is_there_needs_no_right_to_pull() {
    let world = world("").await;
    let reply = create(&world, &json!({"model": "mine", "from": "LLAMA3.2:3b"})).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(!reply.text().contains("pulling"), "{}", reply.text());
    // Known at once, also while the list of a moment ago does not have it.
    let reply = create(&world, &json!({"model": "mine:two", "from": "mine"})).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(created(&world)[1], json!({"model": "mine:two", "from": "mine:latest"}));
}

#[tokio::test]
async fn a_base_that_is_not_there_is_a_pull() {
    let world = world("").await;
    for from in ["llama3.2:7b", "hf.co/somebody/x", "llama3.2:3b-instruct"] {
        let reply = create(&world, &json!({"model": "mine", "from": from})).await;
        assert_eq!(reply.status, 403, "{from}: {}", reply.text());
        assert!(
            reply.text().contains("is not installed, so Ollama would pull it: no policy allows")
        );
    }
    assert!(created(&world).is_empty());
    let pulls = r#"  - name: pulls
    subjects: everyone
    policy: pull-guard
    settings: { groups: [ops], sources: ["llama3.2:*"] }
"#;
    assert!(world.rebind(&(makers("") + pulls)).await.rejected.is_none());
    let reply = create(&world, &json!({"model": "mine", "from": "llama3.2:7b"})).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let reply = create(&world, &json!({"model": "mine", "from": "qwen3:30b"})).await;
    assert_eq!(reply.status, 403, "{}", reply.text());
    assert!(reply.text().contains("it is not among the sources"), "{}", reply.text());
    assert_eq!(created(&world).len(), 1);
}

#[tokio::test]
async fn a_base_that_was_deleted_is_not_there() {
    let world = world("").await;
    let build = json!({"model": "mine", "from": "qwen3:8b"});
    assert_eq!(create(&world, &build).await.status, 200);
    let mut delete = post("/api/delete", Some(world.key("bob")), r#"{"model":"qwen3:8b"}"#);
    *delete.method_mut() = http::Method::DELETE;
    assert_eq!(world.send(delete).await.status, 200);
    assert_eq!(create(&world, &build).await.status, 403);
}

#[tokio::test]
async fn where_ollama_does_not_tell_what_is_there_it_counts_as_a_pull() {
    let world = world("").await;
    for fault in [Fault::RunnerFailed, Fault::Garbage, Fault::CloseBeforeHeaders] {
        world.ollama.fail("/api/tags", fault);
        let reply = create(&world, &json!({"model": "mine", "from": "llama3.2:3b"})).await;
        assert_eq!(reply.status, 403, "{fault:?}: {}", reply.text());
        assert!(reply.text().contains("Ollama does not tell what is"), "{}", reply.text());
    }
    assert!(created(&world).is_empty());
    let reply = create(&world, &json!({"model": "mine", "from": "llama3.2:3b"})).await;
    assert_eq!(reply.status, 200, "and it is asked again: {}", reply.text());
}

#[tokio::test]
async fn a_model_may_not_be_pulled_under_another_name() {
    let world = world("").await;
    let more = format!(
        r#"{}  - name: everything
    subjects: {{ groups: [ops] }}
    policy: odd
    settings: {{ behaviour: {{ replace-model: "llama3.2:1b" }} }}
"#,
        makers("")
            .replace("operations: [create, upload-blob, delete, copy]", "operations: [create]")
    );
    assert!(world.rebind(&more).await.rejected.is_none());
    let reply = create(&world, &json!({"model": "mine", "from": "llama3.2:7b"})).await;
    assert_eq!(reply.status, 403, "{}", reply.text());
    assert!(created(&world).is_empty());
}

#[tokio::test]
async fn a_base_is_asked_for_as_it_is_spelled() {
    let mut world = world("").await;
    let ollama = world.ask_ollama_directly();
    let pulled = stockade_tests::Connection::open(ollama)
        .await
        .send({
            let mut pull =
                post("/api/pull", None, r#"{"model":"hf.co/Somebody/Model-GGUF:Q4_K_M"}"#);
            pull.headers_mut().insert("host", "localhost".parse().unwrap());
            pull
        })
        .await;
    assert_eq!(pulled.status, 200);
    for from in ["hf.co/Somebody/Model-GGUF:Q4_K_M", "hf.co/somebody/model-gguf:q4_k_m"] {
        let reply = create(&world, &json!({"model": "mine", "from": from})).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert!(!reply.text().contains("pulling"), "{}", reply.text());
    }
    for forwarded in created(&world) {
        assert_eq!(forwarded["from"], "hf.co/Somebody/Model-GGUF:Q4_K_M");
    }
}

#[tokio::test]
async fn a_digest_reaches_any_weights_so_it_needs_files_any() {
    let refused = [
        json!({"model": "mine", "files": {"a.gguf": DIGEST}}),
        json!({"model": "mine", "from": "llama3.2:3b", "adapters": {"a.gguf": DIGEST}}),
        json!({"model": "mine", "from": "llama3.2:3b", "draft_files": {"a.gguf": DIGEST}}),
        json!({"model": "mine", "files": {"a.gguf": DIGEST.replace(':', "-").to_uppercase()
            .replace("SHA256", "sha256")}}),
        // What a newer Ollama may take.
        json!({"model": "mine", "from": "llama3.2:3b", "projector": DIGEST}),
        json!({"model": "mine", "from": "llama3.2:3b", "layers": [{"parts": {"a": DIGEST}}]}),
        json!({"model": "mine", "from": "llama3.2:3b", "layers": {DIGEST: "a"}}),
    ];
    let none = world("files: none").await;
    for body in &refused {
        let reply = create(&none, body).await;
        assert_eq!(reply.status, 403, "{body}: {}", reply.text());
        assert!(reply.text().contains("may not be made of files"), "{}", reply.text());
    }
    assert!(created(&none).is_empty());
    let blob = post(&format!("/api/blobs/{DIGEST}"), Some(none.key("bob")), "weights");
    assert_ne!(none.send(blob).await.status, 403, "an upload is another matter");

    let any = world("files: any").await;
    for body in &refused {
        assert_ne!(create(&any, body).await.status, 403, "{body}");
    }
    assert_eq!(created(&any).len(), refused.len());
}

#[tokio::test]
async fn an_old_modelfile_is_not_forwarded() {
    let world = world("").await;
    let body = json!({"model": "mine", "from": "llama3.2:3b", "modelfile": format!("FROM @{DIGEST}"),
                      "path": "/root"});
    assert_eq!(create(&world, &body).await.status, 200);
    assert_eq!(created(&world), [json!({"model": "mine:latest", "from": "llama3.2:3b"})]);
}

/// A policy that never looked at digests cannot have meant to allow them.
#[tokio::test]
async fn an_allow_that_does_not_judge_digests_does_not_count_for_them() {
    let world = world("").await;
    let bindings = format!(
        "policies: {{ odd: {{ module: {ODD:?} }} }}\n\
         bindings:\n\
         \x20 - {{ name: all, subjects: everyone, policy: odd, settings: {{ behaviour: allow }} }}\n"
    );
    assert!(world.rebind(&bindings).await.rejected.is_none());
    let reply = create(&world, &json!({"model": "mine", "from": "llama3.2:3b"})).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let reply = create(&world, &json!({"model": "mine", "files": {"a": DIGEST}})).await;
    assert_eq!(reply.status, 403, "{}", reply.text());
    assert!(reply.text().contains("only a policy that judges them can allow"), "{}", reply.text());
    assert_eq!(created(&world).len(), 1);
}

#[tokio::test]
async fn a_key_that_is_narrowed_to_models_reaches_no_digest() {
    let world = world("files: any").await;
    let key = stockade_authn::KeyText::generate();
    let carol = format!(
        "  carol: {{ groups: [ops], keys: [{{ id: c, sha256: \"{}\", models: [\"mine:*\", \
         \"llama3.2:*\"] }}] }}\n{}",
        key.digest(),
        makers("files: any")
    );
    assert!(world.rebind(&carol).await.rejected.is_none());
    for (body, status) in [
        (json!({"model": "mine", "from": "llama3.2:3b"}), 200),
        (json!({"model": "mine", "files": {"a": DIGEST}}), 403),
        (json!({"model": "mine", "from": "qwen3:8b"}), 403),
    ] {
        let request = post("/api/create", Some(key.expose()), &body.to_string());
        let reply = world.send(request).await;
        assert_eq!(reply.status, status, "{body}: {}", reply.text());
    }
}

#[tokio::test]
async fn a_list_is_asked_for_by_whoever_makes_models_and_nobody_else() {
    let world = world("").await;
    let body = json!({"model": "mine", "from": "llama3.2:3b"}).to_string();
    let denied = world.send(post("/api/create", Some(world.key("alice")), &body)).await;
    assert_eq!(denied.status, 403);
    world.send(get("/api/version", None)).await;
    assert!(world.ollama.requests().iter().all(|request| request.target == "/api/version"));
}
