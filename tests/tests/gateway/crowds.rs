//! Many connections: nobody is locked out, and nobody who is served is cut for others.

use http_body_util::BodyExt as _;
use stockade_simulator::Hold;
use stockade_tests::{BINDINGS, Connection, Setup, World, get, post, raw, soon};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const STREAM: &str = r#"{"model":"llama3.2:1b","prompt":"Hello"}"#;

async fn world(limits: &str) -> World {
    let bindings = format!("limits: {{ {limits} }}\n{BINDINGS}");
    World::build(Setup { bindings: &bindings, ..Setup::default() }).await
}

async fn ended(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    // What was sent and not read makes the end a reset.
    soon("the end of a connection", stream.read_to_end(&mut rest)).await.ok();
    assert_eq!(rest, b"");
}

#[tokio::test]
async fn whoever_holds_connections_open_makes_room() {
    for limits in ["connections: 8, connections_per_address: 20", "connections_per_address: 8"] {
        let world = world(&format!("{limits}, header_timeout: 5m")).await;
        let mut held = Vec::new();
        for begun in ["", "GET / HT", "GET / HTTP/1.1\r\nHost: a\r\nX: "].iter().cycle().take(8) {
            let mut stream = TcpStream::connect(world.gateway()).await.unwrap();
            stream.write_all(begun.as_bytes()).await.unwrap();
            held.push(stream);
        }
        let mut others = Vec::new();
        for first in &mut held[..3] {
            let mut other = Connection::open(world.gateway()).await;
            assert_eq!(other.send(get("/", None)).await.status, 200, "{limits}");
            ended(first).await;
            others.push(other);
        }
    }
}

#[tokio::test]
async fn an_idle_connection_makes_room_and_a_busy_one_does_not() {
    let world = world("connections: 2, connections_per_address: 2").await;
    let mut gate = world.ollama.hold("/api/generate", Hold::AfterChunks(2));
    let mut busy = Connection::open(world.gateway()).await;
    let key = Some(world.key("alice"));
    let mut answer = busy.begin(post("/api/generate", key, STREAM)).await;
    assert!(soon("the hold", gate.reached()).await);
    for _ in 0..5 {
        let mut other = Connection::open(world.gateway()).await;
        assert_eq!(other.send(get("/api/tags", key)).await.status, 200);
    }
    let second = world.ollama.hold("/api/generate", Hold::AfterChunks(2));
    let mut also_busy = Connection::open(world.gateway()).await;
    let mut other = also_busy.begin(post("/api/generate", key, STREAM)).await;
    let refused = raw(world.gateway(), b"").await;
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    assert!(refused.contains("retry-after: 1\r\n") && refused.contains("\"error\""), "{refused}");
    drop((gate, second));
    for answer in [&mut answer, &mut other] {
        while let Some(frame) = soon("the rest", answer.body_mut().frame()).await {
            frame.unwrap();
        }
    }
    assert_eq!(world.send(get("/", None)).await.status, 200);
}

#[tokio::test]
async fn limits_of_connections_reload() {
    let world = world("connections: 1, connections_per_address: 20").await;
    let mut one = TcpStream::connect(world.gateway()).await.unwrap();
    let mut connection = Connection::open(world.gateway()).await;
    assert_eq!(connection.send(get("/", None)).await.status, 200);
    ended(&mut one).await;
    world.edit("connections: 1,", "connections: 10,").await;
    let mut others = Vec::new();
    for _ in 0..8 {
        others.push(Connection::open(world.gateway()).await);
    }
    for connection in &mut others {
        assert_eq!(connection.send(get("/", None)).await.status, 200);
    }
    assert_eq!(connection.send(get("/", None)).await.status, 200);
}

/// A proxy speaks for many; whom it speaks for is counted where the connection tells.
#[tokio::test]
async fn a_trusted_proxy_has_as_many_connections_as_there_are() {
    let more = "trusted_proxies: { addresses: [127.0.0.1], header: x-forwarded-for }\n";
    let bindings = format!("{more}limits: {{ connections_per_address: 1 }}\n{BINDINGS}");
    let world = World::build(Setup { bindings: &bindings, ..Setup::default() }).await;
    let mut connections = Vec::new();
    for _ in 0..5 {
        connections.push(Connection::open(world.gateway()).await);
    }
    for connection in &mut connections {
        assert_eq!(connection.send(get("/", None)).await.status, 200);
    }
}
