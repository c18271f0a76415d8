//! Web pages of somebody else, which make a browser send what it sends by itself, and names
//! that somebody else makes mean this machine.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, Request};
use stockade_authn::PasswordHash;
use stockade_core::Secret;
use stockade_tests::{BINDINGS, Reply, Setup, World, get, post};

const PAGE: &str = "https://chat.example.org";
const EVIL: &str = "https://evil.example";
const HELLO: &str = r#"{"model":"llama3.2:1b","prompt":"Hello","stream":false}"#;
const PASSWORD: &str = "correct horse battery";

/// Everybody may use one model without a credential, and carol has a password.
async fn world(listen: &str, more: &str) -> World {
    let hash = PasswordHash::of(&Secret::new(PASSWORD.to_owned())).unwrap();
    let rest = format!(
        "  guest: {{ groups: [children] }}\n  carol: {{ groups: [research], password_hash: \
         \"{hash}\" }}\nauthentication: {{ anonymous: guest }}\n{more}\n{BINDINGS}"
    );
    World::build(Setup { bindings: &rest, listen, ..Setup::default() }).await
}

async fn plain() -> World {
    world("127.0.0.1:0", &format!("cors: {{ origins: [\"{PAGE}\", \"moz-extension://*\"] }}")).await
}

fn with(mut request: Request<String>, headers: &[(&str, &str)]) -> Request<String> {
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        request.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
    }
    request
}

fn ask(headers: &[(&str, &str)]) -> Request<String> {
    with(post("/api/generate", None, HELLO), headers)
}

fn basic() -> String {
    format!("Basic {}", STANDARD.encode(format!("carol:{PASSWORD}")))
}

fn assert_refused(reply: &Reply, what: &str) {
    assert_eq!(reply.status, 403, "{what}: {}", reply.text());
    assert!(!reply.headers.contains_key("access-control-allow-origin"), "{what}");
}

