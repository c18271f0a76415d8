//! Few descriptors: the soft limit is raised, and where the hard one is low, nobody is locked
//! out, a revocation goes live, and the gateway stops when it is told to.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::gateway::Gateway;
use stockade_authn::KeyText;
use stockade_simulator::Simulator;
use tokio::io::AsyncBufReadExt as _;
use tokio::net::TcpStream;

fn config(upstream: SocketAddr, user: &str) -> String {
    format!(
        "listen: 127.0.0.1:0\nupstream: {{ url: \"http://{upstream}\" }}\nlog: {{ format: json }}\n\
         users:\n  alice: {{ {user} }}\n\
         policies: {{ model-access: {{ module: builtin/model-access }} }}\n\
         bindings: [{{ name: all, subjects: everyone, policy: model-access, settings: {{ allow: [\"*\"] }} }}]\n"
    )
}

#[tokio::test]
async fn the_soft_limit_is_raised_to_the_hard_one() {
    let directory = tempfile::tempdir().unwrap();
    let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
    std::fs::write(directory.path().join("stockade.yaml"), config(nobody, "")).unwrap();
    let usual = Gateway::start(directory.path()).await;
    let low = Gateway::start_after(directory.path(), "ulimit -Sn 100 && ulimit -Hn 900").await;
    let (soft, hard) = limits(&usual);
    assert_eq!(soft, hard);
    assert_eq!(limits(&low), ("900".to_owned(), "900".to_owned()));
    usual.end().await;
    low.end().await;
}

/// The soft and the hard limit of open files.
fn limits(gateway: &Gateway) -> (String, String) {
    let process = gateway.child.id().unwrap();
    let limits = std::fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let mut numbers = files.split_ascii_whitespace().skip(3).map(str::to_owned);
    (numbers.next().unwrap(), numbers.next().unwrap())
}

#[tokio::test]
async fn whoever_takes_all_connections_stops_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stockade.yaml");
    let ollama = Simulator::builder().models(["llama3.2:3b"]);
    let ollama = ollama.start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
    let key = KeyText::generate();
    let user = format!("keys: [{{ id: k, sha256: \"{}\" }}]", key.digest());
    std::fs::write(&path, config(ollama.addr(), &user)).unwrap();
    let mut gateway = Gateway::start_after(directory.path(), "ulimit -n 200").await;
    let address = gateway.url.trim_start_matches("http://").to_owned();
    let mut held = Vec::new();
    for _ in 0..400 {
        held.push(TcpStream::connect(&address).await.unwrap());
    }
    let header = format!("Authorization: Bearer {}", key.expose());
    assert_eq!(gateway.curl("/api/generate", &["-H", &header]).await.0, "200");
    let revoked = config(ollama.addr(), &format!("{user}, disabled: true"));
    std::fs::write(&path, revoked).unwrap();
    loop {
        let mut line = String::new();
        let read = gateway.errors.read_line(&mut line);
        let read = tokio::time::timeout(Duration::from_secs(30), read).await;
        assert_ne!(read.unwrap().unwrap(), 0, "{}", gateway.said);
        gateway.said.push_str(&line);
        if line.contains("a new generation is in force") {
            break;
        }
    }
    assert_eq!(gateway.curl("/api/generate", &["-H", &header]).await.0, "401");
    let said = gateway.end().await;
    assert!(!said.contains("cannot accept"), "{said}");
    drop(held);
}
