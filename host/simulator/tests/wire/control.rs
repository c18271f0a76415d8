//! Gates, faults and the presence of the caller, which tests of the gateway use.

use std::io::ErrorKind;

use crate::support::{connect, everything, read_until, request, send, simulator};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use stockade_simulator::{Ending, Fault, Hold, Simulator};
use tokio::net::TcpStream;

const BODY: &str = r#"{"model":"llama3.2:3b","prompt":"hi"}"#;

fn generate() -> String {
    request("POST /api/generate", BODY)
}

#[tokio::test]
async fn an_answer_is_held_before_its_headers() {
    let ollama = simulator().await;
    let mut gate = ollama.hold("/api/generate", Hold::BeforeHeaders);
    let stream = connect(&ollama, &generate()).await;
    assert!(gate.reached().await);
    let nothing = stream.try_read(&mut [0; 1]).unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
    let ending = gate.release();
    let text = String::from_utf8(everything(stream).await).unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK"), "{text}");
    assert_eq!(ending.await, Ending::Answered);
}

#[tokio::test]
async fn an_answer_is_held_between_chunks_and_earlier_ones_are_out() {
    let ollama = simulator().await;
    let mut gate = ollama.hold("/api/generate", Hold::AfterChunks(2));
    let mut stream = connect(&ollama, &generate()).await;
    assert!(gate.reached().await);
    let so_far = read_until(&mut stream, "\"done\":false", 2).await;
    assert_eq!(so_far.matches("\"done\":").count(), 2);
    let ending = gate.release();
    let rest = String::from_utf8(everything(stream).await).unwrap();
    assert!(rest.contains("\"done\":true"), "{rest}");
    assert_eq!(ending.await, Ending::Answered);
}

#[tokio::test]
async fn a_caller_who_goes_away_is_noticed() {
    let ollama = simulator().await;
    for hold in [Hold::BeforeHeaders, Hold::AfterChunks(0), Hold::AfterChunks(3)] {
        let mut gate = ollama.hold("/api/generate", hold);
        let stream = connect(&ollama, &generate()).await;
        assert!(gate.reached().await);
        drop(stream);
        assert_eq!(gate.ending().await, Ending::Abandoned, "{hold:?}");
    }
    ollama.connections_closed().await;
    for recorded in ollama.received(3).await {
        assert_eq!(recorded.ending().await, Ending::Abandoned);
    }
}

#[tokio::test]
async fn half_a_request_is_recorded_as_abandoned() {
    let ollama = simulator().await;
    let complete = generate();
    let stream = connect(&ollama, &complete[..complete.len() - 5]).await;
    drop(stream);
    let [recorded] = ollama.received(1).await.try_into().unwrap();
    assert_eq!(recorded.body, BODY[..BODY.len() - 5]);
    assert_eq!(recorded.ending().await, Ending::Abandoned);
}

#[tokio::test]
async fn a_gate_holds_one_request_of_its_path_only() {
    let ollama = simulator().await;
    let mut gate = ollama.hold("/api/generate", Hold::BeforeHeaders);
    assert_eq!(send(&ollama, "GET /api/tags", "").await.status, 200);
    let held = connect(&ollama, &generate()).await;
    assert!(gate.reached().await);
    assert_eq!(send(&ollama, "POST /api/generate", BODY).await.status, 200);
    drop(gate);
    assert!(everything(held).await.starts_with(b"HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn broken_answers_are_broken_where_they_should_be() {
    let ollama = simulator().await;
    let broken = async |fault| {
        ollama.fail("/api/generate", fault);
        let bytes = everything(connect(&ollama, &generate()).await).await;
        String::from_utf8(bytes).unwrap()
    };
    assert_eq!(broken(Fault::CloseBeforeHeaders).await, "");
    let cut = broken(Fault::CloseMidHeaders).await;
    assert!(cut.starts_with("HTTP/1.1 200") && !cut.contains("\r\n\r\n"), "{cut}");
    assert!(!broken(Fault::Garbage).await.contains("HTTP/1.1"));
    let cut = broken(Fault::CloseMidChunk { after: 2 }).await;
    assert_eq!(cut.matches("\"done\":false").count(), 2, "{cut}");
    assert!(cut.ends_with("40\r\n{\"model"), "{cut}");
    assert_eq!(ollama.requests().len(), 4);
    assert_eq!(send(&ollama, "POST /api/generate", BODY).await.status, 200);
}

#[tokio::test]
async fn failures_look_like_ollamas() {
    let ollama = simulator().await;
    for (fault, status) in [
        (Fault::SignInRequired, 401),
        (Fault::Busy, 503),
        (Fault::RunnerFailed, 500),
        (Fault::ErrorLine, 200),
    ] {
        ollama.fail("/api/generate", fault);
        let answer = send(&ollama, "POST /api/generate", BODY).await;
        assert_eq!(answer.status, status);
        assert!(answer.json()["error"].is_string(), "{fault:?}");
    }
}

#[tokio::test]
async fn connections_are_refused_for_good() {
    let ollama = simulator().await;
    ollama.refuse_connections().await;
    let refused = TcpStream::connect(ollama.addr()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn dropping_it_closes_everything() {
    let ollama = simulator().await;
    let _gate = ollama.hold("/api/generate", Hold::AfterChunks(1));
    let mut stream = connect(&ollama, &generate()).await;
    read_until(&mut stream, "\"done\":false", 1).await;
    let addr = ollama.addr();
    drop(ollama);
    everything(stream).await;
    assert!(TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn nothing_is_remembered_unless_it_should_be() {
    let ollama = Simulator::builder().start("127.0.0.1:0".parse().unwrap()).await.unwrap();
    assert_eq!(send(&ollama, "GET /api/version", "").await.status, 200);
    assert!(ollama.requests().is_empty());
}

#[tokio::test]
async fn an_ordinary_client_reuses_its_connection() {
    let ollama = simulator().await;
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let uri = format!("http://{}/api/generate", ollama.addr());
    for _ in 0..3 {
        let request = http::Request::post(&uri).body(BODY.into()).unwrap();
        let mut answer = client.request(request).await.unwrap().into_body();
        let mut frames = 0;
        while let Some(frame) = answer.frame().await {
            assert!(frame.unwrap().is_data());
            frames += 1;
        }
        assert_eq!(frames, 5);
    }
    assert_eq!(ollama.connections(), 1);
}
