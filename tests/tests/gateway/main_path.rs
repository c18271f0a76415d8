//! The main job: proven, judged, forwarded.

use stockade_core::{CredentialId, Secret, UnixTime, UserId};
use stockade_tests::{Setup, TOKEN_SECRET, World, get, post};

const HELLO: &str = r#"{"model":"llama3.2:3b","messages":[{"role":"user","content":"Hello"}]}"#;
const LARGE: &str = r#"{"model":"llama3.3:70b","messages":[{"role":"user","content":"Hello"}]}"#;
const ANTHROPIC: &str =
    r#"{"model":"llama3.2:3b","max_tokens":9,"messages":[{"role":"user","content":"Hello"}]}"#;

/// A token that expires so many seconds from now.
fn token(user: &str, seconds: i64) -> String {
    let id = CredentialId::new("main").unwrap();
    let secret = Secret::new(TOKEN_SECRET.as_bytes().to_vec());
    let secret = stockade_authn::TokenSecret::new(id, &secret).unwrap();
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let expiry = UnixTime::from_secs(now.saturating_add_signed(seconds));
    stockade_authn::issue(&secret, &UserId::new(user).unwrap(), expiry).expose().clone()
}

/// Every way to say the same, in each of the three APIs.
const CHATS: [(&str, &str); 3] =
    [("/api/chat", HELLO), ("/v1/chat/completions", HELLO), ("/v1/messages", ANTHROPIC)];

#[tokio::test]
async fn without_a_key_nothing_passes() {
    let world = World::start().await;
    for (path, body) in CHATS {
        let reply = world.send(post(path, None, body)).await;
        assert_eq!(reply.status, 401, "{path}");
        assert!(reply.headers.contains_key("www-authenticate"), "{path}");
    }
    let list = world.send(get("/api/tags", None)).await;
    assert_eq!(list.status, 401);
    assert!(world.ollama.requests().is_empty(), "nothing was forwarded");
}

#[tokio::test]
async fn a_wrong_key_is_no_key() {
    let world = World::start().await;
    let key = world.key("alice");
    let almost = format!("{}{}", &key[..key.len() - 1], if key.ends_with('0') { '1' } else { '0' });
    for wrong in ["sk-local-wrong", &almost, &key[..key.len() - 1], "alice:9999999999:00"] {
        let reply = world.send(post("/api/chat", Some(wrong), HELLO)).await;
        assert_eq!(reply.status, 401, "{wrong}");
    }
    assert!(world.ollama.requests().is_empty());
}

#[tokio::test]
async fn a_permitted_model_is_answered_in_every_api() {
    let world = World::start().await;
    for (path, body) in CHATS {
        let reply = world.send(post(path, Some(world.key("alice")), body)).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        assert!(reply.text().contains("imulated"), "{path}: {}", reply.text());
        assert!(reply.headers.contains_key("x-request-id"));
    }
    assert_eq!(world.ollama.requests().len(), 3);
}

#[tokio::test]
async fn another_model_is_refused_in_the_shape_of_the_api() {
    let world = World::start().await;
    let alice = world.key("alice");
    let native = world.send(post("/api/chat", Some(alice), LARGE)).await;
    assert_eq!(native.status, 403);
    assert!(native.json()["error"].is_string(), "{}", native.text());
    let openai = world.send(post("/v1/chat/completions", Some(alice), LARGE)).await;
    assert_eq!(openai.status, 403);
    assert!(openai.json()["error"]["message"].is_string(), "{}", openai.text());
    let body = ANTHROPIC.replace("llama3.2:3b", "llama3.3:70b");
    let anthropic = world.send(post("/v1/messages", Some(alice), &body)).await;
    assert_eq!(anthropic.status, 403);
    assert_eq!(anthropic.json()["error"]["type"], "permission_error", "{}", anthropic.text());
    assert!(world.ollama.requests().is_empty());
}

