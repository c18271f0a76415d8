//! The refusals that are told to callers who did nothing wrong.

use stockade_tests::{BINDINGS, World, get, post};

const PLAIN: &str = "policies: { model-access: { module: builtin/model-access } }\nbindings:\n\
     \x20 - { name: small, subjects: everyone, policy: model-access, settings: { allow: [\"llama3.2:*\"] } }";
const TOOLS: &str =
    r#""tools":[{"type":"function","name":"f","parameters":{}},{"type":"web_search"}]"#;
const WEB: &str = "tools that search the web are not allowed to you";
const CLOUD: &str = "cloud models are not allowed to you";
const RENDERED: &str = "rendered prompts are not allowed to you";

#[tokio::test]
async fn a_refusal_says_what_nobody_allowed() {
    let world = World::with(PLAIN).await;
    let key = Some(world.key("alice"));
    let cases = [
        ("/v1/responses", "llama3.2:3b", TOOLS, Some(WEB)),
        ("/api/chat", "llama3.2:3b-cloud", r#""stream":false"#, Some(CLOUD)),
        ("/api/chat", "llama3.2:3b", r#""_debug_render_only":true"#, Some(RENDERED)),
        (
            "/v1/responses",
            "llama3.2:3b-cloud",
            TOOLS,
            Some("tools that search the web and cloud models are not allowed to you"),
        ),
        // Without the fact it would not be allowed either.
        ("/v1/responses", "llama3.3:70b", TOOLS, None),
        ("/api/chat", "gpt-oss:120b-cloud", r#""stream":false"#, None),
    ];
    for (path, model, more, expected) in cases {
        let body = format!(r#"{{"model":"{model}","input":"x","messages":[],{more}}}"#);
        let reply = world.send(post(path, key, &body)).await;
        assert_eq!(reply.status, 403, "{path} {model}: {}", reply.text());
        let text = reply.text();
        assert!(text.contains("no policy allows you the operation"), "{text}");
        match expected {
            Some(expected) => assert!(text.contains(expected), "{text}"),
            None => assert!(!text.contains("not allowed to you"), "{text}"),
        }
    }
    assert!(world.ollama.requests().is_empty());
}

#[tokio::test]
async fn a_binding_that_allows_the_fact_lets_it_pass() {
    let more = PLAIN.replace("settings: { ", "settings: { web_search: true, cloud: true, ");
    let world = World::with(&more).await;
    let key = Some(world.key("alice"));
    let body = format!(r#"{{"model":"llama3.2:3b","input":"x",{TOOLS}}}"#);
    let reply = world.send(post("/v1/responses", key, &body)).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
}

#[tokio::test]
async fn a_refusal_without_a_model_is_about_the_operation() {
    let world = World::with(PLAIN).await;
    let reply = world.send(post("/api/me", Some(world.key("alice")), "")).await;
    let text = reply.json()["error"].as_str().unwrap().to_owned();
    assert_eq!(text, "no policy allows you the operation whoami");
}

#[tokio::test]
async fn a_401_of_ollamas_own_api_has_what_its_command_prints() {
    let world = World::start().await;
    let native = world.send(get("/api/tags", None)).await.json();
    assert!(native["status"].as_str().unwrap().contains("send an API key"), "{native}");
    assert_eq!(native["status"], native["error"]);
    let openai = world.send(get("/v1/models", None)).await.json();
    assert!(openai.get("status").is_none(), "{openai}");
    let refused = world.send(get("/api/unknown", Some(world.key("alice")))).await.json();
    assert!(refused.get("status").is_none(), "{refused}");
}

#[tokio::test]
async fn a_route_of_a_newer_ollama_is_one_that_the_gateway_does_not_know() {
    let world = World::start().await;
    for path in ["/v1/systemone/more", "/api/detokenize", "/api/tokenize"] {
        let reply = world.send(post(path, Some(world.key("alice")), "{}")).await;
        assert_eq!(reply.status, 404);
        let text = reply.json()["error"].as_str().unwrap().to_owned();
        assert!(text.contains("does not know") && text.contains("Ollama 0.33"), "{text}");
    }
}

/// Claude Code tries a wrong key again and again, unless it is told that this is of no use.
#[tokio::test]
async fn a_refusal_says_where_trying_again_is_of_no_use() {
    let throttle = "authentication: { throttle: { failures: 1, wait: 1m } }";
    let world = World::with(&format!("{throttle}\n{BINDINGS}")).await;
    let alice = Some(world.key("alice"));
    let large = r#"{"model":"llama3.3:70b","messages":[],"max_tokens":9}"#;
    for (request, status, of_no_use) in [
        (post("/v1/messages", alice, large), 403, true),
        (post("/v1/chat/completions", alice, large), 403, true),
        (post("/api/chat", alice, "{"), 400, true),
        (get("/api/nothing", alice), 404, true),
        (get("/api/chat", alice), 405, true),
        (get("/v1/models", None), 401, true),
        (get("/v1/models", Some("sk-local-wrong")), 401, true),
        (get("/v1/models", Some("sk-local-wrong")), 429, false),
        (get("/v1/models", alice), 200, false),
    ] {
        let reply = world.send(request).await;
        assert_eq!(reply.status, status, "{}", reply.text());
        let said = reply.headers.get("x-should-retry").map(http::HeaderValue::as_bytes);
        assert_eq!(said, of_no_use.then_some(b"false".as_slice()), "{status}");
    }
}
