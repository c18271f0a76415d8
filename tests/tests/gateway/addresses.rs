//! The log lines about where callers are, and about those who have to wait.

use serde_json::{Value, json};
use stockade_tests::{BINDINGS, Log, Setup, World, get, post};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

const REST: &str = "
trusted_proxies: { addresses: [127.0.0.1, 10.0.0.0/8], header: forwarded }
authentication: { throttle: { failures: 3 } }
";

fn input(line: &Value) -> Value {
    line["decision_input"].clone()
}

#[tokio::test]
async fn the_log_tells_who_called_and_who_waits() {
    let mut log = Log::start();
    let rest = format!("{REST}{BINDINGS}");
    let setup = Setup { bindings: &rest, ..Setup::default() };
    let world = World::build(setup).await;
    for (forwarded, client) in [
        (None, Value::Null),
        (Some("for=203.0.113.7"), json!("203.0.113.7")),
        (Some("for=1.1.1.1, for=203.0.113.7, for=10.0.0.1"), json!("203.0.113.7")),
    ] {
        let body = r#"{"model":"llama3.2:3b","prompt":"Hi","stream":false}"#;
        let mut request = post("/api/generate", Some(world.key("alice")), body);
        if let Some(forwarded) = forwarded {
            request.headers_mut().insert("forwarded", forwarded.parse().unwrap());
        }
        assert_eq!(world.send(request).await.status, 200);
        let line = log.next_request().await;
        assert!(line["peer"].as_str().unwrap_or_default().starts_with("127.0.0.1:"), "{line}");
        assert_eq!(line["client"], client, "{line}");
        let address = if client.is_null() { json!("127.0.0.1") } else { client };
        assert_eq!(input(&line)["address"], address, "policies see it: {line}");
    }
    for _ in 0..3 {
        let mut request = get("/api/tags", Some("sk-local-wrong-and-much-too-long-to-guess"));
        request.headers_mut().insert("forwarded", "for=\"[2001:db8::7]\"".parse().unwrap());
        assert_eq!(world.send(request).await.status, 401);
    }
    let held = log.next_message("too many credentials from an address").await;
    assert_eq!(held["address"], json!("2001:db8::/64"), "{held}");
    assert_eq!((&held["failures"], &held["level"]), (&json!(3), &json!("WARN")));
    let listen = "{ address: \"127.0.0.1:0\", proxy_protocol: required }";
    let world = World::build(Setup { bindings: &rest, listen, ..Setup::default() }).await;
    // The connection stays open, so that only the gateway can be the one who ends it.
    let mut stream = TcpStream::connect(world.gateway()).await.unwrap();
    stream.write_all(b"PROXY TCP4 203.0.113.7 127.0.0.1 4711\r\n").await.unwrap();
    let refused = log.next_message("a connection is refused").await;
    let message = refused["message"].as_str().unwrap_or_default();
    assert!(message.contains("version 1") && message.contains("not as it should be"), "{refused}");
}
