//! The audit log over sockets: what stands in it, and what is refused where nothing can.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use stockade_audit::{LineReader, VerifyOptions, verify};
use stockade_tests::{BINDINGS, Connection, World, get, post, soon, until};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const PATIENCE: Duration = Duration::from_mins(1);
const HELLO: &str = r#"{"model":"llama3.2:3b","prompt":"a secret plan","stream":false}"#;

async fn world(audit: &str) -> World {
    World::with(&format!("state_directory: state\naudit: {{ {audit} }}\n{BINDINGS}")).await
}

fn directory(world: &World) -> PathBuf {
    world.directory().join("state/audit")
}

/// Everything that the log tells by now.
fn lines(world: &World) -> Vec<Value> {
    if let Some(log) = world.server().audit().log() {
        assert!(log.sign(PATIENCE));
    }
    let mut reader = LineReader::open(&directory(world)).unwrap();
    let mut lines = Vec::new();
    while let Some(line) = reader.next_line().unwrap() {
        lines.push(serde_json::from_slice(line).unwrap());
    }
    lines
}

fn of<'l>(lines: &'l [Value], kind: &str) -> Vec<&'l Value> {
    lines.iter().filter(|line| line["kind"] == kind).collect()
}

#[tokio::test]
async fn each_request_and_each_change_leaves_a_line() {
    let world = world("anchors: { log: false }").await;
    let key = Some(world.key("alice"));
    let permitted = world.send(post("/api/generate", key, HELLO)).await;
    assert_eq!(permitted.status, 200);
    assert_eq!(world.send(get("/api/tags", Some("sk-local-wrong"))).await.status, 401);
    world.edit("\"llama3.2:*\", \"qwen3:8b\"", "\"qwen3:8b\"").await;
    assert_eq!(world.send(post("/api/generate", key, HELLO)).await.status, 403);
    let rejected = world.rebind("state_directory: state\nnonsense: true").await;
    assert!(rejected.rejected.is_some());
    until("the rejection", || of(&lines(&world), "reload-rejected").len() == 1).await;
    let lines = lines(&world);
    let requests = of(&lines, "request");
    let told =
        |line: &Value| (line["user"].clone(), line["decision"].clone(), line["status"].clone());
    let told: Vec<_> = requests.iter().map(|line| told(line)).collect();
    let alice = Value::from("alice");
    assert_eq!(told[0], (alice.clone(), "permit".into(), 200.into()));
    assert_eq!(told[1], (Value::Null, "refuse".into(), 401.into()));
    assert_eq!(told[2], (alice, "refuse".into(), 403.into()));
    let id = permitted.headers["x-request-id"].to_str().unwrap();
    assert_eq!(requests[0]["request"], id);
    let steps = &requests[0]["steps"];
    let steps =
        ["identified", "classified", "decided", "sent", "answered"].map(|name| &steps[name]);
    assert!(steps.map(|at| at.as_u64().unwrap()).is_sorted(), "{steps:?}");
    let reload = of(&lines, "reload")[0];
    assert_eq!(reload["generation"], 2);
    assert_eq!(reload["files"][0]["sha256"].as_str().unwrap().len(), 64);
    let errors = &of(&lines, "reload-rejected")[0]["errors"];
    assert_eq!(errors[0]["message"], "unknown key \"nonsense\"");
    let directory = directory(&world);
    let text = std::fs::read_to_string(directory.join("audit-00000001.jsonl")).unwrap();
    assert!(!text.contains("secret plan") && !text.contains(world.key("alice")), "{text}");
    let key = std::fs::read_to_string(directory.join("key.pub")).unwrap();
    let options = VerifyOptions { keys: vec![key.parse().unwrap()], anchors: Vec::new() };
    let proof = verify(&directory, &options).unwrap();
    assert!(proof.holds() && proof.unprotected() == 0, "{proof:?}");
}

#[tokio::test]
async fn without_a_place_for_its_line_nothing_is_forwarded() {
    let world = world("anchors: { log: false }").await;
    let key = Some(world.key("alice"));
    assert_eq!(world.send(post("/api/generate", key, HELLO)).await.status, 200);
    let (here, away) = (directory(&world), world.directory().join("away"));
    std::fs::rename(&here, &away).unwrap();
    let log = world.server().audit().log().unwrap();
    until("trouble", || log.trouble().is_some()).await;
    let asked = world.ollama.requests().len();
    let refused = world.send(post("/api/generate", key, HELLO)).await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.headers["retry-after"], "5");
    let sentence =
        "the gateway cannot record requests at the moment (audit log: removed); try again later";
    assert_eq!(refused.json()["error"], sentence);
    assert_eq!(world.ollama.requests().len(), asked, "nothing was forwarded");
    std::fs::rename(&away, &here).unwrap();
    until("its end", || log.trouble().is_none()).await;
    assert_eq!(world.send(post("/api/generate", key, HELLO)).await.status, 200);
    until("the gap", || of(&lines(&world), "gap").len() == 1).await;
    let lines = lines(&world);
    assert_eq!(of(&lines, "gap")[0]["requests"], 1);
    assert_eq!(of(&lines, "request").len(), 2);
}

#[tokio::test]
async fn an_operator_can_choose_to_go_on_and_the_gap_is_told() {
    let world = world("on_failure: continue, anchors: { log: false }").await;
    let key = Some(world.key("alice"));
    let (here, away) = (directory(&world), world.directory().join("away"));
    std::fs::rename(&here, &away).unwrap();
    let log = world.server().audit().log().unwrap();
    until("trouble", || log.trouble().is_some()).await;
    assert_eq!(world.send(post("/api/generate", key, HELLO)).await.status, 200);
    std::fs::rename(&away, &here).unwrap();
    until("the gap", || of(&lines(&world), "gap").len() == 1).await;
    assert_eq!(of(&lines(&world), "request").len(), 0);
}

#[tokio::test]
async fn checkpoints_leave_the_gateway() {
    let world = world("anchors: { every: 1s, file: anchors.jsonl }").await;
    let mut connection = Connection::open(world.gateway()).await;
    let anchors = world.directory().join("anchors.jsonl");
    let key = Some(world.key("alice"));
    while !anchors.exists() {
        connection.send(get("/api/tags", key)).await;
    }
    let text = std::fs::read_to_string(&anchors).unwrap();
    let anchor: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let note = anchor["checkpoint"].as_str().unwrap().parse().unwrap();
    let _ = lines(&world);
    let options = VerifyOptions { keys: Vec::new(), anchors: vec![note] };
    let proof = verify(&directory(&world), &options).unwrap();
    assert!(proof.holds() && proof.anchors == 1, "{proof:?}");
}

#[tokio::test]
async fn checkpoints_are_posted_to_a_server() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let anchors = format!("anchors: {{ every: 1s, log: false, url: \"http://{address}/anchor\" }}");
    let world = world(&anchors).await;
    let (mut stream, _) = soon("a checkpoint", listener.accept()).await.unwrap();
    let mut received = Vec::new();
    while !received.ends_with(b"=\n") {
        assert_ne!(soon("the rest", stream.read_buf(&mut received)).await.unwrap(), 0);
    }
    stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    let text = String::from_utf8(received).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /anchor HTTP/1.1\r\n"), "{head}");
    let note = body.parse().unwrap();
    let _ = lines(&world);
    let options = VerifyOptions { keys: Vec::new(), anchors: vec![note] };
    let proof = verify(&directory(&world), &options).unwrap();
    assert!(proof.holds() && proof.anchors == 1, "{proof:?}");
}
