//! `stockade connect` in front of a gateway: what programs on a user's machine send to Ollama's
//! port, answered with the user's rights.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, Request};
use http_body_util::BodyExt as _;
use stockade_connect::{BearerSource, Config, Connect, StartError};
use stockade_core::SystemClock;
use stockade_simulator::{Ending, Hold};
use stockade_tests::{Connection, Reply, World, get, node, post, private, python, raw, soon};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::process::Command;

const HELLO: &str = r#"{"model":"llama3.2:3b","prompt":"Hello","stream":false}"#;
const CHAT: &str = r#"{"model":"llama3.2:3b","messages":[{"role":"user","content":"Hello"}]}"#;

fn config(gateway: SocketAddr, key_file: PathBuf) -> Config {
    Config {
        gateway: format!("http://{gateway}").parse().unwrap(),
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        bearer: Some(BearerSource::Key(key_file)),
        certificate: None,
        ca: None,
        origins: Arc::new(|origin| origin == "http://localhost:3000"),
        unencrypted: false,
    }
}

async fn connected(world: &World, user: &str) -> (Connect, SocketAddr) {
    let file = world.directory().join("user.key");
    private(&file, world.key(user));
    let connect = Connect::start(config(world.gateway(), file), Arc::new(SystemClock)).await;
    let connect = connect.unwrap();
    let address = connect.addresses()[0];
    (connect, address)
}

fn with(mut request: Request<String>, headers: &[(&str, &str)]) -> Request<String> {
    request.headers_mut().insert("host", HeaderValue::from_static("127.0.0.1:11434"));
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        request.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
    }
    request
}

async fn send(address: SocketAddr, request: Request<String>) -> Reply {
    Connection::open(address).await.send(request).await
}

/// A path, a body and headers.
type Sent<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

/// The headers of each program as they are: Continue and other plug-ins, `ollama launch` for Claude
/// Code and Codex, SDKs that insist on a key.
#[tokio::test]
async fn placeholders_are_dropped_and_the_key_is_added() {
    let world = World::start().await;
    let (_connect, address) = connected(&world, "alice").await;
    let claude = [
        ("authorization", "Bearer ollama"),
        ("x-api-key", ""),
        ("anthropic-version", "2023-06-01"),
        ("anthropic-beta", "claude-code-20250219"),
        ("user-agent", "claude-cli/2.1.0 (external, cli)"),
        ("x-stainless-lang", "js"),
    ];
    let messages = r#"{"model":"llama3.2:3b","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"Hi"}]}"#;
    let responses = r#"{"model":"llama3.2:3b","instructions":"Be brief.","input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"Hi"}]}],"stream":true}"#;
    let cases: [Sent<'_>; 9] = [
        ("/api/generate", HELLO, &[]),
        ("/api/chat", CHAT, &[("authorization", "Bearer undefined"), ("user-agent", "node-fetch")]),
        ("/api/chat", CHAT, &[("authorization", "Bearer "), ("x-api-key", "undefined")]),
        ("/v1/chat/completions", CHAT, &[("authorization", "Bearer sk-other-services-key-123456")]),
        ("/v1/chat/completions", CHAT, &[("authorization", "Basic b2xsYW1hOm9sbGFtYQ==")]),
        ("/v1/messages?beta=true", messages, &claude),
        ("/v1/responses", responses, &[("originator", "codex_cli_rs"), ("session_id", "1")]),
        ("/v1/responses", responses, &[("authorization", "Bearer ollama"), ("cookie", "a=b")]),
        ("/api/generate", HELLO, &[("x-forwarded-for", "1.2.3.4"), ("connection", "keep-alive")]),
    ];
    for (path, body, headers) in cases {
        let reply = send(address, with(post(path, None, body), headers)).await;
        assert_eq!(reply.status, 200, "{path} {headers:?}: {}", reply.text());
    }
    assert_eq!(world.ollama.requests().len(), 9);
}

