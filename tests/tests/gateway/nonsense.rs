//! An answer that no policy may give refuses the request, and the log names who gave it.

use stockade_tests::{Log, ODD, World, get, post};

#[tokio::test]
async fn the_log_names_policy_binding_and_what_was_nonsense() {
    let mut log = Log::start();
    let world = World::with(&format!(
        r#"
policies:
  odd: {{ module: "{ODD}" }}
bindings:
  - {{ name: fine, subjects: everyone, policy: odd, settings: {{ behaviour: allow }} }}
  - {{ name: strange, subjects: everyone, policy: odd, settings: {{ behaviour: {{ replace-model: "../etc" }} }} }}
"#
    ))
    .await;
    let alice = Some(world.key("alice"));
    let body = r#"{"model":"llama3.2:3b","prompt":"Hi","stream":false}"#;
    // It is told once, however often it is asked and about however many models.
    for _ in 0..3 {
        assert_eq!(world.send(post("/api/generate", alice, body)).await.status, 500);
    }
    assert_eq!(world.send(get("/api/tags", alice)).await.status, 500);
    let line = log.next(|line| line["target"] == "stockade::policy").await;
    assert_eq!((&line["policy"], &line["binding"]), (&"odd".into(), &"strange".into()), "{line}");
    let text = line.to_string();
    assert!(
        text.contains("nonsense: it replaces the model by") && text.contains("../etc"),
        "{text}"
    );
    let again = post("/api/generate", alice, &body.replace("3b", "1b"));
    assert_eq!(world.send(again).await.status, 500);
    for _ in 0..5 {
        let line = log.next(|line| line["target"] != "stockade::jwks").await;
        assert_ne!(line["target"], "stockade::policy", "{line}");
    }
}
