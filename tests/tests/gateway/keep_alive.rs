//! `keep_alive` unloads and pins models, which is a right of its own.

use serde_json::{Value, json};
use stockade_tests::{World, post};

/// Everybody may use the small models; bob may unload and pin them, too.
const BINDINGS: &str = r#"
policies:
  model-access: { module: builtin/model-access }
  pull-guard: { module: builtin/pull-guard }
  request-caps: { module: builtin/request-caps }
bindings:
  - name: uses
    subjects: everyone
    policy: model-access
    settings: { allow: ["llama3.2:*"] }
  - name: memory
    subjects: { groups: [ops] }
    policy: pull-guard
    settings: { groups: [ops], operations: [unload, pin], targets: ["llama3.2:3b"] }
"#;

const UNLOADS: [&str; 8] =
    ["0", "0.0", "1e-9", "0.5", r#""0""#, r#""1ns""#, r#""999ms""#, r#""-0s""#];
const PINS: [&str; 6] = ["-1", "-0.5", r#""-1ns""#, r#""876000h""#, r#""24h1s""#, "86401"];
const ORDINARY: [&str; 6] = ["300", "1", r#""5m""#, r#""1s""#, r#""24h""#, "86400"];

/// Returns the body for each route, without its `keep_alive`.
fn requests(model: &str) -> [(&'static str, Value); 4] {
    [
        ("/api/generate", json!({"model": model, "prompt": "Hi", "stream": false})),
        ("/api/chat", json!({"model": model, "messages": [{"role": "user", "content": "Hi"}]})),
        ("/api/embed", json!({"model": model, "input": "Hi"})),
        ("/api/embeddings", json!({"model": model, "prompt": "Hi"})),
    ]
}

fn with(body: &Value, keep_alive: &str) -> String {
    let body = body.to_string();
    format!("{},\"keep_alive\":{keep_alive}}}", body.strip_suffix('}').unwrap())
}

/// Tells whether the last request arrived with a `keep_alive`.
fn kept(world: &World) -> bool {
    let requests = world.ollama.requests();
    let body: Value = serde_json::from_slice(&requests.last().unwrap().body).unwrap();
    body.get("keep_alive").is_some()
}

async fn ask(world: &World, user: &str, (path, body): &(&str, Value), keep_alive: &str) -> u16 {
    let body = with(body, keep_alive);
    world.send(post(path, Some(world.key(user)), &body)).await.status.as_u16()
}

#[tokio::test]
async fn what_unloads_or_pins_is_left_out_where_the_caller_may_not() {
    let world = World::with(BINDINGS).await;
    for request in requests("llama3.2:3b") {
        for keep_alive in UNLOADS.into_iter().chain(PINS) {
            let status = ask(&world, "alice", &request, keep_alive).await;
            assert_eq!((status, kept(&world)), (200, false), "alice {} {keep_alive}", request.0);
            let status = ask(&world, "bob", &request, keep_alive).await;
            assert_eq!((status, kept(&world)), (200, true), "bob {} {keep_alive}", request.0);
        }
        for keep_alive in ORDINARY {
            let status = ask(&world, "alice", &request, keep_alive).await;
            assert_eq!((status, kept(&world)), (200, true), "{} {keep_alive}", request.0);
        }
    }
    for request in requests("llama3.2:1b") {
        let status = ask(&world, "bob", &request, "-1").await;
        assert_eq!((status, kept(&world)), (200, false), "it is not among the targets");
    }
}

#[tokio::test]
async fn the_rest_of_the_body_is_forwarded_as_it_is() {
    let world = World::with(BINDINGS).await;
    let body = r#"{"keep_alive":-1,"model":"llama3.2:3b","prompt":"Hi","stream":false,"seed":1}"#;
    let reply = world.send(post("/api/generate", Some(world.key("alice")), body)).await;
    assert_eq!(reply.status, 200);
    let sent = &world.ollama.requests()[0];
    let expected = r#"{"model":"llama3.2:3b","prompt":"Hi","stream":false,"seed":1}"#;
    assert_eq!(String::from_utf8_lossy(&sent.body), expected);
}

#[tokio::test]
async fn a_request_that_is_nothing_else_is_refused() {
    let world = World::with(BINDINGS).await;
    let empty = [
        ("/api/generate", json!({"model": "llama3.2:3b"})),
        ("/api/chat", json!({"model": "llama3.2:3b", "messages": []})),
        ("/api/embed", json!({"model": "llama3.2:3b", "input": ""})),
    ];
    for request in empty {
        for keep_alive in UNLOADS.into_iter().chain(PINS) {
            assert_eq!(ask(&world, "alice", &request, keep_alive).await, 403, "{keep_alive}");
            assert_eq!(ask(&world, "bob", &request, keep_alive).await, 200, "{keep_alive}");
            assert!(kept(&world), "{keep_alive}");
        }
        for keep_alive in ORDINARY {
            assert_eq!(ask(&world, "alice", &request, keep_alive).await, 200, "{keep_alive}");
        }
    }
}

#[tokio::test]
async fn a_key_that_is_narrowed_to_chatting_neither_unloads_nor_pins() {
    let key = stockade_authn::KeyText::generate();
    let carol = format!(
        "  carol: {{ groups: [ops], keys: [{{ id: c, sha256: \"{}\", operations: [chat] }}] }}\n",
        key.digest()
    );
    let world = World::with(&format!("{carol}{BINDINGS}")).await;
    let (path, body) = &requests("llama3.2:3b")[1];
    let reply = world.send(post(path, Some(key.expose()), &with(body, "-1"))).await;
    assert_eq!((reply.status.as_u16(), kept(&world)), (200, false));
}

#[tokio::test]
async fn a_limit_of_a_policy_is_the_policys_own_word() {
    let caps = "  - name: caps\n    subjects: everyone\n    policy: request-caps\n    \
                settings: { keep_alive: 90000 }\n";
    let world = World::with(&format!("{BINDINGS}{caps}")).await;
    let request = &requests("llama3.2:3b")[0];
    for (keep_alive, forwarded) in [
        ("-1", json!(90000)),
        (r#""876000h""#, json!(90000)),
        // Left out, and so written by the policy.
        (r#""24h1s""#, json!(90000)),
        ("0", json!(90000)),
        ("60", json!(60)),
    ] {
        assert_eq!(ask(&world, "alice", request, keep_alive).await, 200);
        let body = world.ollama.requests().last().unwrap().body.clone();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["keep_alive"], forwarded, "{keep_alive}");
    }
}