#[tokio::test]
async fn what_reaches_the_gateway_has_the_key_and_nothing_of_the_callers() {
    let gateway = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = gateway.local_addr().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("key");
    private(&file, "sk-local-own\n");
    let connect = Connect::start(config(at, file), Arc::new(SystemClock)).await.unwrap();
    let request = "POST /v1/models/hf.co%2FA%2Fb?x=1 HTTP/1.0\r\nHost: localhost\r\n\
                   Authorization: Bearer ollama\r\nX-Api-Key: ollama\r\nCookie: a=b\r\n\
                   Origin: app://obsidian.md\r\nSec-Fetch-Site: cross-site\r\n\
                   Content-Type: text/plain\r\nContent-Length: 3\r\n\r\nabc";
    let caller = tokio::spawn({
        let address = connect.addresses()[0];
        async move { raw(address, request.as_bytes()).await }
    });
    let (mut stream, _) = soon("a connection", gateway.accept()).await.unwrap();
    let mut seen = String::new();
    while !seen.ends_with("abc") {
        let mut buffer = [0; 4096];
        let length = soon("the request", stream.read(&mut buffer)).await.unwrap();
        assert_ne!(length, 0);
        seen.push_str(str::from_utf8(&buffer[..length]).unwrap());
    }
    let (head, _) = seen.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<&str> = head.split("\r\n").collect();
    assert_eq!(lines.remove(0), "POST /v1/models/hf.co%2FA%2Fb?x=1 HTTP/1.1");
    lines.sort_unstable();
    let host = format!("host: {at}");
    let expected = [
        "authorization: Bearer sk-local-own",
        "content-length: 3",
        "content-type: text/plain",
        &host,
    ];
    assert_eq!(lines, expected);
    stream
        .write_all(b"HTTP/1.1 418 Teapot\r\nX-A: 1\r\nContent-Length: 2\r\n\r\n{}")
        .await
        .unwrap();
    let answer = soon("the answer", caller).await.unwrap();
    assert!(answer.starts_with("HTTP/1.0 418") && answer.ends_with("\r\n\r\n{}"), "{answer}");
    assert!(answer.contains("x-a: 1") && answer.contains("allow-origin: app://obsidian.md"));
}

#[tokio::test]
async fn answers_pass_as_they_are() {
    let world = World::start().await;
    let (_connect, address) = connected(&world, "alice").await;
    let denied = HELLO.replace("llama3.2:3b", "llama3.3:70b");
    for request in [
        ("GET", "/", ""),
        ("GET", "/api/tags", ""),
        ("HEAD", "/api/tags", ""),
        ("POST", "/api/generate", denied.as_str()),
        ("POST", "/v1/chat/completions", "{}"),
        ("POST", "/v1/messages", "nonsense"),
        ("GET", "/api/unheard-of", ""),
        ("DELETE", "/api/tags", ""),
        ("POST", "/api//generate", HELLO),
        ("GET", "/v1/models?limit=1000", ""),
    ] {
        let (method, path, body) = request;
        let made = |key: Option<&str>| {
            let request = with(post(path, key, body), &[]);
            let (mut parts, body) = request.into_parts();
            parts.method = method.parse().unwrap();
            Request::from_parts(parts, body)
        };
        let direct = send(world.gateway(), made(Some(world.key("alice")))).await;
        let reply = send(address, made(None)).await;
        assert_eq!(reply.status, direct.status, "{request:?}");
        let plain = |reply: &Reply| {
            let mut text = reply.text();
            if let Some(id) = reply.headers.get("x-request-id") {
                text = text.replace(id.to_str().unwrap(), "ID");
            }
            let mut names: Vec<String> = reply.headers.keys().map(ToString::to_string).collect();
            names.sort_unstable();
            (text, names)
        };
        assert_eq!(plain(&reply), plain(&direct), "{request:?}");
    }
}

