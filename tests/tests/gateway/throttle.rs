//! A caller who fails too often to prove who it is has to wait.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use stockade_authn::PasswordHash;
use stockade_core::Secret;
use stockade_tests::{BINDINGS, Connection, Reply, SetClock, Setup, World, get, post, soon};
use tokio::process::Command;

const PASSWORD: &str = "correct horse battery";
const WRONG: &str = "sk-local-0000000000000000000000000000000000000000000000000000000000000001";
/// Three tries for nothing.
const THREE: &str = "authentication: { throttle: { failures: 3 } }";

async fn world(more: &str) -> (World, Arc<SetClock>) {
    let clock = Arc::new(SetClock::default());
    let hash = PasswordHash::of(&Secret::new(PASSWORD.to_owned())).unwrap();
    let rest = format!(
        "  carol: {{ groups: [research], password_hash: \"{hash}\" }}\n  \
           dave: {{ groups: [research], password_hash: \"{hash}\" }}\n{more}\n{BINDINGS}"
    );
    let setup = Setup { bindings: &rest, clock: Some(&clock), ..Setup::default() };
    (World::build(setup).await, clock)
}

fn with_password(user: &str, password: &str, client: Option<&str>) -> Request<String> {
    let credential = STANDARD.encode(format!("{user}:{password}"));
    let mut request = get("/api/tags", None);
    let headers = request.headers_mut();
    headers.insert("authorization", format!("Basic {credential}").parse().unwrap());
    if let Some(client) = client {
        headers.insert("x-forwarded-for", client.parse().unwrap());
    }
    request
}

async fn status(world: &World, user: &str, password: &str) -> u16 {
    world.send(with_password(user, password, None)).await.status.as_u16()
}