const FOREIGN: [&[(&str, &str)]; 12] = [
    &[("origin", EVIL)],
    &[("origin", EVIL), ("content-type", "text/plain")],
    &[("origin", EVIL), ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")],
    &[("origin", "null"), ("sec-fetch-site", "cross-site")],
    &[("origin", "null")],
    &[("sec-fetch-site", "cross-site")],
    &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")],
    &[("sec-fetch-site", "same-site")],
    &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
    &[("origin", "http://localhost:3000"), ("sec-fetch-site", "same-site")],
    &[("origin", PAGE), ("origin", EVIL)],
    &[("origin", "chrome-extension://abcdef"), ("sec-fetch-site", "none")],
];

#[tokio::test]
async fn a_foreign_page_may_not_use_what_a_browser_sends_by_itself() {
    let world = plain().await;
    for headers in FOREIGN {
        assert_refused(&world.send(ask(headers)).await, &format!("anonymous {headers:?}"));
        let request = with(ask(headers), &[("authorization", &basic())]);
        assert_refused(&world.send(request).await, &format!("basic {headers:?}"));
        let list = world.send(with(get("/api/tags", None), headers)).await;
        assert_refused(&list, &format!("a list {headers:?}"));
        let token = with(post("/-/token", None, ""), &[("authorization", &basic())]);
        assert_refused(&world.send(with(token, headers)).await, &format!("token {headers:?}"));
    }
    assert!(world.ollama.requests().is_empty());
}

#[tokio::test]
async fn a_key_is_added_by_whoever_asks() {
    let world = plain().await;
    let key = world.key("alice");
    for headers in FOREIGN {
        let reply = world.send(with(post("/api/generate", Some(key), HELLO), headers)).await;
        assert_eq!(reply.status, 200, "{headers:?}: {}", reply.text());
        let reply = world.send(with(post("/-/token", Some(key), ""), headers)).await;
        assert_eq!(reply.status, 200, "{headers:?}: {}", reply.text());
        let token = reply.json()["access_token"].as_str().unwrap().to_owned();
        let reply = world.send(with(get("/api/tags", Some(&token)), headers)).await;
        assert_eq!(reply.status, 200, "{headers:?}: {}", reply.text());
    }
}

#[tokio::test]
async fn a_refusal_tells_the_origin_in_the_callers_dialect() {
    let world = plain().await;
    for (path, shape) in [
        ("/api/generate", r#"{"error":"a web page of the origin https://evil.example may not"#),
        ("/v1/chat/completions", r#"{"error":{"message":"a web page of the origin https://evil."#),
        ("/v1/messages", r#"{"type":"error","error":{"type":"permission_error","message":"a web"#),
        ("/-/token", r#"{"error":"a web page of the origin https://evil.example may not"#),
        ("/api/unheard-of", r#"{"error":"a web page of the origin https://evil.example may not"#),
    ] {
        let reply = world.send(with(post(path, None, HELLO), &[("origin", EVIL)])).await;
        assert_refused(&reply, path);
        assert!(reply.text().starts_with(shape), "{path}: {}", reply.text());
        assert!(reply.text().contains("cors.origins"), "{path}: {}", reply.text());
    }
    let origin = format!("https://{}.example", "a".repeat(3000));
    let reply = world.send(ask(&[("origin", &origin)])).await;
    assert_refused(&reply, "a long one");
    assert!(reply.body.len() < 500, "{}", reply.text());
}

#[tokio::test]
async fn a_foreign_page_is_not_answered_before_it_asks_and_upgrades_nothing() {
    let world = plain().await;
    for (method, more) in [
        ("OPTIONS", [("access-control-request-method", "POST"), ("x-unused", "")]),
        ("GET", [("upgrade", "websocket"), ("connection", "upgrade")]),
    ] {
        let request = Request::builder().method(method).uri("/api/generate");
        let request = with(request.body(String::new()).unwrap(), &[("origin", EVIL)]);
        assert_refused(&world.send(with(request, &more)).await, method);
    }
}

#[tokio::test]
async fn honest_callers_are_let_in() {
    let world = plain().await;
    let own = format!("http://{}", world.gateway());
    let gateway = world.gateway().to_string();
    for headers in [
        &[][..],
        &[("origin", PAGE)],
        &[("origin", PAGE), ("sec-fetch-site", "cross-site")],
        &[("origin", "moz-extension://0b3a7c5e"), ("sec-fetch-site", "none")],
        &[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")],
        &[("sec-fetch-site", "same-origin")],
        &[("origin", "null"), ("sec-fetch-site", "same-origin")],
        // What Node sends, which is no browser.
        &[("sec-fetch-mode", "cors")],
        &[("origin", &own), ("host", &gateway)],
        &[("origin", "http://GATEWAY"), ("host", "gateway")],
        // A proxy in front speaks TLS and passes the host on.
        &[("origin", "https://gateway"), ("host", "gateway")],
    ] {
        let reply = world.send(ask(headers)).await;
        assert_eq!(reply.status, 200, "anonymous {headers:?}: {}", reply.text());
        let reply = world.send(with(ask(headers), &[("authorization", &basic())])).await;
        assert_eq!(reply.status, 200, "basic {headers:?}: {}", reply.text());
    }
    for request in ["/", "/api/version"] {
        let reply = world.send(with(get(request, None), &[("origin", EVIL)])).await;
        assert_eq!(reply.status, 200, "{request} is for everybody");
    }
    let unproven = World::start().await;
    let reply = unproven.send(ask(&[("origin", EVIL)])).await;
    assert_eq!(reply.status, 401, "where nothing is sent by itself, a credential is missing");
}

#[tokio::test]
async fn a_name_that_others_can_register_is_not_the_gateways() {
    let world = plain().await;
    for host in [
        "evil.example",
        "evil.example:11435",
        "127.0.0.1.evil.example",
        "localhost.evil.example:80",
        "EVIL.example.",
    ] {
        let own = format!("http://{host}");
        let rebound: &[(&str, &str)] =
            &[("host", host), ("origin", &own), ("sec-fetch-site", "same-origin")];
        for headers in [&rebound[..1], &rebound[..2], rebound] {
            let reply = world.send(ask(headers)).await;
            assert_refused(&reply, host);
            assert!(reply.text().contains("`hosts` of the listener"), "{}", reply.text());
            assert_refused(&world.send(with(post("/-/token", None, ""), headers)).await, host);
            let list = world.send(with(get("/api/tags", None), headers)).await;
            assert_refused(&list, host);
        }
        let reply = world.send(ask(&[("host", host), ("authorization", &basic())])).await;
        assert_eq!(reply.status, 200, "a password belongs to its name: {}", reply.text());
        let known = with(post("/api/generate", Some(world.key("kim")), HELLO), &rebound[..1]);
        assert_eq!(world.send(known).await.status, 200);
    }
    for host in
        ["localhost", "localhost:1", "[::1]:80", "192.0.2.1", "nas", "pc.local", "a.internal"]
    {
        let reply = world.send(ask(&[("host", host)])).await;
        assert_eq!(reply.status, 200, "{host}: {}", reply.text());
    }
}

#[tokio::test]
async fn a_listener_is_known_by_names_of_its_own() {
    let hosts = "{ address: \"127.0.0.1:0\", hosts: [Ollama.example.org] }";
    let world = world(hosts, "").await;
    for (host, status) in [
        ("ollama.example.org", 200),
        ("OLLAMA.example.org.:11435", 200),
        ("new.ollama.example.org", 403),
        ("example.org", 403),
    ] {
        assert_eq!(world.send(ask(&[("host", host)])).await.status, status, "{host}");
    }
    world.edit("hosts: [Ollama.example.org]", "hosts: [example.org]").await;
    for (host, status) in [("ollama.example.org", 403), ("example.org", 200)] {
        assert_eq!(world.send(ask(&[("host", host)])).await.status, status, "{host}");
    }
}

#[tokio::test]
async fn a_trusted_proxy_tells_which_host_was_asked_for() {
    let origin = ("origin", "https://chat.example.org");
    for (header, name, value) in [
        ("x-forwarded-for", "x-forwarded-host", "chat.example.org"),
        ("forwarded", "forwarded", "for=192.0.2.1;host=chat.example.org;proto=https"),
    ] {
        let proxies = format!("trusted_proxies: {{ addresses: [127.0.0.1], header: {header} }}");
        let listen = "{ address: \"127.0.0.1:0\", hosts: [chat.example.org] }";
        let world = world(listen, &proxies).await;
        for (headers, status) in [
            (&[origin, (name, value)][..], 200),
            (&[origin], 403),
            (&[("origin", EVIL), (name, value)], 403),
        ] {
            assert_eq!(world.send(ask(headers)).await.status, status, "{headers:?}");
        }
        let evil = value.replace("chat.example.org", "evil.example");
        let rebound = &[("origin", "http://evil.example"), (name, evil.as_str())];
        assert_refused(&world.send(ask(rebound)).await, header);
    }
    let world = world("127.0.0.1:0", "").await;
    let reply = world.send(ask(&[origin, ("x-forwarded-host", "chat.example.org")])).await;
    assert_refused(&reply, "nobody is trusted");
}
