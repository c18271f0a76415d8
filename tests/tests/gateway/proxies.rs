//! Behind a proxy: who is believed about where a caller is.

use std::path::Path;

use rcgen::SanType;
use stockade_authn::PasswordHash;
use stockade_core::Secret;
use stockade_tests::{Authority, BINDINGS, Setup, World, get, soon};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;

const PASSWORD: &str = "correct horse battery";

async fn behind(header: &str) -> World {
    let proxies = format!("trusted_proxies: {{ addresses: [127.0.0.0/8], header: {header} }}");
    World::with_users("", &proxies).await
}

async fn sent(world: &World, path: &str, name: &'static str, value: &str) -> (u16, String) {
    let mut request = get(path, Some(world.key("alice")));
    request.headers_mut().insert(name, value.parse().unwrap());
    let reply = world.send(request).await;
    (reply.status.as_u16(), reply.text())
}

#[tokio::test]
async fn a_trusted_proxy_must_write_what_can_be_read() {
    let world = behind("x-forwarded-for").await;
    let long = "192.0.2.1, ".repeat(300);
    for value in ["gateway", "unknown", "192.0.2.1,", &long] {
        for (path, shape) in [
            ("/api/tags", r#"{"error":"the X-Forwarded-For header"#),
            ("/v1/models", r#""type":"invalid_request_error""#),
            ("/api/version", "X-Forwarded-For"),
        ] {
            let (status, text) = sent(&world, path, "x-forwarded-for", value).await;
            assert_eq!(status, 400, "{path} {value}: {text}");
            assert!(text.contains(shape), "{path} {value}: {text}");
        }
    }
    assert_eq!(sent(&world, "/api/tags", "forwarded", "nonsense\"").await.0, 200);
    assert_eq!(sent(&world, "/api/tags", "x-forwarded-for", "no, 192.0.2.1").await.0, 200);
    let world = behind("forwarded").await;
    assert_eq!(sent(&world, "/api/tags", "forwarded", "for=\"192.0.2.1").await.0, 400);
    assert_eq!(sent(&world, "/api/tags", "forwarded", "for=unknown").await.0, 400);
    assert_eq!(sent(&world, "/api/tags", "x-forwarded-for", "nonsense").await.0, 200);
}

#[tokio::test]
async fn others_may_write_what_they_want() {
    let proxies = "trusted_proxies: { addresses: [10.0.0.0/8], header: x-forwarded-for }";
    for proxies in [proxies, ""] {
        let world = World::with_users("", proxies).await;
        for value in ["192.0.2.1", "nonsense", &"192.0.2.1, ".repeat(300)] {
            assert_eq!(sent(&world, "/api/tags", "x-forwarded-for", value).await.0, 200);
        }
    }
}

/// A listener behind a proxy that is trusted: at 127.0.0.1, or somewhere else.
async fn proxied(trusted: &str, tls: &str, prepare: &(dyn Fn(&Path) + Sync)) -> World {
    let hash = PasswordHash::of(&Secret::new(PASSWORD.to_owned())).unwrap();
    let rest = format!(
        "  carol: {{ groups: [research], password_hash: \"{hash}\" }}\n\
         limits: {{ header_timeout: 2s }}\n\
         authentication: {{ throttle: {{ failures: 3 }} }}\n\
         trusted_proxies: {{ addresses: [{trusted}] }}\n{BINDINGS}"
    );
    let listen = format!("{{ address: \"127.0.0.1:0\", proxy_protocol: required{tls} }}");
    World::build(Setup { bindings: &rest, listen: &listen, prepare, ..Setup::default() }).await
}

/// A header for a connection from this address, by section 2.2 of `HAProxy`'s
/// `proxy-protocol.txt`, with a field of the kind that `HAProxy` adds.
fn header(source: [u8; 4]) -> Vec<u8> {
    let [a, b, c, d] = source;
    let mut bytes = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x13".to_vec();
    bytes.extend([a, b, c, d, 127, 0, 0, 1, 0x12, 0x67, 0x2c, 0xab]);
    bytes.extend(b"\x01\0\x04h1.1");
    bytes
}

const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

fn request(authorization: &str) -> String {
    format!(
        "GET /api/tags HTTP/1.1\r\nHost: gateway\r\nAuthorization: {authorization}\r\n\
         Connection: close\r\n\r\n"
    )
}

/// Returns the status answered after this header; nothing where the connection is just closed.
async fn after(world: &World, header: &[u8], authorization: &str) -> String {
    let bytes = [header, request(authorization).as_bytes()].concat();
    let mut stream = TcpStream::connect(world.gateway()).await.unwrap();
    stream.write_all(&bytes).await.ok();
    let mut answer = Vec::new();
    // A connection that is closed before all was read is reset.
    soon("the end", stream.read_to_end(&mut answer)).await.ok();
    String::from_utf8_lossy(&answer).get(9..12).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_connection_begins_with_the_proxys_word() {
    let world = proxied("127.0.0.1", "", &|_| ()).await;
    let alice = format!("Bearer {}", world.key("alice"));
    assert_eq!(after(&world, &header([203, 0, 113, 7]), &alice).await, "200");
    assert_eq!(after(&world, LOCAL, &alice).await, "200");
    let line = b"PROXY TCP4 203.0.113.7 127.0.0.1 4711 11435\r\n";
    assert_eq!(after(&world, line, &alice).await, "200", "version 1");
    assert_eq!(after(&world, b"PROXY UNKNOWN\r\n", &alice).await, "200");
    let bad = b"PROXY TCP4 203.0.113.7 4711 11435\r\n";
    for wrong in [&b""[..], bad, &header([203, 0, 113, 7])[..20], b"\x16\x03\x01"] {
        assert_eq!(after(&world, wrong, &alice).await, "", "{wrong:?}");
    }
    // The proxy is on this machine, so nobody can read the password on its way here.
    let carol = "Basic Y2Fyb2w6Y29ycmVjdCBob3JzZSBiYXR0ZXJ5";
    assert_eq!(after(&world, &header([203, 0, 113, 7]), carol).await, "200");
    for _ in 0..3 {
        let wrong = "Basic bm9ib2R5Ondyb25nIHBhc3N3b3Jk";
        assert_eq!(after(&world, &header([203, 0, 113, 7]), wrong).await, "401");
    }
    assert_eq!(after(&world, &header([203, 0, 113, 7]), carol).await, "429");
    assert_eq!(after(&world, &header([203, 0, 113, 8]), carol).await, "200", "another caller");
}

#[tokio::test]
async fn nobody_else_may_connect_there() {
    let world = proxied("127.0.0.2", "", &|_| ()).await;
    let alice = format!("Bearer {}", world.key("alice"));
    assert_eq!(after(&world, &header([203, 0, 113, 7]), &alice).await, "");
    world.edit("[127.0.0.2]", "[127.0.0.1]").await;
    assert_eq!(after(&world, &header([203, 0, 113, 7]), &alice).await, "200", "it is live");
}

#[tokio::test]
async fn a_header_that_does_not_come_is_not_waited_for() {
    let world = proxied("127.0.0.1", "", &|_| ()).await;
    let mut stream = TcpStream::connect(world.gateway()).await.unwrap();
    stream.write_all(&header([203, 0, 113, 7])[..15]).await.unwrap();
    let mut answer = Vec::new();
    // Closed with unread bytes or without: both are an end.
    soon("the end", stream.read_to_end(&mut answer)).await.ok();
    assert!(answer.is_empty());
}

#[tokio::test]
async fn curl_sends_version_1() {
    let world = proxied("127.0.0.1", "", &|_| ()).await;
    let url = format!("http://{}/api/version", world.gateway());
    let mut command = Command::new("curl");
    command.args(["-sS", "-o", "answer", "-w", "%{http_code}", "--haproxy-protocol", &url]);
    command.current_dir(world.directory()).kill_on_drop(true);
    let output = soon("curl", command.output()).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "200");
}

/// The header in the clear, then TLS, as a proxy that passes connections through sends it.
const CLIENT: &str = r#"
import socket, ssl, sys
port, key = sys.argv[1:]
stream = socket.create_connection(("127.0.0.1", int(port)))
stream.sendall(b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24" + socket.inet_pton(socket.AF_INET6, "2001:db8::7")
    + socket.inet_pton(socket.AF_INET6, "2001:db8::1") + b"\x12\x67\x2c\xab")
context = ssl.create_default_context(cafile="ca.pem")
stream = context.wrap_socket(stream, server_hostname="127.0.0.1")
stream.sendall(f"GET /api/tags HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
print(stream.recv(12).decode())
"#;

#[tokio::test]
async fn the_header_comes_before_tls() {
    let prepare = |directory: &Path| {
        let authority = Authority::new();
        authority.write(directory, "ca");
        authority.issue(directory, "server", 1, vec![SanType::IpAddress([127, 0, 0, 1].into())]);
    };
    let tls = ", tls: { certificate: server.pem, key: server.key }";
    let world = proxied("127.0.0.1", tls, &prepare).await;
    let mut command = Command::new("python3");
    command.args(["-c", CLIENT, &world.gateway().port().to_string(), world.key("alice")]);
    command.current_dir(world.directory()).kill_on_drop(true);
    let output = soon("python", command.output()).await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "HTTP/1.1 200", "{errors}");
}
