//! Requests that honest clients send a little otherwise than they should.

use stockade_tests::{BINDINGS, World, get, post, raw};

const HELLO: &str = r#"{"model":"llama3.2:3b","prompt":"Hello","stream":false}"#;

async fn with_keys_in_paths() -> World {
    World::with(&format!("authentication: {{ key_in_path: true }}\n{BINDINGS}")).await
}

#[tokio::test]
async fn a_doubled_slash_leads_to_the_plain_path() {
    let world = with_keys_in_paths().await;
    let key = world.key("alice");
    let with_key = |path: &str| format!("/k/{key}{path}");
    for (target, to) in [
        ("//api/generate".to_owned(), "/api/generate".to_owned()),
        ("/api//generate/".to_owned(), "/api/generate".to_owned()),
        (with_key("//api/generate"), with_key("/api/generate")),
    ] {
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {key}\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{HELLO}",
            HELLO.len()
        );
        let answer = raw(world.gateway(), head.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 307"), "{answer}");
        assert!(answer.contains(&format!("location: {to}\r\n")), "{answer}");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(!body.contains(key), "{body}");
    }
    assert!(world.ollama.requests().is_empty());
}

#[tokio::test]
async fn a_key_in_the_path_is_told_before_the_slash_where_it_is_not_allowed() {
    let world = World::start().await;
    let key = world.key("alice");
    let reply = world.send(post(&format!("/k/{key}//api/generate"), None, HELLO)).await;
    assert_eq!(reply.status, 400);
    assert!(!reply.headers.contains_key("location"));
    assert!(reply.text().contains("keys in the path"), "{}", reply.text());
}

#[tokio::test]
async fn a_list_is_answered_whatever_its_query() {
    let world = World::start().await;
    for query in ["limit=1000", "client_version=0.98.0", "beta=true", "limit=20&after_id=x"] {
        let reply = world.send(get(&format!("/v1/models?{query}"), Some(world.key("alice")))).await;
        assert_eq!(reply.status, 200, "{query}");
        assert_eq!(world.ollama.requests().last().unwrap().target, "/v1/models");
    }
}

#[tokio::test]
async fn half_a_surrogate_pair_reaches_ollama_as_no_character() {
    let world = World::start().await;
    let message = r#"{"role":"user","content":"cut here \ud83d"}"#;
    for (path, body) in [
        ("/api/chat", format!(r#"{{"model":"llama3.2:3b","messages":[{message}]}}"#)),
        ("/v1/chat/completions", format!(r#"{{"model":"llama3.2:3b","messages":[{message}]}}"#)),
        (
            "/v1/messages",
            format!(r#"{{"model":"llama3.2:3b","max_tokens":9,"messages":[{message}]}}"#),
        ),
    ] {
        let reply = world.send(post(path, Some(world.key("alice")), &body)).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        let forwarded = world.ollama.requests().last().unwrap().body.clone();
        let forwarded = String::from_utf8(forwarded.to_vec()).unwrap();
        assert!(forwarded.contains(r"cut here \ufffd"), "{forwarded}");
    }
}

#[tokio::test]
async fn a_health_check_by_http_1_0_needs_no_host() {
    let world = World::start().await;
    for (path, status) in [("/", "200"), ("/api/version", "200"), ("/api/tags", "401")] {
        let answer = raw(world.gateway(), format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await;
        assert_eq!(answer.get(9..12), Some(status), "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_header_that_can_be_no_credential_is_ignored_beside_a_key_in_the_path() {
    let world = with_keys_in_paths().await;
    let path = format!("/k/{}/api/generate", world.key("alice"));
    for header in ["ollama", "ollama-local", "sk-ant-api03-somebody-elses", ""] {
        let mut request = post(&path, Some(header), HELLO);
        request.headers_mut().insert("x-api-key", header.parse().unwrap());
        let reply = world.send(request).await;
        assert_eq!(reply.status, 200, "{header}: {}", reply.text());
    }
}

#[tokio::test]
async fn a_key_of_another_service_is_ignored_beside_one_of_the_gateway() {
    let world = World::start().await;
    let mut request = post("/api/generate", Some(world.key("alice")), HELLO);
    let foreign = "sk-ant-api03-somebody-elses";
    request.headers_mut().insert("x-api-key", foreign.parse().unwrap());
    assert_eq!(world.send(request.clone()).await.status, 200);
    let forwarded = world.ollama.requests().pop().unwrap();
    assert!(!format!("{:?}", forwarded.headers).contains(foreign));
    let other = "sk-local-0123456789abcdef0123456789abcdef";
    request.headers_mut().insert("x-api-key", other.parse().unwrap());
    let reply = world.send(request).await;
    assert_eq!(reply.status, 400);
    let text = reply.text();
    assert!(text.contains("Authorization") && text.contains("x-api-key"), "{text}");
}

#[tokio::test]
async fn an_empty_header_is_no_credential() {
    let world = World::start().await;
    let small = HELLO.replace("llama3.2:3b", "llama3.2:1b");
    let with_empty = |name: &'static str, value: &str, key: Option<&str>| {
        let mut request = post("/api/generate", key, &small);
        request.headers_mut().insert(name, value.parse().unwrap());
        request
    };
    let good = world.send(with_empty("x-api-key", "", Some(world.key("alice")))).await;
    assert_eq!(good.status, 200, "{}", good.text());
    assert_eq!(world.send(with_empty("x-api-key", "", None)).await.status, 401);
    let guest = "  guest: { groups: [children] }\nauthentication: { anonymous: guest }";
    world.rebind(&format!("{guest}\n{BINDINGS}")).await;
    for (name, value) in [("x-api-key", ""), ("authorization", "Bearer"), ("authorization", "")] {
        let reply = world.send(with_empty(name, value, None)).await;
        assert_eq!(reply.status, 200, "{name}: {value}: {}", reply.text());
    }
}
