//! Callers who ask and do not take the answer are cut, and nothing waits for them.

use std::fmt::Write as _;

use stockade_simulator::{Ending, Hold};
use stockade_tests::{BINDINGS, Setup, World, get, soon};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};

/// Tens of megabytes, much more than the sockets on the way can hold.
const CHUNKS: usize = 200_000;

async fn world(write_timeout: &str, chunks: usize) -> World {
    let bindings = format!("limits: {{ write_timeout: {write_timeout} }}\n{BINDINGS}");
    World::build(Setup { bindings: &bindings, chunks, ..Setup::default() }).await
}

/// A connection that takes little before it is read.
async fn connect(world: &World) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(world.gateway()).await.unwrap()
}

async fn ask(world: &World, path: &str, body: &str) -> TcpStream {
    let mut stream = connect(world).await;
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n\
         {body}",
        world.key("alice"),
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Writes until the gateway has closed the connection; as long as it is there, it does not take all
/// of this.
async fn cut(stream: &mut TcpStream) {
    let piece = vec![b'X'; 64 << 10];
    let all = async { while stream.write_all(&piece).await.is_ok() {} };
    soon("the cut", all).await;
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_cut() {
    let world = world("100ms", CHUNKS).await;
    for stream in ["true", "false"] {
        let body = format!(r#"{{"model":"llama3.2:1b","prompt":"Hello","stream":{stream}}}"#);
        let mut reader = ask(&world, "/api/generate", &body).await;
        cut(&mut reader).await;
    }
    let received = &world.ollama.requests()[0];
    assert_eq!(soon("the cancellation", received.ending()).await, Ending::Abandoned);
}

/// Without a credential: as many refusals as fit into nobody's buffers.
#[tokio::test]
async fn refusals_that_nobody_takes_are_cut() {
    let world = world("100ms", 10).await;
    let mut reader = connect(&world).await;
    let mut requests = String::new();
    for _ in 0..1000 {
        requests.write_str("GET /api/tags HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    }
    let cut = async { while reader.write_all(requests.as_bytes()).await.is_ok() {} };
    soon("the cut", cut).await;
    assert_eq!(world.send(get("/", None)).await.status, 200);
}

#[tokio::test]
async fn stopping_does_not_wait_for_callers_who_take_nothing() {
    let world = world("1h", CHUNKS).await;
    let body = r#"{"model":"llama3.2:1b","prompt":"Hello"}"#;
    let mut gate = world.ollama.hold("/api/generate", Hold::AfterChunks(1));
    let reader = ask(&world, "/api/generate", body).await;
    assert!(soon("the answer", gate.reached()).await);
    drop(gate);
    // Ten seconds before the drain timeout would end it.
    let stopped = tokio::time::timeout(std::time::Duration::from_secs(20), world.stop()).await;
    assert!(stopped.is_ok(), "it waits for a caller who takes nothing");
    drop(reader);
}
