//! The process in which `stockade serve` compiles policies, seen from outside.

#![cfg(target_os = "linux")]
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

use crate::gateway::Gateway;
use stockade_authn::KeyText;
use stockade_core::SystemClock;
use stockade_engine::{Compiler, CompilerProcess, Engine, EngineConfig};
use stockade_gateway::Server;
use tokio::io::AsyncBufReadExt as _;
use tokio::process::Command;

const CONFIG: &str = r#"
listen: 127.0.0.1:0
upstream: { url: "http://127.0.0.1:9" }
log: { format: json }
users: { alice: { keys: [{ id: laptop, sha256: "@KEY@" }] } }
policies: { model-access: { module: builtin/model-access } }
bindings:
  - { name: one, subjects: everyone, policy: model-access, settings: { allow: ["llama3.2:3b"] } }
"#;

/// The processes that a process has started and that still run.
fn children(process: &str) -> BTreeSet<String> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let read = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("children"));
    let lists: Vec<_> = threads.filter_map(|thread| read(thread.ok()?).ok()).collect();
    lists.iter().flat_map(|list| list.split_whitespace().map(str::to_owned)).collect()
}

/// The compiler that a gateway has started.
fn compiler(gateway: &Gateway) -> String {
    let mut compilers = children(&gateway.child.id().unwrap().to_string());
    assert_eq!(compilers.len(), 1, "{compilers:?}");
    compilers.pop_first().unwrap()
}

fn about(process: &str, file: &str) -> String {
    fs::read_to_string(format!("/proc/{process}/{file}")).unwrap()
}

fn limit(limits: &str, name: &str) -> String {
    let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap().to_owned()
}

async fn comes_into_force(gateway: &mut Gateway) {
    loop {
        let mut line = String::new();
        assert_ne!(gateway.errors.read_line(&mut line).await.unwrap(), 0, "it ended");
        assert!(!line.contains("ERROR"), "{line}");
        if line.contains("a new generation is in force") {
            return;
        }
    }
}

/// Alice may use this model and no other.
fn write(directory: &Path, key: &KeyText, model: &str) {
    let text = CONFIG.replace("@KEY@", &key.digest().to_string()).replace("llama3.2:3b", model);
    fs::write(directory.join("stockade.yaml"), text).unwrap();
}

/// Tells whether she may say hello to a small model. There is no Ollama.
async fn may_say_hello(gateway: &Gateway, key: &KeyText) -> bool {
    let bearer = format!("Authorization: Bearer {}", key.expose());
    let (status, body) = gateway.curl("/api/generate", &["-H", &bearer]).await;
    assert!(status == "502" || status == "403", "{status}: {body}");
    status == "502"
}

#[tokio::test]
async fn it_has_nothing_of_the_gateways_and_is_started_again() {
    let directory = tempfile::tempdir().unwrap();
    let key = KeyText::generate();
    write(directory.path(), &key, "llama3.2:3b");
    let mut gateway = Gateway::start(directory.path()).await;
    let first = compiler(&gateway);
    assert!(may_say_hello(&gateway, &key).await);

    let arguments = about(&first, "cmdline");
    assert!(arguments.ends_with("\0compile-policies\0"), "{arguments:?}");
    let environment = about(&first, "environ");
    assert!(environment.starts_with("RAYON_NUM_THREADS="), "{environment}");
    assert_eq!(environment.matches('\0').count(), 1, "{environment}");
    let limits = about(&first, "limits");
    assert_eq!(limit(&limits, "Max data size"), (1 << 30).to_string());
    assert_eq!(limit(&limits, "Max core file size"), "1");
    assert_eq!(about(&first, "oom_score_adj").trim(), "1000");
    // Not the listener, not the log, not the files of the configuration.
    let open = fs::read_dir(format!("/proc/{first}/fd")).unwrap().count();
    let sockets = fs::read_dir(format!("/proc/{first}/fd")).unwrap().filter(|file| {
        let target = fs::read_link(file.as_ref().unwrap().path()).unwrap();
        target.to_string_lossy().starts_with("socket:")
    });
    assert!(open <= 8 && sockets.count() <= 2, "{open} open files");

    // After an edit it is kept for the next one.
    write(directory.path(), &key, "qwen3:8b");
    comes_into_force(&mut gateway).await;
    assert!(!may_say_hello(&gateway, &key).await);
    assert_eq!(compiler(&gateway), first);

    let killed = Command::new("kill").args(["-KILL", &first]).status().await.unwrap();
    assert!(killed.success());
    write(directory.path(), &key, "llama3.2:*");
    comes_into_force(&mut gateway).await;
    assert!(may_say_hello(&gateway, &key).await);
    assert_ne!(compiler(&gateway), first);
    gateway.end().await;
}

#[tokio::test]
async fn what_was_rejected_for_want_of_a_compiler_is_tried_again_when_asked() {
    let stockade = env!("CARGO_BIN_EXE_stockade");
    let (directory, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let program = elsewhere.path().join("compiler");
    symlink(stockade, &program).unwrap();
    let process = CompilerProcess::new(&program, &["compile-policies"]);
    let config = EngineConfig::compiling(Compiler::Process(process));
    let engine = Arc::new(Engine::new(config).unwrap());
    let key = KeyText::generate();
    write(directory.path(), &key, "llama3.2:3b");
    let path = directory.path().join("stockade.yaml");
    let server = Server::start(engine.clone(), &path, Arc::new(SystemClock)).await.unwrap();
    let mut status = server.current().status();

    engine.rest();
    fs::remove_file(&program).unwrap();
    write(directory.path(), &key, "qwen3:8b");
    let rejected = status.wait_for(|status| status.rejected.is_some()).await.unwrap().clone();
    assert_eq!(rejected.generation, 1);
    let errors = rejected.rejected.unwrap();
    assert!(errors.to_string().contains("cannot be started"), "{errors}");

    symlink(stockade, &program).unwrap();
    server.check_for_changes();
    let accepted = status.wait_for(|status| status.rejected.is_none()).await.unwrap().clone();
    assert_eq!(accepted.generation, 2);
    server.stop().await;
}
