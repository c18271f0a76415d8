//! Fields that are not forwarded because of what they would do, and the log that tells which.

use serde_json::{Value, json};
use stockade_tests::{Log, ODD, World, post};

const BINDINGS: &str = r#"
policies:
  model-access: { module: builtin/model-access }
  pull-guard: { module: builtin/pull-guard }
bindings:
  - name: uses
    subjects: everyone
    policy: model-access
    settings: { allow: ["llama3.2:*"] }
  - name: memory
    subjects: { groups: [ops] }
    policy: pull-guard
    settings: { groups: [ops], operations: [pin], targets: ["llama3.2:3b"] }
"#;

#[tokio::test]
async fn fields_are_left_out_and_stand_in_the_line() {
    let mut log = Log::start();
    models_are_not_pinned(&mut log).await;
    pulls_over_plain_http_become_ones_over_tls(&mut log).await;
    pulls_over_plain_http_stay_so_where_a_policy_allows_it(&mut log).await;
}

async fn models_are_not_pinned(log: &mut Log) {
    let world = World::with(BINDINGS).await;
    for (user, left_out) in [("alice", json!("keep_alive")), ("bob", Value::Null)] {
        let body = r#"{"model":"llama3.2:3b","prompt":"Hi","keep_alive":-1,"stream":false}"#;
        assert_eq!(
            world.send(post("/api/generate", Some(world.key(user)), body)).await.status,
            200
        );
        let line = log.next_request().await;
        assert_eq!((&line["left_out"], &line["decision"]), (&left_out, &json!("permit")), "{line}");
    }
}

/// Open WebUI sends `insecure` with every pull, and its users cannot choose.
async fn pulls_over_plain_http_become_ones_over_tls(log: &mut Log) {
    let world = World::start().await;
    let body = r#"{"name":"gemma3:4b","model":"gemma3:4b","insecure":true}"#;
    for (path, user, status, forwarded) in [
        ("/api/pull", "bob", 200, Some(json!({"model": "gemma3:4b"}))),
        ("/api/pull", "alice", 403, None),
        ("/api/push", "bob", 403, None),
    ] {
        let reply = world.send(post(path, Some(world.key(user)), body)).await;
        assert_eq!(reply.status, status, "{path} {user}: {}", reply.text());
        assert!(!reply.text().contains("insecure"), "{}", reply.text());
        let line = log.next_request().await;
        assert_eq!(line["left_out"], "insecure", "{line}");
        // What was judged, so that it can be judged again from the line.
        assert_eq!(line["decision_input"]["parameters"].get("insecure"), None, "{line}");
        let sent = world.ollama.requests().pop().map(|request| request.body);
        let sent = sent.map(|body| serde_json::from_slice::<Value>(&body));
        if let Some(forwarded) = forwarded {
            assert_eq!(sent.and_then(Result::ok), Some(forwarded), "{path} {user}");
        }
    }
    assert_eq!(world.ollama.requests().len(), 1, "what is refused is not forwarded");
}

fn everything_is_allowed() -> String {
    format!(
        "policies: {{ odd: {{ module: {ODD:?} }} }}\nbindings:\n  - {{ name: all, subjects: everyone, \
         policy: odd, settings: {{ behaviour: allow }} }}\n"
    )
}

async fn pulls_over_plain_http_stay_so_where_a_policy_allows_it(log: &mut Log) {
    let world = World::with(&everything_is_allowed()).await;
    let body = r#"{"model":"gemma3:4b","insecure":true,"stream":false}"#;
    let reply = world.send(post("/api/pull", Some(world.key("alice")), body)).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let sent = world.ollama.requests().pop().map(|request| request.body.to_vec());
    let sent = sent.and_then(|body| String::from_utf8(body).ok()).unwrap_or_default();
    assert!(sent.contains(r#""insecure":true"#), "{sent}");
    let line = log.next_request().await;
    assert_eq!(line.get("left_out"), None, "{line}");
    assert_eq!(line["decision_input"]["parameters"]["insecure"], true, "{line}");
}