#[tokio::test]
async fn only_ops_may_pull_and_only_from_the_library() {
    let world = World::start().await;
    let pull = r#"{"model":"gemma3:4b","stream":false}"#;
    let refused = world.send(post("/api/pull", Some(world.key("alice")), pull)).await;
    assert_eq!(refused.status, 403);
    let elsewhere = r#"{"model":"hf.co/someone/model","stream":false}"#;
    let refused = world.send(post("/api/pull", Some(world.key("bob")), elsewhere)).await;
    assert_eq!(refused.status, 403);
    assert!(world.ollama.requests().is_empty());
    let pulled = world.send(post("/api/pull", Some(world.key("bob")), pull)).await;
    assert_eq!(pulled.status, 200, "{}", pulled.text());
    assert_eq!(world.ollama.requests().len(), 1);
}

#[tokio::test]
async fn a_list_shows_what_its_caller_may_use() {
    let world = World::start().await;
    let names = |reply: &stockade_tests::Reply, list: &str, name: &str| -> Vec<String> {
        let models = reply.json()[list].as_array().cloned().unwrap_or_default();
        models.iter().filter_map(|model| Some(model[name].as_str()?.to_owned())).collect()
    };
    let kim = world.send(get("/api/tags", Some(world.key("kim")))).await;
    assert_eq!(names(&kim, "models", "name"), ["llama3.2:1b"]);
    let alice = world.send(get("/v1/models", Some(world.key("alice")))).await;
    let mut seen = names(&alice, "data", "id");
    seen.sort();
    assert_eq!(seen, ["llama3.2:1b", "llama3.2:3b", "qwen3:8b"]);
}

#[tokio::test]
async fn the_heartbeat_and_the_version_need_no_credential() {
    let world = World::start().await;
    let heartbeat = world.send(get("/", None)).await;
    assert_eq!((heartbeat.status.as_u16(), heartbeat.text().as_str()), (200, "Ollama is running"));
    let version = world.send(get("/api/version", None)).await;
    assert_eq!(version.status, 200);
    assert!(version.json()["version"].is_string());
}

#[tokio::test]
async fn a_token_proves_its_user_until_it_expires() {
    let world = World::start().await;
    let status = async |token: String| {
        world.send(post("/api/chat", Some(&token), HELLO)).await.status.as_u16()
    };
    assert_eq!(status(token("alice", 60)).await, 200);
    assert_eq!(status(token("alice", -60)).await, 401);
    assert_eq!(status(token("nobody", 60)).await, 401);
    assert_eq!(status(token("kim", 60)).await, 403);
}

#[tokio::test]
async fn two_different_credentials_are_one_too_many() {
    let world = World::start().await;
    let mut request = post("/api/chat", Some(world.key("alice")), HELLO);
    request.headers_mut().insert("x-api-key", world.key("bob").parse().unwrap());
    assert_eq!(world.send(request).await.status, 400);
    let mut request = post("/api/chat", Some(world.key("alice")), HELLO);
    request.headers_mut().insert("x-api-key", world.key("alice").parse().unwrap());
    assert_eq!(world.send(request).await.status, 200);
}

#[tokio::test]
async fn what_is_not_modelled_is_not_forwarded() {
    let world = World::start().await;
    let bob = Some(world.key("bob"));
    for path in ["/api/unheard-of", "/v1/images/generations", "/debug/pprof"] {
        assert_eq!(world.send(post(path, bob, HELLO)).await.status, 404, "{path}");
    }
    let wrong_method = world.send(get("/api/chat", bob)).await;
    assert_eq!(wrong_method.status, 405);
    assert_eq!(wrong_method.headers["allow"], "POST");
    assert!(world.ollama.requests().is_empty());
}

