//! The real client libraries, unchanged. `cargo xtask test` installs them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::process::Stdio;

use stockade_tests::{World, soon};
use tokio::process::Command;

fn installed(path: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/clients").join(path);
    assert!(path.exists(), "{} is missing: run `cargo xtask setup`", path.display());
    path
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(name)
}

async fn passes(mut command: Command) {
    let world = World::start().await;
    command
        .env("GATEWAY", format!("http://{}", world.gateway()))
        .env("ALICE", world.key("alice"))
        .env("BOB", world.key("bob"))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = soon("a client", command.output()).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.trim() == "ok", "{text}\n{errors}");
}

async fn python(name: &str) {
    let mut command = Command::new(installed("python/bin/python"));
    command.arg(script(name));
    passes(command).await;
}

#[tokio::test]
async fn ollama_for_python() {
    python("native.py").await;
}

#[tokio::test]
async fn the_openai_sdk() {
    python("openai_sdk.py").await;
}

#[tokio::test]
async fn the_anthropic_sdk() {
    python("anthropic_sdk.py").await;
}

#[tokio::test]
async fn ollama_for_javascript() {
    // Node looks for packages beside the script, so the script is put beside them.
    let directory = installed("node/node_modules");
    let beside = directory.parent().unwrap().join("native.mjs");
    std::fs::copy(script("native.mjs"), &beside).unwrap();
    let mut command = Command::new("node");
    command.arg(beside);
    passes(command).await;
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
