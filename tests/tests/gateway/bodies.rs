//! Bodies that are not plain JSON: compressed, forms, blobs.

use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use sha2::{Digest as _, Sha256};
use stockade_simulator::Ending;
use stockade_tests::{BINDINGS, Connection, Setup, World, get, raw, soon};

/// A body as zstd; written by `zstd -19` of the reference implementation.
const ZSTD: &str = include_str!("bodies/chat.json.zst.hex");
const CHAT: &[u8] = include_bytes!("bodies/chat.json");

async fn send(request: http::request::Builder, body: Vec<u8>) -> (u16, String) {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request: Request<Full<bytes::Bytes>> = request.body(body.into()).unwrap();
    let response = soon("an answer", client.request(request)).await.unwrap();
    let status = response.status().as_u16();
    let body = soon("the body", response.into_body().collect()).await.unwrap().to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}

fn request(world: &World, user: &str, method: &str, path: &str) -> http::request::Builder {
    Request::builder()
        .method(method)
        .uri(format!("http://{}{path}", world.gateway()))
        .header("authorization", format!("Bearer {}", world.key(user)))
}

#[tokio::test]
async fn compressed_bodies_are_judged_and_forwarded_plain() {
    let world = World::start().await;
    let zstd = hex::decode(ZSTD.trim()).unwrap();
    for path in ["/v1/chat/completions", "/v1/messages"] {
        let encoded = request(&world, "alice", "POST", path).header("content-encoding", "zstd");
        let (status, text) = send(encoded, zstd.clone()).await;
        assert_eq!(status, 200, "{path}: {text}");
        let denied = request(&world, "kim", "POST", path).header("content-encoding", "zstd");
        assert_eq!(send(denied, zstd.clone()).await.0, 403, "{path}");
    }
    let sent: serde_json::Value = serde_json::from_slice(CHAT).unwrap();
    for recorded in world.ollama.requests() {
        assert!(!recorded.headers.contains_key("content-encoding"));
        let received: serde_json::Value = serde_json::from_slice(&recorded.body).unwrap();
        assert_eq!(received, sent);
    }
    for (path, encoding, body, expected) in [
        ("/v1/chat/completions", "gzip", zstd.clone(), 415),
        ("/v1/chat/completions", "zstd, zstd", zstd.clone(), 415),
        ("/v1/chat/completions", "zstd", CHAT.to_vec(), 400),
        ("/v1/chat/completions", "zstd", zstd[..zstd.len() - 1].to_vec(), 400),
        ("/api/chat", "zstd", zstd.clone(), 415),
    ] {
        let encoded = request(&world, "alice", "POST", path).header("content-encoding", encoding);
        let (status, text) = send(encoded, body).await;
        assert_eq!(status, expected, "{path} {encoding}: {text}");
    }
    assert_eq!(world.ollama.requests().len(), 2);
}

fn form(model: &str, audio: &[u8]) -> Vec<u8> {
    let file = "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n";
    let model = format!(
        "\r\n--XX\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n{model}\r\n--XX--\r\n"
    );
    [file.as_bytes(), audio, model.as_bytes()].concat()
}

#[tokio::test]
async fn transcriptions_are_judged_by_their_model() {
    let world = World::start().await;
    let path = "/v1/audio/transcriptions";
    let kind = "multipart/form-data; boundary=XX";
    let audio: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let call = |user| request(&world, user, "POST", path).header("content-type", kind);
    let (status, text) = send(call("alice"), form("LLAMA3.2:3B", &audio)).await;
    assert_eq!(status, 200, "{text}");
    assert!(text.contains("simulated transcription"), "{text}");
    let received = &world.ollama.requests()[0];
    assert_eq!(received.models, ["llama3.2:3b"]);
    assert!(received.body.windows(audio.len()).any(|window| window == audio));
    assert_eq!(send(call("alice"), form("llama3.3:70b", b"x")).await.0, 403);
    let twice = [&form("llama3.2:3b", b"x")[..], b"x"].concat();
    let (status, text) = send(call("alice"), twice).await;
    assert_eq!(status, 400, "{text}");
    let query = request(&world, "alice", "POST", &format!("{path}?model=llama3.3:70b"));
    let query = query.header("content-type", kind);
    assert_eq!(send(query, form("llama3.2:3b", b"x")).await.0, 400);
    assert_eq!(world.ollama.requests().len(), 1);
}

