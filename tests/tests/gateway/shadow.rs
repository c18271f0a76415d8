//! A shadow binding is asked, logged and counted, and never obeyed.

use serde_json::{Value, json};
use stockade_control::shadow::ShadowCount;
use stockade_tests::{Log, ODD, World, get, post};

const CHAT: &str = r#"{"model":"llama3.2:3b","prompt":"Hello","stream":false}"#;

fn bindings(mode: &str) -> String {
    format!(
        r#"
policies:
  model-access: {{ module: builtin/model-access }}
  odd: {{ module: "{ODD}" }}
bindings:
  - {{ name: all, subjects: {{ groups: [research] }}, policy: model-access, settings: {{ allow: ["*"] }} }}
  - {{ name: none, subjects: {{ users: [alice] }}, policy: odd, settings: {{ behaviour: {{ deny: why }} }}, mode: {mode} }}
  - {{ name: broken, subjects: {{ users: [bob] }}, policy: odd, settings: {{ behaviour: trap }}, mode: {mode} }}
  - {{ name: open, subjects: {{ users: [kim] }}, policy: odd, settings: {{ behaviour: allow }}, mode: {mode} }}
"#
    )
}

async fn status(world: &World, user: &str) -> u16 {
    world.send(post("/api/generate", Some(world.key(user)), CHAT)).await.status.as_u16()
}

/// The only remark of a line, without its reason, which is the policy's own.
fn remark(line: &Value) -> Value {
    let mut verdicts = line["shadow"].as_array().unwrap().clone();
    assert_eq!(verdicts.len(), 1, "{line}");
    verdicts[0].as_object_mut().unwrap().remove("reason");
    verdicts.remove(0)
}

#[tokio::test]
async fn shadow_decisions_are_logged_and_counted_and_not_obeyed() {
    let mut log = Log::start();
    let world = World::with(&bindings("shadow")).await;
    for (user, expected, shadow) in [
        (
            "alice",
            200,
            json!({ "binding": "none", "policy": "odd", "verdict": "deny", "changes": true }),
        ),
        (
            "bob",
            200,
            json!({ "binding": "broken", "policy": "odd", "verdict": "failure", "changes": true }),
        ),
        (
            "kim",
            403,
            json!({ "binding": "open", "policy": "odd", "verdict": "allow", "changes": true }),
        ),
    ] {
        assert_eq!(status(&world, user).await, expected, "{user}");
        let line = log.next_request().await;
        assert_eq!(remark(&line), shadow, "{line}");
        assert_eq!(line["status"], expected, "{line}");
    }
    // What would be refused anyway is no change, and lists are not counted.
    let unknown = CHAT.replace("llama3.2:3b", "hf.co/a/b");
    world.send(post("/api/generate", Some(world.key("alice")), &unknown)).await;
    world.send(get("/api/tags", Some(world.key("alice")))).await;
    let counts = |world: &World| -> Vec<(String, ShadowCount)> {
        let counts = world.server().shadow().counts().into_iter();
        counts.map(|(binding, count)| (binding.as_str().to_owned(), count)).collect()
    };
    let none = ShadowCount { deny: 3, changes: 3, ..ShadowCount::default() };
    let broken = ShadowCount { failure: 1, changes: 1, ..ShadowCount::default() };
    let open = ShadowCount { allow: 1, changes: 1, ..ShadowCount::default() };
    let expected =
        [("broken".to_owned(), broken), ("none".to_owned(), none), ("open".to_owned(), open)];
    assert_eq!(counts(&world), expected);

    // The same bindings, enforced: what was foretold happens, and nothing is counted any more.
    assert!(world.rebind(&bindings("enforce")).await.rejected.is_none());
    assert_eq!(status(&world, "alice").await, 403);
    assert_eq!(status(&world, "bob").await, 500);
    assert_eq!(status(&world, "kim").await, 200);
    assert_eq!(counts(&world), expected);
}
