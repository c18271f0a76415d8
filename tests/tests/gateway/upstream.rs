//! Ollama fails in every way that it can, and the caller is told the truth.

use http_body_util::BodyExt as _;
use stockade_simulator::{Fault, Hold};
use stockade_tests::{Connection, Reply, Setup, World, get, post, soon};

const NATIVE: &str = r#"{"model":"llama3.2:3b","messages":[{"role":"user","content":"Hi"}]}"#;
const STREAMED: &str =
    r#"{"model":"llama3.2:3b","stream":true,"messages":[{"role":"user","content":"Hi"}]}"#;
const ANTHROPIC: &str = r#"{"model":"llama3.2:3b","stream":true,"max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}"#;
const RESPONSES: &str = r#"{"model":"llama3.2:3b","stream":true,"input":"Hi"}"#;

/// A stream in each API.
const STREAMS: [(&str, &str); 4] = [
    ("/api/chat", NATIVE),
    ("/v1/chat/completions", STREAMED),
    ("/v1/messages", ANTHROPIC),
    ("/v1/responses", RESPONSES),
];

async fn failing(fault: Fault) -> Vec<(&'static str, Reply)> {
    let world = World::start().await;
    let mut replies = Vec::new();
    for (path, body) in STREAMS {
        world.ollama.fail(path, fault);
        replies.push((path, world.send(post(path, Some(world.key("alice")), body)).await));
    }
    replies
}

/// The message of an error body in any API.
fn message(reply: &Reply) -> String {
    let error = &reply.json()["error"];
    let message = error["message"].as_str().or(error.as_str());
    message.unwrap_or_default().to_owned()
}

#[tokio::test]
async fn an_answer_that_never_begins_is_a_bad_gateway() {
    for fault in [Fault::CloseBeforeHeaders, Fault::CloseMidHeaders, Fault::Garbage] {
        for (path, reply) in failing(fault).await {
            assert_eq!(reply.status, 502, "{path} {fault:?}");
            assert_eq!(message(&reply), "Ollama broke off before it answered", "{path}");
        }
    }
}

#[tokio::test]
async fn who_cannot_be_reached_is_a_bad_gateway() {
    let world = World::start().await;
    world.ollama.refuse_connections().await;
    let reply = world.send(post("/api/chat", Some(world.key("alice")), NATIVE)).await;
    assert_eq!(
        (reply.status.as_u16(), message(&reply).as_str()),
        (502, "Ollama cannot be reached")
    );
}

#[tokio::test]
async fn a_host_that_is_not_signed_in_is_not_the_callers_401() {
    for (path, reply) in failing(Fault::SignInRequired).await {
        assert_eq!(reply.status, 502, "{path}");
        assert!(!reply.text().contains("signin_url") && !reply.text().contains("connect?"));
        assert!(!reply.headers.contains_key("www-authenticate"));
    }
}

#[tokio::test]
async fn errors_of_ollamas_own_pass() {
    for (fault, status) in [(Fault::Busy, 503), (Fault::RunnerFailed, 500)] {
        for (path, reply) in failing(fault).await {
            assert_eq!(reply.status, status, "{path}");
            assert!(reply.json()["error"].is_string(), "{path}: {}", reply.text());
        }
    }
}

#[tokio::test]
async fn a_stream_that_breaks_between_two_events_ends_with_an_error() {
    for (path, reply) in failing(Fault::CloseBetweenChunks { after: 2 }).await {
        assert_eq!(reply.status, 200, "{path}");
        let text = reply.text();
        let last = text.trim_end().rsplit('\n').next().unwrap_or_default();
        let json = last.strip_prefix("data: ").unwrap_or(last);
        let error: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
        let error = error["error"]["message"].as_str().or(error["error"].as_str());
        assert_eq!(error, Some("Ollama's answer broke off"), "{path}: {text}");
        assert!(!text.contains("[DONE]") && !text.contains("\"done\":true"), "{path}: {text}");
    }
}

#[tokio::test]
async fn a_stream_that_ends_early_ends_with_an_error() {
    for (path, reply) in failing(Fault::EndEarly { after: 2 }).await {
        assert_eq!(reply.status, 200, "{path}");
        let text = reply.text();
        assert!(text.contains("Ollama's answer ended before it was complete"), "{path}: {text}");
        assert!(!text.contains("[DONE]") && !text.contains("\"done\":true"), "{path}: {text}");
        assert_eq!(text.contains("event: error\n"), path == "/v1/messages", "{path}: {text}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_within_an_event_is_cut() {
    let world = World::start().await;
    for (path, body) in STREAMS {
        world.ollama.fail(path, Fault::CloseMidChunk { after: 2 });
        let mut connection = Connection::open(world.gateway()).await;
        let answer = connection.begin(post(path, Some(world.key("alice")), body)).await;
        assert_eq!(answer.status(), 200, "{path}");
        let end = soon("the end of the answer", answer.into_body().collect()).await;
        // Where the gateway looks for usage it holds events until they are whole, so the
        // caller stands between two.
        if path == "/v1/chat/completions" {
            let text =
                String::from_utf8(end.unwrap_or_default().to_bytes().into()).unwrap_or_default();
            assert!(text.contains("Ollama's answer broke off"), "{text}");
        } else {
            assert!(end.is_err(), "{path}: half an answer must not look like a whole one");
        }
    }
}

#[tokio::test]
async fn an_error_in_a_stream_passes_once() {
    let world = World::start().await;
    world.ollama.fail("/api/chat", Fault::ErrorLine);
    let reply = world.send(post("/api/chat", Some(world.key("alice")), NATIVE)).await;
    assert_eq!(reply.text(), "{\"error\":\"simulated failure\"}\n");
}

#[tokio::test]
async fn who_does_not_answer_in_time_is_a_gateway_timeout() {
    let setup = Setup { upstream: ", response_timeout: 100ms", ..Setup::default() };
    let world = World::build(setup).await;
    for (path, body) in STREAMS {
        let gate = world.ollama.hold(path, Hold::BeforeHeaders);
        let reply = world.send(post(path, Some(world.key("alice")), body)).await;
        assert_eq!(reply.status, 504, "{path}");
        assert_eq!(message(&reply), "Ollama did not answer within 0.1 seconds", "{path}");
        // The time is over for Ollama too.
        soon("the cancellation", gate.ending()).await;
    }
    let gate = world.ollama.hold("/api/tags", Hold::BeforeHeaders);
    assert_eq!(world.send(get("/api/tags", Some(world.key("alice")))).await.status, 504);
    drop(gate);
}

#[tokio::test]
async fn a_stream_that_stops_ends_with_an_error() {
    let setup = Setup { upstream: ", idle_timeout: 100ms", ..Setup::default() };
    let world = World::build(setup).await;
    for (path, body) in STREAMS {
        let gate = world.ollama.hold(path, Hold::AfterChunks(2));
        let reply = world.send(post(path, Some(world.key("alice")), body)).await;
        let text = reply.text();
        assert!(text.contains("Ollama's answer stopped before it was complete"), "{path}: {text}");
        soon("the cancellation", gate.ending()).await;
    }
}
