//! Standard error that nobody reads: the gateway goes on, or refuses, and always ends.

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use stockade_authn::KeyText;
use stockade_simulator::Simulator;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A gateway whose log is read line by line, and then not at all.
struct Gateway {
    child: Child,
    errors: ChildStderr,
    address: SocketAddr,
    key: KeyText,
    _directory: tempfile::TempDir,
}

impl Gateway {
    fn start(upstream: SocketAddr, log: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let key = KeyText::generate();
        let config = format!(
            r#"
listen: 127.0.0.1:0
upstream: {{ url: "http://{upstream}" }}
log: {{ format: json, {log} }}
users: {{ alice: {{ keys: [{{ id: laptop, sha256: "{}" }}] }} }}
policies: {{ model-access: {{ module: builtin/model-access }} }}
bindings:
  - {{ name: all, subjects: everyone, policy: model-access, settings: {{ allow: ["*"] }} }}
"#,
            key.digest()
        );
        std::fs::write(directory.path().join("stockade.yaml"), config).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_stockade"))
            .arg("serve")
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut errors = child.stderr.take().unwrap();
        let address = listening(&mut errors);
        Self { child, errors, address, key, _directory: directory }
    }

    /// The status of one request for a version, on a connection of its own.
    async fn ask(&self, path: &str) -> u16 {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\r\n",
            self.key.expose()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// Ends it as an operator does; it must not wait for a reader.
    fn end(mut self) -> (std::process::ExitStatus, String) {
        let process = self.child.id().to_string();
        let killed = Command::new("kill").args(["-TERM", &process]).status().unwrap();
        assert!(killed.success());
        let status = self.child.wait().unwrap();
        let mut rest = String::new();
        self.errors.read_to_string(&mut rest).unwrap();
        (status, rest)
    }
}

/// Reads on until the gateway tells where it listens.
fn listening(errors: &mut ChildStderr) -> SocketAddr {
    let mut said = Vec::new();
    loop {
        let mut byte = [0];
        assert_ne!(errors.read(&mut byte).unwrap(), 0, "{}", String::from_utf8_lossy(&said));
        said.push(byte[0]);
        if byte[0] == b'\n' {
            let line: serde_json::Value = serde_json::from_slice(&said).unwrap();
            if let Some(address) = line["address"].as_str() {
                return address.parse().unwrap();
            }
            said.clear();
        }
    }
}

async fn ollama() -> Simulator {
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Simulator::builder().models(["llama3.2:3b"]).record(true).start(anywhere).await.unwrap()
}

/// More lines than a pipe holds; each has some 500 bytes.
const MORE_THAN_A_PIPE: usize = 400;

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_nobody_reads_stops_nobody() {
    let ollama = ollama().await;
    let gateway = Gateway::start(ollama.addr(), "when_stuck: drop");
    for _ in 0..MORE_THAN_A_PIPE {
        assert_eq!(gateway.ask("/api/version").await, 200);
    }
    let (status, said) = gateway.end();
    assert!(status.success(), "{status}");
    // What the pipe held was there.
    assert!(said.contains("stockade::request"));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_operator_says_so_nothing_is_served_unrecorded() {
    let ollama = ollama().await;
    let gateway = Gateway::start(ollama.addr(), "when_stuck: refuse");
    let mut asked = 0;
    let refused = loop {
        asked += 1;
        let path = if asked % 2 == 0 { "/api/tags" } else { "/api/version" };
        match gateway.ask(path).await {
            200 => {}
            status => break status,
        }
    };
    assert_eq!(refused, 503);
    let forwarded = ollama.requests().len();
    for path in ["/api/tags", "/api/version", "/"] {
        assert_eq!(gateway.ask(path).await, 503, "{path}");
    }
    assert_eq!(ollama.requests().len(), forwarded, "nothing more arrives");
    let (status, _) = gateway.end();
    assert!(status.success(), "{status}");
}

/// A full disk, or a reader who has gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_pipe_is_survived_too() {
    let ollama = ollama().await;
    for (log, expected) in [("when_stuck: drop", 200), ("when_stuck: refuse", 503)] {
        let mut gateway = Gateway::start(ollama.addr(), log);
        // The reader goes away.
        let (read, write) = std::io::pipe().unwrap();
        drop(write);
        let gone = std::mem::replace(&mut gateway.errors, ChildStderr::from(OwnedFd::from(read)));
        drop(gone);
        let mut last = 0;
        while last != expected {
            last = gateway.ask("/api/version").await;
            assert!([200, expected].contains(&last), "{last}");
            if expected == 200 {
                break;
            }
        }
        let (status, _) = gateway.end();
        assert!(status.success(), "{status}");
    }
}

#[test]
fn the_default_is_to_go_on() {
    let text = "listen: 127.0.0.1:0\nupstream: { url: \"http://127.0.0.1:1\" }\nusers: {}\n";
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stockade.yaml");
    std::fs::write(&path, text).unwrap();
    let loaded = stockade_config::load(Path::new(&path), stockade_control::shipped::NAMES).unwrap();
    assert_eq!(loaded.config.log.when_stuck, stockade_config::WhenStuck::Drop);
}