#[tokio::test]
async fn a_stream_passes_piece_by_piece_and_hanging_up_cancels_it() {
    let world = World::start().await;
    let (_connect, address) = connected(&world, "alice").await;
    let mut gate = world.ollama.hold("/api/generate", Hold::AfterChunks(2));
    let mut connection = Connection::open(address).await;
    let request = with(post("/api/generate", None, r#"{"model":"llama3.2:3b","prompt":"a"}"#), &[]);
    let mut answer = connection.begin(request).await;
    let first = soon("the first chunk", answer.body_mut().frame()).await.unwrap().unwrap();
    assert!(!first.into_data().unwrap().is_empty(), "it comes while Ollama still works");
    assert!(soon("the hold", gate.reached()).await);
    drop(answer);
    connection.hang_up();
    assert_eq!(soon("the cancellation", gate.ending()).await, Ending::Abandoned);
    let mut gate = world.ollama.hold("/api/tags", Hold::BeforeHeaders);
    let mut connection = Connection::open(address).await;
    {
        let answer = connection.begin(with(get("/api/tags", None), &[]));
        tokio::pin!(answer);
        tokio::select! {
            _ = &mut answer => panic!("there is an answer although Ollama gives none"),
            reached = soon("the request upstream", gate.reached()) => assert!(reached),
        }
    }
    connection.hang_up();
    assert_eq!(soon("the cancellation", gate.ending()).await, Ending::Abandoned);
}

#[tokio::test]
async fn an_upload_is_streamed_and_cancelled() {
    let world = World::start().await;
    let (_connect, address) = connected(&world, "bob").await;
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let digest = "0".repeat(64);
    let list = b"GET /api/tags HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(list).await.unwrap();
    let mut answer = [0; 12];
    // Of whoever hangs up sooner than this it cannot be seen who it was.
    soon("an answer", stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    let head = format!(
        "POST /api/blobs/sha256:{digest} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![7; 500_000]).await.unwrap();
    drop(stream);
    let received = soon("the part of the blob", world.ollama.received(2)).await;
    assert_eq!(soon("the cancellation", received[1].ending()).await, Ending::Abandoned);
}

#[tokio::test]
async fn a_page_in_a_browser_cannot_use_it() {
    let world = World::start().await;
    let (_connect, address) = connected(&world, "alice").await;
    for headers in [
        &[("origin", "https://evil.example"), ("content-type", "text/plain")][..],
        &[("origin", "null"), ("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")],
        &[("origin", "http://localhost:8080"), ("sec-fetch-site", "same-site")],
    ] {
        let reply = send(address, with(post("/api/generate", None, HELLO), headers)).await;
        assert_eq!(reply.status, 403, "{headers:?}: {}", reply.text());
        assert!(reply.text().contains("--origin"), "{}", reply.text());
        assert!(!reply.headers.contains_key("access-control-allow-origin"));
    }
    for (path, shape) in [
        ("/api/chat", r#"{"error":"rebound.example is not"#),
        ("/v1/chat/completions", r#"{"error":{"message":"rebound.example is not"#),
        ("/v1/messages", r#"{"type":"error","error":{"type":"permission_error","message":"rebo"#),
    ] {
        let mut request = post(path, None, HELLO);
        request.headers_mut().insert("host", HeaderValue::from_static("rebound.example"));
        let reply = send(address, request).await;
        assert_eq!(reply.status, 403, "{path}");
        assert!(reply.text().starts_with(shape), "{}", reply.text());
    }
    let preflight = |origin: &str| {
        let mut request = with(
            post("/api/chat", None, ""),
            &[("origin", origin), ("access-control-request-method", "POST")],
        );
        *request.method_mut() = http::Method::OPTIONS;
        request
    };
    assert_eq!(send(address, preflight("https://evil.example")).await.status, 403);
    for origin in ["vscode-webview://0a1b", "http://localhost:3000"] {
        let reply = send(address, preflight(origin)).await;
        assert_eq!(reply.status, 204, "{origin}");
        assert_eq!(reply.headers["access-control-allow-methods"], "POST");
        let page = [("origin", origin), ("sec-fetch-site", "cross-site")];
        let reply = send(address, with(post("/api/generate", None, HELLO), &page)).await;
        assert_eq!(reply.status, 200, "{origin}: {}", reply.text());
        assert_eq!(reply.headers["access-control-allow-origin"], origin);
    }
    assert_eq!(send(address, with(post("/-/token", None, ""), &[])).await.status, 404);
    assert_eq!(world.ollama.requests().len(), 2);
}

#[tokio::test]
async fn another_users_process_cannot_use_it() {
    let world = World::start().await;
    let (_connect, address) = connected(&world, "alice").await;
    let mut command = Command::new("curl");
    let url = format!("http://{address}/api/tags");
    command.args(["-sS", "-w", "\n%{http_code}", &url]).kill_on_drop(true).uid(65534);
    // Only the superuser can be somebody else.
    let Ok(output) = soon("curl", command.output()).await else { return };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("another user (uid 65534)") && text.ends_with("\n403"), "{text}");
    assert!(world.ollama.requests().is_empty());
    assert_eq!(send(address, with(get("/api/tags", None), &[])).await.status, 200);
}

async fn passes(mut command: Command, address: SocketAddr) {
    command.env("OLLAMA_HOST", address.to_string());
    command.env_remove("OLLAMA_API_KEY").stdin(Stdio::null()).kill_on_drop(true);
    let output = soon("a client", command.output()).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.trim() == "ok", "{text}\n{errors}");
}

#[tokio::test]
async fn ollama_for_python_at_its_defaults() {
    let world = World::start().await;
    let (_connect, address) = connected(&world, "alice").await;
    passes(python("connected.py"), address).await;
}

#[tokio::test]
async fn ollama_for_javascript_at_its_defaults() {
    let world = World::start().await;
    let (_connect, address) = connected(&world, "alice").await;
    passes(node("connected.mjs"), address).await;
}

#[tokio::test]
async fn what_is_not_safe_does_not_start() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("key");
    private(&file, "sk-local-own");
    let good = config("127.0.0.1:1".parse().unwrap(), file.clone());
    let start =
        async |config: &Config| Connect::start(config.clone(), Arc::new(SystemClock)).await.err();
    let open = Config { listen: vec!["0.0.0.0:0".parse().unwrap()], ..good.clone() };
    assert!(matches!(start(&open).await, Some(StartError::NotLoopback(_))));
    let far = Config { gateway: "http://192.0.2.1:1".parse().unwrap(), ..good.clone() };
    assert!(matches!(start(&far).await, Some(StartError::Unencrypted(_))));
    let nobody = Config { bearer: None, ..good.clone() };
    assert!(matches!(start(&nobody).await, Some(StartError::NoCredential)));
    let useless = Config { ca: Some(file.clone()), ..good.clone() };
    assert!(matches!(start(&useless).await, Some(StartError::NoTls)));
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = Config { listen: vec![taken.local_addr().unwrap()], ..good.clone() };
    assert!(matches!(start(&taken).await, Some(StartError::Listen { .. })));
    std::fs::remove_file(file).unwrap();
    assert!(matches!(start(&good).await, Some(StartError::Credential(_))));
}
