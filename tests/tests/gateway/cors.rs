//! Web pages: those of configured origins may call, and Ollama hears of none.

use http::Request;
use stockade_tests::{BINDINGS, Reply, World, get, post};

const PAGE: &str = "https://chat.example.org";
const HELLO: &str = r#"{"model":"llama3.2:3b","prompt":"Hello","stream":false}"#;
const ALLOWED: &str = "access-control-allow-origin";

async fn world() -> World {
    World::with(&format!("cors: {{ origins: [\"{PAGE}\"] }}\n{BINDINGS}")).await
}

fn preflight(path: &str, origin: &str) -> Request<String> {
    Request::builder()
        .method("OPTIONS")
        .uri(path)
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type,x-stainless-os")
        .body(String::new())
        .unwrap()
}

fn from(origin: &str, mut request: Request<String>) -> Request<String> {
    request.headers_mut().insert("origin", origin.parse().unwrap());
    request
}

fn allowed(reply: &Reply) -> Option<&str> {
    reply.headers.get(ALLOWED).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_configured_page_may_ask_and_call_and_read_refusals() {
    let world = world().await;
    let reply = world.send(preflight("/v1/chat/completions", PAGE)).await;
    assert_eq!((reply.status.as_u16(), allowed(&reply)), (204, Some(PAGE)));
    assert_eq!(reply.headers["access-control-allow-methods"], "POST");
    let headers = &reply.headers["access-control-allow-headers"];
    assert_eq!(headers, "authorization,content-type,x-stainless-os");
    assert_eq!(reply.headers["vary"], "origin");
    let list = world.send(preflight("/api/tags", PAGE)).await;
    assert_eq!(list.headers["access-control-allow-methods"], "GET, HEAD");
    assert!(world.ollama.requests().is_empty(), "nothing is asked of Ollama");

    let call = from(PAGE, post("/api/generate", Some(world.key("alice")), HELLO));
    let reply = world.send(call).await;
    assert_eq!((reply.status.as_u16(), allowed(&reply)), (200, Some(PAGE)));
    assert!(!world.ollama.requests()[0].headers.contains_key("origin"));
    let reply = world.send(from(PAGE, post("/api/generate", None, HELLO))).await;
    assert_eq!((reply.status.as_u16(), allowed(&reply)), (401, Some(PAGE)));
}

#[tokio::test]
async fn other_pages_may_not() {
    let world = world().await;
    for origin in
        ["https://evil.example", "http://chat.example.org", "https://chat.example.org:8443", "null"]
    {
        let reply = world.send(preflight("/api/generate", origin)).await;
        assert_eq!(reply.status, 401, "{origin}: a preflight is a request like any other");
        assert_eq!(allowed(&reply), None, "{origin}");
        let call = from(origin, post("/api/generate", Some(world.key("alice")), HELLO));
        let reply = world.send(call).await;
        assert_eq!((reply.status.as_u16(), allowed(&reply)), (200, None), "{origin}");
        assert_eq!(reply.headers["vary"], "origin");
    }
    let mut twice = preflight("/api/generate", PAGE);
    twice.headers_mut().append("origin", "https://evil.example".parse().unwrap());
    assert_eq!(allowed(&world.send(twice).await), None);
}

#[tokio::test]
async fn nobody_is_a_page_where_nothing_is_configured() {
    let world = World::start().await;
    let reply = world.send(preflight("/api/generate", PAGE)).await;
    assert_eq!((reply.status.as_u16(), allowed(&reply)), (401, None));
    let reply = world.send(from(PAGE, get("/api/tags", Some(world.key("alice"))))).await;
    assert_eq!((reply.status.as_u16(), allowed(&reply)), (200, None));
    assert!(!reply.headers.contains_key("vary"));
    assert!(!world.ollama.requests()[0].headers.contains_key("origin"));
}

#[tokio::test]
async fn an_unknown_path_has_no_methods_to_tell() {
    let world = world().await;
    let reply = world.send(preflight("/api/unheard-of", PAGE)).await;
    assert_eq!((reply.status.as_u16(), allowed(&reply)), (401, Some(PAGE)));
}

#[tokio::test]
async fn pages_of_a_pattern_may_call() {
    let origins = r#"["moz-extension://*", "chrome-extension://*", "https://*.example.org"]"#;
    let world = World::with(&format!("cors: {{ origins: {origins} }}\n{BINDINGS}")).await;
    for (origin, status) in [
        ("moz-extension://0b3a7c5e-1f1e-4a3a-9c55-6d1c0b4b9a11", 204),
        ("chrome-extension://abcdefghijklmnopabcdefghijklmnop", 204),
        (PAGE, 204),
        ("https://example.org", 401),
        ("https://evil.example", 401),
        ("http://chat.example.org", 401),
        ("https://chat.example.org.evil.example", 401),
    ] {
        let reply = world.send(preflight("/api/generate", origin)).await;
        let page = (status == 204).then_some(origin);
        assert_eq!((reply.status.as_u16(), allowed(&reply)), (status, page), "{origin}");
        let call = from(origin, post("/api/generate", Some(world.key("alice")), HELLO));
        let reply = world.send(call).await;
        assert_eq!((reply.status.as_u16(), allowed(&reply)), (200, page), "{origin}");
    }
}
