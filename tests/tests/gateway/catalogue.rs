//! The models of Ollama: what the gateway knows of them, since when, and what it does with that.

use serde_json::{Value, json};
use stockade_core::{ModelFacts, ModelName, Presence};
use stockade_simulator::{Fault, Hold};
use stockade_tests::{Connection, Log, Reply, Setup, World, get, post, soon};

fn name(spelling: &str) -> ModelName {
    ModelName::parse(spelling).unwrap()
}

/// Returns the facts about a model, and its spelling.
fn known(world: &World, model: &str) -> Option<(String, ModelFacts)> {
    let generation = world.server().current().load();
    let known = world.server().catalogue().known(&generation.config.upstream);
    match known.find(&name(model)) {
        Presence::Installed(spelled, facts) => Some((spelled.spelled().to_owned(), facts.clone())),
        Presence::Missing | Presence::Unknown => None,
    }
}

/// Returns how often the gateway has asked for the models on disk.
fn asked(world: &World) -> usize {
    let requests = world.ollama.requests_apart();
    requests.iter().filter(|request| request.target == "/api/tags").count()
}

/// Bob may do whatever is asked for here with the models of these patterns.
fn bob_may(models: &str, cloud: bool) -> String {
    format!(
        r"policies:
  pull-guard: {{ module: builtin/pull-guard }}
  model-access: {{ module: builtin/model-access }}
bindings:
  - name: changes
    subjects: {{ users: [bob] }}
    policy: pull-guard
    settings: {{ users: [bob], operations: [pull, copy, delete, push], sources: [{models}], targets: [{models}] }}
  - name: models
    subjects: {{ users: [bob] }}
    policy: model-access
    settings: {{ allow: [{models}], cloud: {cloud} }}
"
    )
}

async fn bob(world: &World, path: &str, body: &Value) -> Reply {
    world.send(post(path, Some(world.key("bob")), &body.to_string())).await
}

async fn delete(world: &World, model: &str) -> Reply {
    let body = json!({ "model": model }).to_string();
    let mut request = post("/api/delete", Some(world.key("bob")), &body);
    *request.method_mut() = http::Method::DELETE;
    world.send(request).await
}

/// Does something at Ollama itself, beside the gateway.
async fn beside(world: &World, path: &str, body: &Value) {
    let mut request = post(path, None, &body.to_string());
    request.headers_mut().insert("host", "localhost".parse().unwrap());
    let reply = Connection::open(world.ollama.addr()).await.send(request).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
}

#[tokio::test]
async fn what_ollama_tells_of_its_models_is_known_from_the_start() {
    let world = World::build(Setup {
        models: &["hf.co/Foo/Bar:Q4_K_M"],
        cloud_models: &["helper"],
        ..Setup::default()
    })
    .await;
    let (spelled, facts) = known(&world, "HF.CO/foo/bar:q4_k_m").unwrap();
    assert_eq!(spelled, "hf.co/Foo/Bar:Q4_K_M");
    assert_eq!((facts.bytes, facts.parameters), (Some(2_019_393_189), Some(3_200_000_000)));
    assert_eq!(
        (facts.family.as_deref(), facts.quantization.as_deref()),
        (Some("simulated"), Some("Q4_K_M"))
    );
    assert!(facts.digest.is_some() && !facts.cloud && !facts.loaded);
    let (_, helper) = known(&world, "helper").unwrap();
    assert!(helper.cloud);
    assert!(known(&world, "other").is_none());
    let status = world.server().catalogue().status();
    assert_eq!((status.models, status.failing), (Some(6), false));
}

#[tokio::test]
async fn what_is_in_memory_is_known_under_each_of_its_names() {
    let world = World::with(&bob_may("\"*\"", false)).await;
    let copy = json!({"source": "llama3.2:3b", "destination": "mine"});
    assert_eq!(bob(&world, "/api/copy", &copy).await.status, 200);
    let hello = json!({"model": "mine", "prompt": "Hi", "stream": false});
    assert_eq!(bob(&world, "/api/generate", &hello).await.status, 200);
    world.server().catalogue().asked_again().await;
    let (_, of_copy) = known(&world, "mine").unwrap();
    let (_, of_model) = known(&world, "llama3.2:3b").unwrap();
    assert_eq!(of_copy.digest, of_model.digest);
    assert!(of_copy.loaded && of_model.loaded);
    assert!(!known(&world, "qwen3:8b").unwrap().1.loaded);
}