#[tokio::test]
async fn nothing_of_the_caller_but_the_request_reaches_ollama() {
    let world = World::start().await;
    let key = world.key("alice").to_owned();
    let token = token("alice", 60);
    // However the caller proves who it is.
    for (name, value) in [
        ("authorization", format!("Bearer {key}")),
        ("authorization", format!("bearer {key}")),
        ("x-api-key", key.clone()),
        ("authorization", format!("Bearer {token}")),
        ("x-api-key", token.clone()),
    ] {
        let mut request = post("/api/chat", None, HELLO);
        for (name, value) in [
            (name, value.as_str()),
            ("cookie", "session=secret"),
            ("x-forwarded-for", "10.0.0.1"),
            ("x-custom", "1"),
            ("origin", "http://evil.example"),
            ("user-agent", "test"),
            ("proxy-authorization", "Basic eDp5"),
            ("te", "trailers"),
            ("connection", "x-custom"),
        ] {
            let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        assert_eq!(world.send(request).await.status, 200, "{name}: {value}");
    }
    let received = world.ollama.requests();
    assert_eq!(received.len(), 5);
    for recorded in received {
        let mut names: Vec<&str> = recorded.headers.keys().map(http::HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-length", "content-type", "host"]);
        let everything = format!("{recorded:?}");
        assert!(!everything.contains(&key) && !everything.contains(&token));
    }
}

#[tokio::test]
async fn what_ollama_would_read_differently_is_refused() {
    let world = World::start().await;
    let alice = Some(world.key("alice"));
    for body in [
        r#"{"model":"llama3.2:3b","model":"llama3.3:70b","messages":[]}"#,
        r#"{"model":"llama3.2:3b","Model":"llama3.3:70b","messages":[]}"#,
        r#"{"model":"llama3.2:3b","MODEL":"llama3.3:70b"}"#,
        r#"{"Model":"llama3.2:3b"}"#,
        r#"{"model":"llama3.2:3b"} {"model":"llama3.3:70b"}"#,
        r#"{"model":"llama3.2:3b","mo\u0064el":"llama3.3:70b"}"#,
    ] {
        let reply = world.send(post("/api/chat", alice, body)).await;
        assert_eq!(reply.status, 400, "{body}: {}", reply.text());
    }
    for path in ["/%61pi/chat", "/api/../api/chat", "/api/./chat", "/api%2Fchat"] {
        let reply = world.send(post(path, alice, HELLO)).await;
        assert!(reply.status.is_client_error(), "{path}: {}", reply.status);
    }
    for path in ["//api/chat", "/api/chat/"] {
        let reply = world.send(post(path, alice, HELLO)).await;
        assert_eq!(reply.status, 307, "{path}");
        assert_eq!(reply.headers["location"], "/api/chat", "{path}");
    }
    assert!(world.ollama.requests().is_empty());
}

#[tokio::test]
async fn one_model_has_its_installed_spelling_upstream() {
    let world = World::start().await;
    let spellings = ["llama3.2:3b", "LLAMA3.2:3B", "library/llama3.2:3b"];
    for spelling in spellings {
        let body = HELLO.replace("llama3.2:3b", spelling);
        let reply = world.send(post("/api/chat", Some(world.key("alice")), &body)).await;
        assert_eq!(reply.status, 200, "{spelling}");
    }
    let model = |body: &[u8]| -> String {
        let body: serde_json::Value = serde_json::from_slice(body).unwrap();
        body["model"].as_str().unwrap().to_owned()
    };
    let forwarded: Vec<_> = world.ollama.requests().iter().map(|sent| model(&sent.body)).collect();
    assert_eq!(forwarded, ["llama3.2:3b"; 3]);
}

/// Ollama finds a model by its exact spelling here, and every one of Hugging Face has capitals.
#[tokio::test]
async fn a_model_with_capitals_is_found_where_ollama_does_not_fold() {
    let bindings = r#"policies:
  pull-guard: { module: builtin/pull-guard }
  model-access: { module: builtin/model-access }
bindings:
  - name: pulls
    subjects: everyone
    policy: pull-guard
    settings: { groups: [ops], sources: ["hf.co/bartowski/*"] }
  - name: models
    subjects: everyone
    policy: model-access
    settings: { allow: ["hf.co/bartowski/*"] }
"#;
    let world = World::build(Setup { bindings, ..Setup::default() }).await;
    let bob = Some(world.key("bob"));
    let name = "hf.co/Bartowski/Llama-3.2-GGUF:Q4_K_M";
    let ask = |path: &str, model: &str| {
        post(path, bob, &format!(r#"{{"model":"{model}","prompt":"Hi"}}"#))
    };
    assert_eq!(world.send(ask("/api/pull", name)).await.status, 200);
    let reply = world.send(ask("/api/embeddings", name)).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let reply = world.send(get("/v1/models", bob)).await;
    assert!(reply.text().contains(name), "{}", reply.text());
    let reply = world.send(ask("/api/embeddings", &name.replace("Bartowski", "Unsloth"))).await;
    assert_eq!(reply.status, 403, "{}", reply.text());
}