const OPS: &str = r"
policies:
  pull-guard: { module: builtin/pull-guard }
bindings:
  - name: blobs
    subjects: { users: [bob] }
    policy: pull-guard
    settings: { users: [bob], operations: [upload-blob, check-blob] }
limits: { blob: 2MiB }
";

#[tokio::test]
async fn a_blob_completes_upstream_only_if_its_digest_is_right() {
    let mut world = World::build(Setup { bindings: OPS, ..Setup::default() }).await;
    let ollama = world.ask_ollama_directly();
    let blob: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let digest = hex::encode(Sha256::digest(&blob));
    let wrong = digest.replace(|c: char| c.is_ascii_digit(), "0");
    let path = |digest: &str| format!("/api/blobs/sha256:{digest}");
    let upload = |digest: &str| request(&world, "bob", "POST", &path(digest));
    // Through the gateway, a blob that bob has not sent does not exist.
    let check = async |digest: &str| {
        let mut head = get(&path(digest), None);
        *head.method_mut() = http::Method::HEAD;
        head.headers_mut().insert("host", "localhost".parse().unwrap());
        Connection::open(ollama).await.send(head).await.status
    };
    assert_eq!(check(&digest).await, 404);
    let (status, text) = send(upload(&wrong), blob.clone()).await;
    assert_eq!(status, 400, "{text}");
    assert!(text.contains("does not match its digest"), "{text}");
    let cut = world.ollama.received(2).await;
    assert_eq!(soon("its end", cut[1].ending()).await, Ending::Abandoned);
    assert_eq!(check(&wrong).await, 404, "Ollama has nothing of it");
    assert_eq!(check(&digest).await, 404, "also not under its real digest");

    let (status, text) = send(upload(&digest), blob.clone()).await;
    assert_eq!(status, 201, "{text}");
    assert_eq!(check(&digest).await, 200);
    assert_eq!(check(&digest.to_ascii_uppercase()).await, 200);
    assert_eq!(send(upload("0123"), blob.clone()).await.0, 400);

    let before = world.ollama.requests().len();
    let large = vec![0; 3 << 20];
    let digest = hex::encode(Sha256::digest(&large));
    let (status, text) = send(upload(&digest), large.clone()).await;
    assert_eq!(status, 413, "{text}");
    assert_eq!(world.ollama.requests().len(), before, "a length over the limit is not begun");
    let chunked = format!(
        "POST {} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nTransfer-Encoding: chunked\r\n\r\n\
         {:x}\r\n{}\r\n0\r\n\r\n",
        path(&digest),
        world.key("bob"),
        large.len(),
        "\0".repeat(large.len())
    );
    let answer = raw(world.gateway(), chunked.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_eq!(check(&digest).await, 404);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_also_where_it_is_compressed() {
    let bindings = format!("limits: {{ body: 1KiB }}\n{BINDINGS}");
    let world = World::build(Setup { bindings: &bindings, ..Setup::default() }).await;
    // Five megabytes of spaces in 177 bytes.
    let bomb = hex::decode(include_str!("bodies/bomb.zst.hex").trim()).unwrap();
    let encoded = request(&world, "alice", "POST", "/v1/chat/completions");
    let (status, text) = send(encoded.header("content-encoding", "zstd"), bomb).await;
    assert_eq!(status, 413, "{text}");
    assert!(text.contains("the decoded body has more than the 1024 bytes allowed"), "{text}");
}
