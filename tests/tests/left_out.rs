//! The log tells which field was not forwarded.

use serde_json::{Value, json};
use stockade_tests::{Log, World, post};

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
async fn a_field_that_was_left_out_stands_in_the_line() {
    let mut log = Log::start();
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
