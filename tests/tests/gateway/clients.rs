//! The real client libraries, unchanged. `cargo xtask test` installs them. Agents and front ends
//! are driven by the test of docs/guide/clients.md.

use std::process::Stdio;
use std::time::Duration;

use stockade_tests::{BINDINGS, Connection, World, node, post, python, soon};
use tokio::process::Command;

/// Some libraries take seconds to load, and more on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

async fn passes(world: World, mut command: Command) {
    command
        .env("GATEWAY", format!("http://{}", world.gateway()))
        .env("ALICE", world.key("alice"))
        .env("BOB", world.key("bob"));
    succeeds(command).await;
}

/// Alice's key in the header, and once more in the path, with a word in the header that is none.
async fn passes_both_ways(command: impl Fn() -> Command) {
    let allowed = format!("authentication: {{ key_in_path: true }}\n{BINDINGS}");
    let world = World::with(&allowed).await;
    let (address, key) = (format!("http://{}", world.gateway()), world.key("alice"));
    for (gateway, key) in [(address.clone(), key), (format!("{address}/k/{key}"), "ollama")] {
        let mut command = command();
        command.env("GATEWAY", gateway).env("KEY", key);
        succeeds(command).await;
    }
}

async fn succeeds(mut command: Command) {
    // No credential of whoever runs the tests, and nobody else is asked.
    for variable in ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"] {
        command.env_remove(variable);
    }
    command.env("NO_PROXY", "*").env("no_proxy", "*").stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.trim() == "ok", "{text}\n{errors}");
}

#[tokio::test]
async fn ollama_for_python() {
    let mut world = World::start().await;
    // It looks past the gateway, to see that a change has happened.
    let mut command = python("native.py");
    command.env("OLLAMA", format!("http://{}", world.ask_ollama_directly()));
    passes(world, command).await;
}

#[tokio::test]
async fn the_openai_sdk() {
    passes(World::start().await, python("openai_sdk.py")).await;
}

#[tokio::test]
async fn the_anthropic_sdk() {
    passes(World::start().await, python("anthropic_sdk.py")).await;
}

#[tokio::test]
async fn ollama_for_javascript() {
    passes(World::start().await, node("native.mjs")).await;
}

#[tokio::test]
async fn the_openai_sdk_for_javascript() {
    passes_both_ways(|| node("openai_sdk.mjs")).await;
}

#[tokio::test]
async fn the_anthropic_sdk_for_javascript() {
    passes_both_ways(|| node("anthropic_sdk.mjs")).await;
}

#[tokio::test]
async fn the_ai_sdk() {
    passes_both_ways(|| node("ai_sdk.mjs")).await;
}

#[tokio::test]
async fn langchain() {
    passes_both_ways(|| python("langchain_packages.py")).await;
}

#[tokio::test]
async fn litellm() {
    passes_both_ways(|| python("litellm_library.py")).await;
}

#[tokio::test]
async fn curl() {
    let world = World::start().await;
    let body = r#"{"model":"llama3.2:3b","prompt":"Hello"}"#;
    let url = format!("http://{}/api/generate", world.gateway());
    let curl = async |key: Option<&str>| {
        let mut command = Command::new("curl");
        command.args(["-sS", "-w", "\n%{http_code}", "-d", body, &url]).kill_on_drop(true);
        if let Some(key) = key {
            command.args(["-H", &format!("Authorization: Bearer {key}")]);
        }
        let output = soon("curl", command.output()).await.unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let answer = curl(Some(world.key("alice"))).await;
    assert!(answer.contains("\"done\":true") && answer.ends_with("\n200"), "{answer}");
    assert!(curl(None).await.ends_with("\n401"));
}

/// The requests of `ollama run`, in its order, by hand: it has no way to send a key, so a proxy
/// that adds one stands before the gateway, or the key is its own.
#[tokio::test]
async fn the_sequence_of_ollama_run() {
    let world = World::start().await;
    let mut connection = Connection::open(world.gateway()).await;
    let alice = Some(world.key("alice"));
    let head = http::Request::builder().method("HEAD").uri("/").body(String::new()).unwrap();
    // `checkServerHeartbeat`; with anything but 200 the CLI gives up.
    assert_eq!(connection.send(head).await.status, 200);
    let show = r#"{"model":"llama3.2:3b","system":"","template":"","verbose":false,"options":null,"name":"llama3.2:3b"}"#;
    for _ in 0..2 {
        let reply = connection.send(post("/api/show", alice, show)).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert!(reply.json()["capabilities"].is_array());
    }
    let load = r#"{"model":"llama3.2:3b","prompt":"","suffix":"","system":"","template":"","options":null,"think":false}"#;
    let reply = connection.send(post("/api/generate", alice, load)).await;
    assert_eq!(reply.json()["done_reason"], "load", "{}", reply.text());
    let chat = r#"{"model":"llama3.2:3b","messages":[{"role":"user","content":"Hello"}],"stream":null,"format":"","options":{},"think":false}"#;
    let reply = connection.send(post("/api/chat", alice, chat)).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(reply.text().trim_end().lines().last().unwrap().contains("\"done\":true"));
    // A denied model is 403 and not 404, for which the CLI would pull it.
    let denied = show.replace("llama3.2:3b", "llama3.3:70b");
    assert_eq!(connection.send(post("/api/show", alice, &denied)).await.status, 403);
}
