//! A caller who hangs up cancels the work upstream, at every stage.

use std::time::Duration;

use http_body_util::BodyExt as _;
use stockade_simulator::{Ending, Hold};
use stockade_tests::{Connection, Setup, World, get, post, soon};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

const HELLO: &str = r#"{"model":"llama3.2:3b","prompt":"Hello"}"#;

#[tokio::test]
async fn before_the_answer_begins() {
    let world = World::start().await;
    let mut gate = world.ollama.hold("/api/generate", Hold::BeforeHeaders);
    let mut connection = Connection::open(world.gateway()).await;
    let request = post("/api/generate", Some(world.key("alice")), HELLO);
    let reached = {
        let answer = connection.begin(request);
        tokio::pin!(answer);
        tokio::select! {
            _ = &mut answer => panic!("there is an answer although Ollama gives none"),
            reached = soon("the request upstream", gate.reached()) => reached,
        }
    };
    assert!(reached);
    connection.hang_up();
    assert_eq!(soon("the cancellation", gate.ending()).await, Ending::Abandoned);
}

#[tokio::test]
async fn between_two_chunks() {
    for (path, body) in [
        ("/api/generate", HELLO),
        ("/v1/completions", r#"{"model":"llama3.2:3b","prompt":"Hello","stream":true}"#),
    ] {
        let world = World::start().await;
        let mut gate = world.ollama.hold(path, Hold::AfterChunks(2));
        let mut connection = Connection::open(world.gateway()).await;
        let mut answer = connection.begin(post(path, Some(world.key("alice")), body)).await;
        let first = soon("the first chunk", answer.body_mut().frame()).await.unwrap().unwrap();
        assert!(!first.into_data().unwrap().is_empty(), "it comes while Ollama still works");
        assert!(soon("the hold", gate.reached()).await);
        drop(answer);
        connection.hang_up();
        assert_eq!(soon("the cancellation", gate.ending()).await, Ending::Abandoned, "{path}");
    }
}

#[tokio::test]
async fn while_a_list_is_awaited() {
    let world = World::start().await;
    let mut gate = world.ollama.hold("/v1/models", Hold::BeforeHeaders);
    let mut connection = Connection::open(world.gateway()).await;
    let request = get("/v1/models", Some(world.key("alice")));
    {
        let answer = connection.begin(request);
        tokio::pin!(answer);
        tokio::select! {
            _ = &mut answer => panic!("there is an answer although Ollama gives none"),
            reached = soon("the request upstream", gate.reached()) => assert!(reached),
        }
    }
    connection.hang_up();
    assert_eq!(soon("the cancellation", gate.ending()).await, Ending::Abandoned);
}

const UPLOADS: &str = "
policies:
  pull-guard: { module: builtin/pull-guard }
bindings:
  - name: blobs
    subjects: { users: [bob] }
    policy: pull-guard
    settings: { users: [bob], operations: [upload-blob] }
";

#[tokio::test]
async fn within_an_upload() {
    let world = World::build(Setup { bindings: UPLOADS, ..Setup::default() }).await;
    let mut stream = TcpStream::connect(world.gateway()).await.unwrap();
    let head = format!(
        "POST /api/blobs/sha256:{} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n\
         Content-Length: 1000000\r\n\r\n",
        "0".repeat(64),
        world.key("bob")
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![7; 500_000]).await.unwrap();
    drop(stream);
    let received = soon("the part of the blob", world.ollama.received(1)).await;
    assert_eq!(soon("the cancellation", received[0].ending()).await, Ending::Abandoned);
    assert!(received[0].body.len() <= 500_000);
}

#[tokio::test]
async fn a_slow_reader_slows_ollama_down() {
    // About fifty megabytes: much more than the sockets on the way can hold.
    let world = World::build(Setup { chunks: 400_000, ..Setup::default() }).await;
    let mut gate = world.ollama.hold("/api/generate", Hold::AfterChunks(390_000));
    let mut connection = Connection::open(world.gateway()).await;
    let mut answer = connection.begin(post("/api/generate", Some(world.key("alice")), HELLO)).await;
    // A machine that is too slow to send it all in this time proves nothing, but it does
    // not fail either.
    let all_sent = tokio::time::timeout(Duration::from_secs(2), gate.reached()).await;
    assert!(all_sent.is_err(), "all of it was sent while nobody read");
    let mut gate = Some(gate);
    let mut length = 0;
    while let Some(frame) = soon("the next piece", answer.body_mut().frame()).await {
        length += frame.unwrap().into_data().unwrap().len();
        // Now that somebody reads, the rest comes.
        if let Some(held) = gate.take_if(|_| length > 1 << 20) {
            drop(held);
        }
    }
    assert!(length > 30 << 20, "{length}");
}