fn retry_after(reply: &Reply) -> Option<&str> {
    reply.headers.get("retry-after").map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_wrong_key_is_told_to_wait_in_every_api_and_a_right_one_is_not() {
    let (world, clock) = world("").await;
    let wrong = |path: &str| post(path, Some(WRONG), "{}");
    for _ in 0..10 {
        assert_eq!(world.send(wrong("/api/chat")).await.status, 401);
    }
    for (path, shape) in [
        ("/api/chat", ""),
        ("/v1/chat/completions", "rate_limit_exceeded"),
        ("/v1/messages", "rate_limit_error"),
        ("/-/token", ""),
    ] {
        let reply = world.send(wrong(path)).await;
        assert_eq!((reply.status.as_u16(), retry_after(&reply)), (429, Some("1")), "{path}");
        let text = reply.text();
        assert!(text.contains("wait for 1 seconds") && text.contains(shape), "{path}: {text}");
    }
    assert_eq!(world.send(get("/api/tags", Some(world.key("alice")))).await.status, 200);
    assert_eq!(world.send(get("/api/tags", None)).await.status, 401, "nothing is not wrong");
    for wait in ["2", "4", "8"] {
        clock.advance(10);
        assert_eq!(world.send(wrong("/api/chat")).await.status, 401);
        let reply = world.send(wrong("/api/chat")).await;
        assert_eq!((reply.status.as_u16(), retry_after(&reply)), (429, Some(wait)));
    }
    clock.advance(15 * 60);
    for _ in 0..10 {
        assert_eq!(world.send(wrong("/api/chat")).await.status, 401, "all is forgotten");
    }
    assert_eq!(world.send(wrong("/api/chat")).await.status, 429);
}

/// Returns what curl sees: the status, and how long it is told to wait.
async fn curl(world: &World, credential: &str) -> String {
    let url = format!("http://{}/api/tags", world.gateway());
    let mut command = Command::new("curl");
    command.args(["-sS", "-o", "answer", "-w", "%{http_code} %header{retry-after}"]);
    command.args(["-u", credential, &url]).current_dir(world.directory());
    let output = soon("curl", command.kill_on_drop(true).output()).await.unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn no_password_is_looked_at_while_somebody_has_to_wait() {
    let (world, clock) = world(THREE).await;
    let right = format!("carol:{PASSWORD}");
    assert_eq!(curl(&world, &right).await, "200 ", "and from now on it is remembered");
    for _ in 0..3 {
        assert_eq!(curl(&world, "carol:wrong password").await, "401 ");
    }
    for credential in [&right, "carol:wrong password", "dave:correct horse battery"] {
        assert_eq!(curl(&world, credential).await, "429 1", "{credential}");
    }
    let key = world.key("alice");
    assert_eq!(curl(&world, &format!("alice:{key}")).await, "200 ", "a key cannot be guessed");
    clock.advance(1);
    assert_eq!(curl(&world, &right).await, "200 ");
}

#[tokio::test]
async fn names_that_nobody_has_are_answered_like_others() {
    let mut answers = Vec::new();
    for user in ["carol", "alice", "nobody"] {
        let (world, clock) = world(THREE).await;
        let mut seen = Vec::new();
        for step in 0..8 {
            let reply = world.send(with_password(user, "wrong password", None)).await;
            let mut headers = reply.headers.clone();
            for changing in ["date", "x-request-id"] {
                headers.remove(changing);
            }
            seen.push((reply.status, headers, reply.text()));
            clock.advance(u64::from(step > 4));
        }
        answers.push(seen);
    }
    assert_eq!(answers[0], answers[1], "a user without a password");
    assert_eq!(answers[0], answers[2], "nobody");
    assert_eq!(answers[0][7].0, 429);
}

const BEHIND: &str = "trusted_proxies: { addresses: [127.0.0.1], header: x-forwarded-for }\n\
                      authentication: { throttle: { failures: 3 } }";

#[tokio::test]
async fn a_user_under_attack_keeps_everything_but_the_password() {
    let (world, clock) = world(BEHIND).await;
    let from = |client: &'static str, user: &'static str, password: &'static str| {
        let request = with_password(user, password, Some(client));
        async { world.send(request).await.status.as_u16() }
    };
    for client in ["192.0.2.1", "192.0.2.2", "2001:db8::3"] {
        assert_eq!(from(client, "carol", "wrong password").await, 401);
    }
    assert_eq!(from("192.0.2.9", "carol", PASSWORD).await, 429);
    assert_eq!(from("192.0.2.9", "dave", PASSWORD).await, 200, "another user");
    assert_eq!(from("192.0.2.1", "dave", PASSWORD).await, 200, "an address with one failure");
    let token = post("/-/token", Some(world.key("alice")), "");
    assert_eq!(world.send(token).await.status, 200);
    clock.advance(1);
    assert_eq!(from("192.0.2.9", "carol", PASSWORD).await, 200);
}

#[tokio::test]
async fn an_address_that_fails_keeps_no_other_from_its_password() {
    let (world, _) = world(BEHIND).await;
    for user in ["one", "two", "three"] {
        let reply = world.send(with_password(user, "wrong password", Some("192.0.2.1"))).await;
        assert_eq!(reply.status, 401);
    }
    for (client, expected) in [("192.0.2.1", 429), ("192.0.2.2", 200), ("2001:db8::1", 200)] {
        let reply = world.send(with_password("carol", PASSWORD, Some(client))).await;
        assert_eq!(reply.status, expected, "{client}");
    }
    let mut forged = with_password("carol", PASSWORD, Some("203.0.113.1, 192.0.2.1"));
    assert_eq!(world.send(forged.clone()).await.status, 429, "nobody writes its own address");
    let wrong = "Bearer sk-local-wrong-and-much-too-long-to-be-guessed".parse().unwrap();
    forged.headers_mut().insert("authorization", wrong);
    assert_eq!(world.send(forged).await.status, 401, "keys are counted apart");
}

#[tokio::test]
async fn forged_tokens_are_counted_by_the_name_they_give() {
    let (world, _) = world(BEHIND).await;
    let forged = |client: &str, user: &str| {
        let token = format!("{user}:1799999999:{}", "a".repeat(64));
        let mut request = get("/api/tags", Some(&token));
        request.headers_mut().insert("x-forwarded-for", client.parse().unwrap());
        request
    };
    for client in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] {
        assert_eq!(world.send(forged(client, "carol")).await.status, 401);
    }
    assert_eq!(world.send(forged("192.0.2.4", "carol")).await.status, 429);
    assert_eq!(world.send(forged("192.0.2.4", "dave")).await.status, 401);
    assert_eq!(status(&world, "carol", PASSWORD).await, 200, "passwords are counted apart");
}

#[tokio::test]
async fn many_at_once_get_no_more_tries() {
    let (world, _) = world(THREE).await;
    let mut tries = tokio::task::JoinSet::new();
    for number in 0..40 {
        let gateway = world.gateway();
        let request = with_password("carol", &format!("wrong password {number}"), None);
        tries.spawn(async move { Connection::open(gateway).await.send(request).await.status });
    }
    let statuses = soon("the answers", tries.join_all()).await;
    let looked_at = statuses.iter().filter(|status| **status == 401).count();
    let slots = std::thread::available_parallelism().unwrap().get().div_ceil(2);
    assert!((3..=3 + slots).contains(&looked_at), "{looked_at} of {statuses:?}");
    assert!(statuses.iter().all(|status| [401, 429].contains(&status.as_u16())), "{statuses:?}");
}

#[tokio::test]
async fn a_reload_gives_no_new_tries_and_may_change_the_rules() {
    let (world, _) = world(THREE).await;
    for _ in 0..3 {
        assert_eq!(status(&world, "carol", "wrong password").await, 401);
    }
    world.edit("llama3.2:1b", "llama3.2:3b").await;
    assert_eq!(status(&world, "carol", PASSWORD).await, 429);
    world.edit("failures: 3", "enabled: false").await;
    assert_eq!(status(&world, "carol", PASSWORD).await, 200);
    for _ in 0..12 {
        assert_eq!(status(&world, "carol", "wrong password").await, 401);
    }
}
