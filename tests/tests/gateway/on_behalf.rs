//! Users behind a front end: what Open WebUI sends, and what anybody else may try with it.

use http::{HeaderName, HeaderValue};
use stockade_tests::{BINDINGS, Setup, World, get, post};

const EMAIL: &str = "x-openwebui-user-email";

/// `bob` has the front end's key here.
const FRONT_END: &str = "  kim@example.org: { groups: [children] }\n\
     \x20 gone@example.org: { groups: [research], disabled: true }\n\
     authentication: { on_behalf: { header: X-OpenWebUI-User-Email, by: [bob] } }\n";

const CHAT: &str =
    r#"{"model":"qwen3:8b","stream":false,"messages":[{"role":"user","content":"hi"}]}"#;

async fn world() -> World {
    World::build(Setup { bindings: &format!("{FRONT_END}{BINDINGS}"), ..Setup::default() }).await
}

/// The headers that Open WebUI adds with `ENABLE_FORWARD_USER_INFO_HEADERS`
/// (`backend/open_webui/utils/headers.py`); it quotes the name, and sends the address as it is.
fn open_webui(mut request: http::Request<String>, email: &str) -> http::Request<String> {
    for (name, value) in [
        ("user-agent", "Python/3.11 aiohttp/3.12.15"),
        ("accept", "*/*"),
        ("accept-encoding", "gzip, deflate, br"),
        ("x-openwebui-user-name", "Kim%20%C3%84hre"),
        ("x-openwebui-user-id", "9c7f7a54-6b5d-4d0a-8f57-2f8c6f3d0c11"),
        (EMAIL, email),
        ("x-openwebui-user-role", "user"),
        ("x-openwebui-chat-id", "0e6f3c50-0a4f-4a3b-9a2d-6d7f6c2b1a00"),
    ] {
        let name = HeaderName::from_static(name);
        request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
    }
    request
}

#[tokio::test]
async fn rules_are_those_of_the_user_whom_open_webui_names() {
    let world = world().await;
    let key = world.key("bob");
    let small = CHAT.replace("qwen3:8b", "llama3.2:1b");
    for (path, body, email, status) in [
        ("/api/chat", CHAT, "kim@example.org", 403),
        ("/api/chat", small.as_str(), "kim@example.org", 200),
        ("/v1/chat/completions", CHAT, "kim@example.org", 403),
        ("/v1/chat/completions", small.as_str(), "kim@example.org", 200),
        ("/api/chat", CHAT, "alice", 200),
        ("/api/chat", CHAT, "nobody@example.org", 403),
        ("/api/chat", CHAT, "gone@example.org", 403),
        ("/api/chat", CHAT, "Kim@example.org", 403),
        ("/api/chat", CHAT, "", 400),
    ] {
        let reply = world.send(open_webui(post(path, Some(key), body), email)).await;
        assert_eq!(reply.status, status, "{path} {email}: {}", reply.text());
    }
    // When it looks for models by itself, it names nobody.
    assert_eq!(world.send(post("/api/chat", Some(key), CHAT)).await.status, 200);
    let mut doubled = post("/api/chat", Some(key), &small);
    for _ in 0..2 {
        doubled.headers_mut().append(EMAIL, HeaderValue::from_static("kim@example.org"));
    }
    assert_eq!(world.send(doubled).await.status, 400);
    let tags = world.send(open_webui(get("/api/tags", Some(key)), "kim@example.org")).await;
    assert!(
        tags.text().contains("llama3.2:1b") && !tags.text().contains("qwen3"),
        "{}",
        tags.text()
    );
}

#[tokio::test]
async fn from_everybody_else_the_header_is_ignored_and_never_forwarded() {
    let world = world().await;
    let alice = world.key("alice");
    for email in ["kim@example.org", "bob", "nobody", ""] {
        let request = open_webui(post("/api/chat", Some(alice), CHAT), email);
        assert_eq!(world.send(request).await.status, 200, "{email}");
    }
    for forwarded in world.ollama.requests() {
        let names = forwarded.headers.keys().map(HeaderName::as_str);
        assert!(
            names.into_iter().all(|name| !name.contains("openwebui")),
            "{:?}",
            forwarded.headers
        );
    }
    let request = open_webui(get("/api/tags", None), "bob");
    assert_eq!(world.send(request).await.status, 401);
}

#[tokio::test]
async fn it_ends_when_the_configuration_says_so_and_gives_no_token() {
    let world = world().await;
    let key = world.key("bob");
    let small = CHAT.replace("qwen3:8b", "llama3.2:1b");
    let ask = || open_webui(post("/api/chat", Some(key), &small), "kim@example.org");
    assert_eq!(world.send(ask()).await.status, 200);
    let token = open_webui(post("/-/token", Some(key), ""), "kim@example.org");
    assert_eq!(world.send(token).await.status, 403);
    world.edit("kim@example.org: {", "kim@example.org: { disabled: true,").await;
    assert_eq!(world.send(ask()).await.status, 403);
    world.edit("by: [bob]", "by: [alice]").await;
    assert_eq!(world.send(ask()).await.status, 200, "now it is bob who asks");
    assert_eq!(world.send(post("/api/chat", Some(key), CHAT)).await.status, 200);
}