#[tokio::test]
async fn a_change_through_the_gateway_is_known_to_the_next_request() {
    let world = World::with(&bob_may("\"*\"", false)).await;
    let show =
        async |model: &str| bob(&world, "/api/show", &json!({ "model": model })).await.status;
    for (path, body, model) in [
        ("/api/pull", json!({"model": "Pulled:V1"}), "pulled:v1"),
        ("/api/pull", json!({"model": "Whole", "stream": false}), "whole"),
        ("/api/copy", json!({"source": "qwen3:8b", "destination": "Copied"}), "copied"),
    ] {
        assert_eq!(bob(&world, path, &body).await.status, 200);
        let before = asked(&world);
        assert_eq!(show("llama3.2:1b").await, 200, "a request that names a model");
        assert!(known(&world, model).is_some(), "{path} {model}");
        assert!(asked(&world) <= before + 1);
    }
    assert_eq!(delete(&world, "pulled:v1").await.status, 200);
    assert_eq!(show("llama3.2:1b").await, 200);
    assert!(known(&world, "pulled:v1").is_none());
    let quiet = asked(&world);
    assert_eq!(delete(&world, "pulled:v1").await.status, 404);
    for model in ["llama3.2:1b", "copied", "qwen3:8b"] {
        assert_eq!(show(model).await, 200);
    }
    // The one is for the name that the delete could not find.
    assert!(asked(&world) <= quiet + 1, "nothing has changed");
}

#[tokio::test]
async fn an_unknown_name_is_looked_for_once() {
    let world = World::with(&bob_may("\"*\"", false)).await;
    beside(&world, "/api/pull", &json!({"model": "Beside:Q4"})).await;
    world.server().catalogue().asked_again().await;
    assert!(known(&world, "beside:q4").is_some());
    // It was asked a moment ago, so names that nobody knows are not asked for again and again.
    let before = asked(&world);
    for number in 0..20 {
        let chat = json!({"model": format!("nobody:{number}"), "messages": []});
        assert_eq!(bob(&world, "/api/chat", &chat).await.status, 404);
    }
    let since = world.server().catalogue().status().age.unwrap();
    let most = usize::try_from(since.as_secs()).unwrap() + 2;
    assert!(asked(&world) <= before + most, "{} times", asked(&world) - before);
}

#[tokio::test]
async fn the_last_good_list_is_kept_while_ollama_tells_nothing() {
    let mut log = Log::start();
    let world = World::with(&bob_may("\"*\"", false)).await;
    let catalogue = world.server().catalogue();
    for _ in 0..3 {
        world.ollama.fail("/api/tags", Fault::RunnerFailed);
        catalogue.asked_again().await;
        assert!(catalogue.status().failing);
        assert!(known(&world, "qwen3:8b").is_some());
    }
    let line = log.next_message("the list of installed models cannot be fetched").await;
    assert_eq!(line["level"], "WARN");
    assert!(line["last_good_seconds_ago"].is_u64(), "{line}");
    catalogue.asked_again().await;
    assert!(!catalogue.status().failing);
    // Each failure after the first is no line of its own.
    let next = log.next_message("the list of installed models").await;
    let again = "the list of installed models can be fetched again";
    assert_eq!(next["message"], again, "{next}");
}

#[tokio::test]
async fn a_slow_ollama_holds_up_nobody() {
    let world = World::with(&bob_may("\"*\"", false)).await;
    let gate = world.ollama.hold("/api/tags", Hold::BeforeHeaders);
    let copy = json!({"source": "qwen3:8b", "destination": "copied"});
    assert_eq!(bob(&world, "/api/copy", &copy).await.status, 200);
    // It is decided by what is known, although the list of now is never given.
    let reply = soon("an answer", bob(&world, "/api/show", &json!({"model": "copied"}))).await;
    assert_eq!(reply.status, 200);
    assert!(known(&world, "copied").is_none());
    drop(gate);
    world.server().catalogue().asked_again().await;
    assert!(known(&world, "copied").is_some());
}

