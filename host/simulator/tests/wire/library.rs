//! Requests that change which models there are.

use crate::support::{Answer, send, simulator};
use serde_json::json;
use stockade_simulator::Simulator;

async fn post(ollama: &Simulator, path: &str, body: serde_json::Value) -> Answer {
    send(ollama, &format!("POST {path}"), &body.to_string()).await
}

#[tokio::test]
async fn a_pull_reports_its_progress_and_installs() {
    let ollama = simulator().await;
    let pulled = post(&ollama, "/api/pull", json!({"name": "Mistral"})).await;
    let lines = pulled.lines();
    assert_eq!(lines[0]["status"], "pulling manifest");
    assert!(lines[1]["digest"].as_str().unwrap().starts_with("sha256:"));
    assert_eq!(lines.last().unwrap()["status"], "success");
    assert!(ollama.models().contains(&"Mistral:latest".to_owned()));

    let quiet = json!({"model": "phi", "stream": false});
    let whole = post(&ollama, "/api/pull", quiet).await.json();
    assert_eq!(whole, json!({"status": "success"}));
}

#[tokio::test]
async fn lists_agree() {
    let ollama = simulator().await;
    let tags = send(&ollama, "GET /api/tags", "").await.json();
    let models = send(&ollama, "GET /v1/models", "").await.json();
    assert_eq!(tags["models"][0]["name"], "llama3.2:3b");
    assert_eq!(models["data"][0]["id"], "llama3.2:3b");
    let model = send(&ollama, "GET /v1/models/%20LLAMA3.2%3A3b", "").await.json();
    assert_eq!(model, models["data"][0]);
    let shown = post(&ollama, "/api/show", json!({"name": "llama3.2:3b"})).await;
    assert_eq!(shown.json()["details"]["format"], "gguf");
}

#[tokio::test]
async fn copy_delete_and_create_change_the_list() {
    let ollama = simulator().await;
    let copy = json!({"source": "QWEN3:8b", "destination": "mine:local"});
    assert_eq!(post(&ollama, "/api/copy", copy).await.status, 200);
    assert_eq!(ollama.models(), ["llama3.2:3b", "qwen3:8b", "mine:local"]);
    assert_eq!(ollama.requests()[0].models, ["mine:local", "qwen3:8b"]);

    let body = json!({"model": "qwen3:8b"}).to_string();
    assert_eq!(send(&ollama, "DELETE /api/delete", &body).await.status, 200);
    assert_eq!(send(&ollama, "DELETE /api/delete", &body).await.status, 404);

    // Another spelling of an installed model is pulled, and then it is there twice.
    let create = json!({"model": "new", "from": "LLAMA3.2:3B"});
    let created = post(&ollama, "/api/create", create).await;
    assert_eq!(created.lines()[0]["status"], "pulling manifest");
    let names = ["llama3.2:3b", "mine:local", "LLAMA3.2:3B", "new:latest"];
    assert_eq!(ollama.models(), names);
}

#[tokio::test]
async fn a_push_folds_the_name_before_it_checks_it() {
    let ollama = Simulator::builder()
        .models(["secret"])
        .start("127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let pushed = post(&ollama, "/api/push", json!({"model": "\u{17f}ecret"})).await;
    assert_eq!(pushed.lines().last().unwrap()["status"], "success");
    let missing = post(&ollama, "/api/push", json!({"model": "other"})).await;
    assert!(missing.lines()[1]["error"].is_string());
}

#[tokio::test]
async fn blobs_are_known_by_their_real_digest() {
    let ollama = simulator().await;
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let wrong = "0".repeat(64);
    let status = async |line: String, body| send(&ollama, &line, body).await.status;
    assert_eq!(status(format!("HEAD /api/blobs/sha256:{abc}"), "").await, 404);
    assert_eq!(status(format!("POST /api/blobs/sha256:{wrong}"), "abc").await, 400);
    assert_eq!(status(format!("HEAD /api/blobs/sha256-{abc}"), "").await, 200);
    assert_eq!(status(format!("POST /api/blobs/sha256:{abc}"), "abc").await, 200);
    assert_eq!(status("HEAD /api/blobs/sha256:x".to_owned(), "").await, 400);
    let body = json!({"model": "alias", "files": {"a.gguf": format!("sha256:{abc}")}});
    let created = post(&ollama, "/api/create", body).await;
    assert_eq!(created.lines().last().unwrap()["status"], "success");
}
