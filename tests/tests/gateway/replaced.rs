//! A policy may put another model in the place of the one asked for. The other one is judged
//! like any request for it: by every policy, and by what the credential is narrowed to.

use stockade_authn::KeyText;
use stockade_tests::{Log, ODD, World, get, post};

/// Everybody's model is replaced by the largest, and `rest` says more.
fn replacing(rest: &str) -> String {
    format!(
        r#"
policies:
  model-access: {{ module: builtin/model-access }}
  odd: {{ module: "{ODD}" }}
bindings:
  - {{ name: larger, subjects: {{ groups: [research] }}, policy: odd, settings: {{ behaviour: {{ replace-model: "llama3.3:70b" }} }} }}
{rest}"#
    )
}

const DENY_LARGE: &str = r#"
  - { name: not the largest, subjects: everyone, policy: model-access, settings: { deny: ["*:70b"] } }
"#;

const CHAT: &str =
    r#"{"model":"llama3.2:3b","messages":[{"role":"user","content":"Hi"}],"stream":false}"#;

/// The models that arrived at Ollama, with the status of the answer.
async fn chat(world: &World, key: &str) -> (u16, String, Vec<String>) {
    let before = world.ollama.requests().len();
    let reply = world.send(post("/api/chat", Some(key), CHAT)).await;
    let forwarded = world.ollama.requests().into_iter().skip(before).map(|request| {
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        body["model"].as_str().unwrap().to_owned()
    });
    (reply.status.as_u16(), reply.text(), forwarded.collect())
}

#[tokio::test]
async fn a_permitted_replacement_is_forwarded() {
    let world = World::with(&replacing("")).await;
    let (status, _, forwarded) = chat(&world, world.key("alice")).await;
    assert_eq!((status, forwarded), (200, vec!["llama3.3:70b".to_owned()]));
}

#[tokio::test]
async fn a_deny_of_the_other_model_holds() {
    let world = World::with(&replacing(DENY_LARGE)).await;
    let (status, text, forwarded) = chat(&world, world.key("alice")).await;
    assert_eq!((status, forwarded.len()), (403, 0), "{text}");
    assert!(text.contains("replaces the model by llama3.3:70b"), "{text}");
    // What may not be used is not in lists either.
    let list = world.send(get("/api/tags", Some(world.key("alice")))).await;
    assert!(!list.text().contains("llama3"), "{}", list.text());
}

#[tokio::test]
async fn a_key_that_is_narrowed_to_models_is_not_good_for_others() {
    let key = KeyText::generate();
    let users = format!(
        "  dora: {{ groups: [research], keys: [{{ id: narrow, sha256: \"{}\", models: [\"llama3.2:*\"] }}] }}",
        key.digest()
    );
    let world = World::with(&format!("{users}\n{}", replacing(""))).await;
    let (status, text, forwarded) = chat(&world, key.expose()).await;
    assert_eq!((status, forwarded.len()), (403, 0), "{text}");
    assert!(text.contains("not good for the model llama3.3:70b"), "{text}");
}

#[tokio::test]
async fn a_cloud_model_stays_one_that_needs_leave() {
    let policy = replacing("").replace("llama3.3:70b", "gpt-oss:120b-cloud");
    let guard = r#"
  - { name: no cloud, subjects: everyone, policy: model-access, settings: { deny: ["*:*-cloud"] } }
"#;
    let world = World::with(&(policy + guard)).await;
    let (status, text, forwarded) = chat(&world, world.key("alice")).await;
    assert_eq!((status, forwarded.len()), (403, 0), "{text}");
}

#[tokio::test]
async fn two_policies_that_replace_in_turn_are_refused() {
    // For the large model the second policy says another one, so there is no end.
    let more = r#"
  - { name: smaller, subjects: { users: [alice] }, policy: odd, settings: { behaviour: { replace-model: "llama3.2:1b" } } }
"#;
    let world = World::with(&replacing(more)).await;
    let (status, text, forwarded) = chat(&world, world.key("alice")).await;
    assert_eq!((status, forwarded.len()), (500, 0), "{text}");
}

/// Tests of the configuration judge as the gateway does.
#[tokio::test]
async fn a_test_of_the_configuration_sees_what_would_be_forwarded() {
    let world = World::with(&replacing(DENY_LARGE)).await;
    let with_test = |expect: &str| {
        replacing(DENY_LARGE)
            + &format!(
                "tests:\n  - {{ user: alice, operation: chat, model: \"llama3.2:3b\", expect: {expect} }}\n"
            )
    };
    assert!(world.rebind(&with_test("allow")).await.rejected.is_some());
    assert!(world.rebind(&with_test("deny")).await.rejected.is_none());
}

/// A shadow binding is asked about the model that would be forwarded.
#[tokio::test]
async fn a_shadow_binding_speaks_of_the_other_model() {
    let mut log = Log::start();
    let shadow = DENY_LARGE.replace(" }\n", ", mode: shadow }\n");
    let world = World::with(&replacing(&shadow)).await;
    assert_eq!(chat(&world, world.key("alice")).await.0, 200);
    // Other tests of this program write into the same log.
    let line = log.next(|line| line["shadow"].is_array()).await;
    let shadow = line["shadow"].to_string();
    assert!(shadow.contains("not the largest") && shadow.contains("\"changes\":true"), "{shadow}");
    assert_eq!(line["decision"], "permit", "{line}");
    let forwarded = &line["forwarded_model"];
    assert!(forwarded.is_string() && *forwarded != line["models"][0]["name"], "{line}");
}