#[tokio::test]
async fn the_list_of_another_upstream_counts_for_nothing() {
    let world = World::build(Setup { models: &["only-here"], ..Setup::default() }).await;
    let other = World::build(Setup { models: &["only-there"], ..Setup::default() }).await;
    let (here, there) = (world.ollama.addr().to_string(), other.ollama.addr().to_string());
    world.edit(&here, &there).await;
    assert!(known(&world, "only-here").is_none());
    world.server().catalogue().asked_again().await;
    assert!(known(&world, "only-here").is_none() && known(&world, "only-there").is_some());
}

#[tokio::test]
async fn what_is_installed_is_forwarded_in_its_spelling() {
    let world = World::build(Setup {
        bindings: &bob_may("\"hf.co/foo/*\", \"mixed:*\", \"copied:*\"", false),
        models: &["hf.co/Foo/Bar:Q4_K_M", "Mixed:V1"],
        ..Setup::default()
    })
    .await;
    // The two routes that do not fold case are among them.
    for (path, more) in [
        ("/api/embeddings", json!({"prompt": "Hi"})),
        ("/api/generate", json!({"prompt": "Hi"})),
        ("/api/show", json!({})),
        ("/v1/chat/completions", json!({"messages": [{"role": "user", "content": "Hi"}]})),
    ] {
        for (asked, installed) in
            [("hf.co/foo/bar:q4_k_m", "hf.co/Foo/Bar:Q4_K_M"), ("MIXED:v1", "Mixed:V1")]
        {
            let mut body = more.clone();
            body["model"] = json!(asked);
            let reply = bob(&world, path, &body).await;
            assert_eq!(reply.status, 200, "{path} {asked}: {}", reply.text());
            let forwarded = world.ollama.requests().pop().unwrap();
            let forwarded: Value = serde_json::from_slice(&forwarded.body).unwrap();
            assert_eq!(forwarded["model"], installed, "{path}");
        }
    }
    let reply = world.send(get("/v1/models/mixed:v1", Some(world.key("bob")))).await;
    assert_eq!(reply.status, 200);
    assert_eq!(world.ollama.requests().pop().unwrap().target, "/v1/models/Mixed:V1");
    let copy = json!({"source": "mixed:v1", "destination": "copied"});
    assert_eq!(bob(&world, "/api/copy", &copy).await.status, 200);
    let copied: Value =
        serde_json::from_slice(&world.ollama.requests().pop().unwrap().body).unwrap();
    assert_eq!(copied, json!({"source": "Mixed:V1", "destination": "copied:latest"}));
}

#[tokio::test]
async fn a_cloud_model_is_one_by_what_it_is() {
    let setup = Setup { cloud_models: &["helper"], ..Setup::default() };
    let bindings = bob_may("\"*\"", false);
    let world = World::build(Setup { bindings: &bindings, ..setup }).await;
    let chat = json!({"model": "Helper", "messages": [{"role": "user", "content": "Hi"}]});
    let reply = bob(&world, "/api/chat", &chat).await;
    assert_eq!(reply.status, 403, "{}", reply.text());
    assert!(reply.text().contains("cloud"), "{}", reply.text());
    let copy = json!({"source": "helper", "destination": "harmless"});
    assert_eq!(bob(&world, "/api/copy", &copy).await.status, 403);
    for path in ["/api/tags", "/v1/models"] {
        let list = world.send(get(path, Some(world.key("bob")))).await;
        assert!(!list.text().contains("helper"), "{path}: {}", list.text());
    }
    assert!(world.ollama.requests().iter().all(|request| request.target != "/api/chat"));
    assert!(world.rebind(&bob_may("\"*\"", true)).await.rejected.is_none());
    let reply = bob(&world, "/api/chat", &chat).await;
    // Nobody is signed in to the cloud, which only Ollama can find out.
    assert_eq!(reply.status, 502, "{}", reply.text());
    assert_eq!(world.ollama.requests().pop().unwrap().target, "/api/chat");
}

#[tokio::test]
async fn a_cloud_model_under_a_new_name_is_found_out() {
    let bindings = bob_may("\"*\"", false);
    let setup = Setup { bindings: &bindings, cloud_models: &["helper"], ..Setup::default() };
    let world = World::build(setup).await;
    let copy = json!({"source": "helper", "destination": "harmless"});
    beside(&world, "/api/copy", &copy).await;
    world.server().catalogue().asked_again().await;
    let show = json!({"model": "harmless"});
    let reply = bob(&world, "/api/show", &show).await;
    assert_eq!(reply.status, 403, "{}", reply.text());
    assert!(known(&world, "harmless").unwrap().1.cloud);
}
