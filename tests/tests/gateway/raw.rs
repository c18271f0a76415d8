//! HTTP/1.1 as no client writes it, on raw sockets.

use std::fmt::Write as _;

use stockade_simulator::Ending;
use stockade_tests::{BINDINGS, Setup, World, raw, soon};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const BODY: &str = r#"{"model":"llama3.2:3b","prompt":"Hi","stream":false}"#;

/// A good request in pieces, to be spoilt.
struct Pieces {
    line: &'static str,
    host: &'static str,
    more: String,
    body: String,
}

impl Pieces {
    fn good() -> Self {
        Self {
            line: "POST /api/generate HTTP/1.1",
            host: "Host: gateway\r\n",
            more: format!("Content-Length: {}\r\n", BODY.len()),
            body: BODY.to_owned(),
        }
    }

    fn bytes(&self, key: &str) -> String {
        let Self { line, host, more, body } = self;
        format!(
            "{line}\r\n{host}Authorization: Bearer {key}\r\n{more}Connection: close\r\n\r\n{body}"
        )
    }
}

fn chunked(body: &str) -> String {
    format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
}

fn status(answer: &str) -> u16 {
    answer.get(9..12).and_then(|code| code.parse().ok()).unwrap_or(0)
}

async fn expect(world: &World, request: &str, expected: u16, message: &str) {
    let answer = raw(world.gateway(), request.as_bytes()).await;
    assert_eq!(status(&answer), expected, "{request:?}\n{answer}");
    assert!(answer.contains(message), "{request:?}\n{answer}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "one answer and no more: {answer}");
}

#[tokio::test]
async fn a_request_for_somebody_else_is_refused() {
    let world = World::start().await;
    let key = world.key("alice");
    for (host, message) in [
        ("", "the Host header is missing"),
        ("Host: a\r\nHost: a\r\n", "must be sent once"),
        ("Host: a\r\nHost: b\r\n", "must be sent once"),
        ("Host:\r\n", "is not a host"),
        ("Host: a b\r\n", "is not a host"),
        ("Host: a/b\r\n", "is not a host"),
        ("Host: a,b\r\n", ""),
        ("Host: user@a\r\n", "no user name"),
        ("Host: user:secret@a\r\n", "no user name"),
        ("Host: :80\r\n", "host"),
        ("Host: a:99999\r\n", "host"),
        ("Host: a:b\r\n", "host"),
        ("Host: [::1\r\n", "host"),
        ("Host: h\u{f6}st\r\n", "ASCII"),
    ] {
        let request = Pieces { host, ..Pieces::good() };
        expect(&world, &request.bytes(key), 400, message).await;
    }
    for (line, expected, message) in [
        ("CONNECT ollama.com:443 HTTP/1.1", 400, "no tunnel"),
        ("GET * HTTP/1.1", 400, "must be a path"),
        ("OPTIONS * HTTP/1.1", 400, "must be a path"),
        ("POST http://gateway/api/generate HTTP/1.1", 400, "must be a path"),
        ("POST http://ollama.com/api/generate HTTP/1.1", 400, "must be a path"),
        ("POST gateway:80 HTTP/1.1", 400, ""),
        ("POST ?model=x HTTP/1.1", 400, ""),
        ("POST /api/generate?model=llama3.3:70b HTTP/1.1", 400, "takes no query"),
        ("POST /api/generate#x HTTP/1.1", 400, ""),
        ("POST /api\\generate HTTP/1.1", 400, "percent-encoded"),
        ("TRACE /api/generate HTTP/1.1", 405, "answers to POST only"),
        ("BREW /api/generate HTTP/1.1", 405, "answers to POST only"),
    ] {
        let request = Pieces { line, ..Pieces::good() };
        expect(&world, &request.bytes(key), expected, message).await;
    }
    assert!(world.ollama.requests().is_empty());
}

#[tokio::test]
async fn a_request_with_two_ends_is_refused() {
    let world = World::start().await;
    let key = world.key("alice");
    let length = BODY.len();
    for (more, message) in [
        (format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n"), "not both"),
        (format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n"), "not both"),
        (format!("Content-Length: {length}\r\nContent-Length: {length}\r\n"), "sent once"),
        (format!("Content-Length: {length}\r\nContent-Length: 1\r\n"), "sent once"),
        (format!("Content-Length: {length}, {length}\r\n"), "one number"),
        (format!("Content-Length: +{length}\r\n"), "one number"),
        ("Transfer-Encoding: gzip, chunked\r\n".to_owned(), "only Transfer-Encoding"),
        ("Transfer-Encoding: chunked, chunked\r\n".to_owned(), "only Transfer-Encoding"),
        ("Transfer-Encoding: xchunked\r\n".to_owned(), "only Transfer-Encoding"),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n".to_owned(), "sent once"),
        ("Transfer-Encoding : chunked\r\n".to_owned(), "name"),
        (format!("X: a\r\n b\r\nContent-Length: {length}\r\n"), "second line"),
        (format!("X: a\nContent-Length: {length}\r\n"), "line feed alone"),
        (format!("X\0: a\r\nContent-Length: {length}\r\n"), "name"),
        ("X: ".to_owned() + &"a".repeat(70 << 10) + "\r\n", "64 KiB"),
    ] {
        let request = Pieces { more, ..Pieces::good() };
        let expected = if message == "64 KiB" { 431 } else { 400 };
        expect(&world, &request.bytes(key), expected, message).await;
    }
    let old = Pieces {
        line: "POST /api/generate HTTP/1.0",
        more: "Transfer-Encoding: chunked\r\n".to_owned(),
        body: chunked(BODY),
        ..Pieces::good()
    };
    expect(&world, &old.bytes(key), 400, "HTTP/1.0").await;
    assert!(world.ollama.requests().is_empty());
}

#[tokio::test]
async fn refusals_of_heads_have_the_shape_of_their_api() {
    let world = World::start().await;
    for (path, shape) in [
        ("/api/chat", r#"{"error":"send Content-Length"#),
        ("/v1/chat/completions", r#"{"error":{"message":"send Content-Length"#),
        (
            "/v1/messages",
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"send"#,
        ),
    ] {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        expect(&world, &request, 400, shape).await;
    }
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(17 << 10));
    expect(&world, &long, 414, r#"{"error":"#).await;
    let mut many = "GET /v1/models HTTP/1.1\r\nHost: a\r\n".to_owned();
    for number in 0..101 {
        write!(many, "X-{number}: a\r\n").unwrap();
    }
    expect(&world, &(many + "\r\n"), 431, r#"{"error":{"message":"#).await;
}

#[tokio::test]
async fn what_follows_a_request_is_never_taken_for_a_part_of_it() {
    let world = World::start().await;
    let key = world.key("alice");
    let smuggled = "GET /api/version HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let keep = |more: &str, body: &str| {
        format!(
            "POST /api/generate HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n{more}\r\n{body}{smuggled}"
        )
    };
    // Two requests in one write are two requests.
    let length = format!("Content-Length: {}\r\n", BODY.len());
    let answer = raw(world.gateway(), keep(&length, BODY).as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");
    // Behind a chunked one the connection ends.
    let answer =
        raw(world.gateway(), keep("Transfer-Encoding: chunked\r\n", &chunked(BODY)).as_bytes())
            .await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 1, "{answer}");
    assert!(answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
    // The classic: a length for one reader, chunks for the other.
    let both = format!("{length}Transfer-Encoding: chunked\r\n");
    let answer = raw(world.gateway(), keep(&both, "0\r\n\r\n").as_bytes()).await;
    assert_eq!((status(&answer), answer.matches("HTTP/1.1 ").count()), (400, 1), "{answer}");
    let targets: Vec<_> = world.ollama.requests().iter().map(|r| r.target.clone()).collect();
    assert_eq!(targets, ["/api/generate", "/api/version", "/api/generate"]);
}

#[tokio::test]
async fn heads_and_bodies_may_arrive_byte_by_byte() {
    let world = World::start().await;
    let key = world.key("alice");
    let good = Pieces::good().bytes(key);
    let mut stream = TcpStream::connect(world.gateway()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for byte in good.as_bytes() {
        stream.write_all(&[*byte]).await.unwrap();
    }
    let mut answer = String::new();
    soon("the answer", stream.read_to_string(&mut answer)).await.unwrap();
    assert_eq!(status(&answer), 200, "{answer}");
}

#[tokio::test]
async fn who_is_too_slow_is_told_so() {
    let bindings = format!("limits: {{ header_timeout: 100ms, body_timeout: 100ms }}\n{BINDINGS}");
    let world = World::build(Setup { bindings: &bindings, ..Setup::default() }).await;
    let key = world.key("alice");
    for (path, shape) in [
        ("/api/generate", r#"{"error":"the request's head did not come in time"}"#),
        ("/v1/models", r#"{"error":{"message":"the request's head did not"#),
    ] {
        let half = format!("POST {path} HTTP/1.1\r\nHost: a\r\n");
        expect(&world, &half, 408, shape).await;
    }
    let mut half = Pieces::good();
    half.body.truncate(20);
    expect(&world, &half.bytes(key), 408, "nothing more of the body came for 0.1 seconds").await;
    assert!(world.ollama.requests().is_empty());
    // An upload is passed on while it arrives; the part of it must not count as a whole.
    let digest = "0".repeat(64);
    let upload = format!(
        "POST /api/blobs/sha256:{digest} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n\
         Content-Length: 100\r\n\r\nhalf",
        world.key("bob")
    );
    expect(&world, &upload, 408, "nothing more of the body came").await;
    let received = soon("the part of the upload", world.ollama.received(1)).await;
    assert_eq!(soon("its end", received[0].ending()).await, Ending::Abandoned);
    assert_eq!(received[0].body, "half");
}

#[tokio::test]
async fn a_body_that_nobody_wants_does_not_hide_the_answer() {
    let bindings = format!("limits: {{ body: 1KiB }}\n{BINDINGS}");
    let world = World::build(Setup { bindings: &bindings, ..Setup::default() }).await;
    let key = world.key("alice");
    let body = "a".repeat(8 << 20);
    for (key, expected) in [(key, 413), ("sk-local-wrong", 401)] {
        for more in [
            (format!("Content-Length: {}\r\n", body.len()), body.clone()),
            ("Transfer-Encoding: chunked\r\n".to_owned(), chunked(&body)),
        ] {
            let request = Pieces { more: more.0, body: more.1, ..Pieces::good() };
            expect(&world, &request.bytes(key), expected, "{\"error\":").await;
        }
    }
    assert!(world.ollama.requests().is_empty());
}

#[tokio::test]
async fn half_a_body_is_no_request() {
    let world = World::start().await;
    let key = world.key("alice");
    let mut half = Pieces::good();
    half.body.truncate(20);
    let mut stream = TcpStream::connect(world.gateway()).await.unwrap();
    stream.write_all(half.bytes(key).as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    soon("the end", stream.read_to_string(&mut answer)).await.ok();
    assert_ne!(status(&answer), 200, "{answer}");
    for bad in ["5\r\n{\"mo", "zz\r\n", "-1\r\n", "5 \n", "ffffffffffffffffff\r\n"] {
        let request = Pieces {
            more: "Transfer-Encoding: chunked\r\n".to_owned(),
            body: bad.to_owned(),
            ..Pieces::good()
        };
        let mut stream = TcpStream::connect(world.gateway()).await.unwrap();
        stream.write_all(request.bytes(key).as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        soon("the end", stream.read_to_string(&mut answer)).await.ok();
        assert_ne!(status(&answer), 200, "{bad:?}: {answer}");
    }
    assert!(world.ollama.requests().is_empty());
}

/// Bytes that can become no request are refused at once, however long a head may take.
#[tokio::test]
async fn garbage_is_refused_at_once() {
    let bindings = format!("limits: {{ header_timeout: 5m }}\n{BINDINGS}");
    let world = World::build(Setup { bindings: &bindings, ..Setup::default() }).await;
    for (garbage, message) in [
        (&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], "http://"),
        (b"SSH-2.0-OpenSSH_9.9", "capital letters"),
        (b"\0", "capital letters"),
        (b"GET / HTTP/2", "HTTP/1.1"),
        (b"GET /\xff", "percent-encoded"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX Y", "name"),
    ] {
        let mut stream = TcpStream::connect(world.gateway()).await.unwrap();
        stream.write_all(garbage).await.unwrap();
        let mut answer = String::new();
        soon("the refusal", stream.read_to_string(&mut answer)).await.unwrap();
        assert_eq!(status(&answer), 400, "{garbage:?}: {answer}");
        assert!(answer.contains(message), "{garbage:?}: {answer}");
    }
}

/// A caller answered before the body has come learns that the connection ends; one who has sent it
/// all can go on.
#[tokio::test]
async fn an_early_refusal_says_whether_the_connection_ends() {
    let bindings = format!("limits: {{ body: 1KiB }}\n{BINDINGS}");
    let world = World::build(Setup { bindings: &bindings, ..Setup::default() }).await;
    let key = world.key("alice");
    let head = |key: &str, length: usize| {
        format!(
            "POST /api/generate HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n\
             Content-Length: {length}\r\n\r\n"
        )
    };
    for (request, expected) in [(head("sk-local-wrong", 5000), 401), (head(key, 5000), 413)] {
        let mut stream = TcpStream::connect(world.gateway()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        soon("the answer and the end", stream.read_to_string(&mut answer)).await.unwrap();
        assert_eq!(status(&answer), expected, "{answer}");
        assert!(answer.to_ascii_lowercase().contains("connection: close\r\n"), "{answer}");
    }
    let whole = head("sk-local-wrong", BODY.len()) + BODY;
    let last = Pieces::good().bytes(key);
    let answer = raw(world.gateway(), format!("{whole}{last}").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(answer.contains("HTTP/1.1 200 OK"), "the connection goes on: {answer}");
}

/// A caller who has proven nothing cannot keep a connection busy with what never comes.
#[tokio::test]
async fn nobody_waits_for_a_body_that_must_not_be() {
    let bindings = format!("limits: {{ body_timeout: 1h }}\n{BINDINGS}");
    let world = World::build(Setup { bindings: &bindings, ..Setup::default() }).await;
    for path in ["/", "/api/version"] {
        for more in ["Content-Length: 5", "Transfer-Encoding: chunked"] {
            let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n{more}\r\n\r\n");
            expect(&world, &request, 400, "takes no body").await;
        }
        let empty = format!(
            "GET {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        expect(&world, &empty, 200, "").await;
    }
    let key = world.key("alice");
    for (more, body) in [("Content-Length: 5", "x"), ("Transfer-Encoding: chunked", "1\r\nx\r\n")] {
        let request = format!(
            "GET /api/tags HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n{more}\r\n\r\n{body}"
        );
        expect(&world, &request, 400, "takes no body").await;
    }
}
