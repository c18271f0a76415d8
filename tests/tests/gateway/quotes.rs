//! A caller's request decides neither how long an answer is nor how long a line of the log, and
//! names of keys in a body are never logged.

use stockade_tests::{Log, World, post};

const LONG: usize = 1_000_000;
/// As long as a head allows.
const HEADER: usize = 40_000;
const LONGEST_ANSWER: usize = 1_500;
const LONGEST_LINE: usize = 3_000;

/// Bodies of which something is quoted, at length; `MARK` is what must not be logged.
fn bodies() -> Vec<(&'static str, String)> {
    let long = "MARK".repeat(LONG / 4);
    let upper = long.to_uppercase();
    let lower = long.to_lowercase();
    let digits = "1".repeat(LONG);
    let generate = |rest: &str| ("/api/generate", format!("{{\"model\":\"x\",{rest}}}"));
    vec![
        ("/api/generate", format!("{{\"model\":\"{long}\"}}")),
        ("/api/show", format!("{{\"name\":\"{long}\"}}")),
        ("/v1/chat/completions", format!("{{\"model\":\"{long}\",\"messages\":[]}}")),
        ("/api/copy", format!("{{\"source\":\"{long}\",\"destination\":\"x\"}}")),
        ("/api/pull", format!("{{\"name\":\"{long}\"}}")),
        generate(&format!("\"{long}\":1,\"{long}\":2")),
        generate(&format!("\"{upper}\":1,\"{lower}\":2")),
        generate(&format!("\"MODEL\":\"{long}\"")),
        generate(&format!("\"\\u0061{long}\":1")),
        generate(&format!("\"{long}\":{{\"{long}\":[1,2,}}")),
        generate(&format!("\"keep_alive\":\"{digits}\"")),
        generate(&format!("\"keep_alive\":\"1{long}\"")),
        generate(&format!("\"options\":{{\"num_ctx\":{digits}}}")),
        generate(&format!("\"stream\":\"{long}\"")),
        generate(&format!("{long}:1")),
        generate("\"prompt\":\"\u{1}\u{1b}[31m\""),
        ("/api/create", format!("{{\"model\":\"x\",\"files\":{{\"a\":\"{long}\"}}}}")),
        ("/api/create", format!("{{\"model\":\"x\",\"from\":\"y\",\"remote_host\":\"{long}\"}}")),
        (
            "/v1/chat/completions",
            format!("{{\"model\":\"x\",\"messages\":[{{\"role\":\"{long}\",\"content\":\"x\"}}]}}"),
        ),
        ("/-/token", format!("{{\"ttl\":\"{}\"}}", &long[..900])),
        ("/-/token", format!("{{\"{}\":1}}", &long[..900])),
    ]
}

fn heads() -> Vec<(String, Option<(&'static str, String)>)> {
    let long = "HEAD".repeat(HEADER / 4);
    let path = &long[..10_000];
    let header = |name, value: &str| ("/api/generate".to_owned(), Some((name, value.to_owned())));
    vec![
        (format!("/{path}"), None),
        (format!("/api/blobs/sha256:{path}"), None),
        (format!("/v1/models/{path}"), None),
        (format!("/api/{}", "a/".repeat(5_000)), None),
        (format!("/api/generate?{path}"), None),
        header("content-type", &format!("multipart/{long}")),
        header("content-encoding", &long),
        header("host", &long),
        header("x-forwarded-for", &long),
        header("origin", &long),
        header("x-request-id", &long),
        header("x-api-key", &long),
    ]
}

#[tokio::test]
async fn nothing_is_quoted_at_length() {
    let mut log = Log::start();
    let world = World::start().await;
    let alice = world.key("alice").to_owned();
    let mut requests = Vec::new();
    for (path, body) in bodies() {
        let what = format!("{path} {}", &body[..body.len().min(60)]);
        requests.push((what, post(path, Some(&alice), &body)));
    }
    for (path, header) in heads() {
        let mut request = post(&path, Some(&alice), "{\"model\":\"llama3.2:3b\"}");
        let mut what = path[..path.len().min(60)].to_owned();
        if let Some((name, value)) = header {
            what = format!("{what} {name}");
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        requests.push((what, request));
    }
    for (what, request) in requests {
        let reply = world.send(request).await;
        let length = reply.body.len();
        assert!(length <= LONGEST_ANSWER, "{what}: an answer of {length} bytes");
        let line = log.next_request().await;
        let record = line["record"].as_str().unwrap_or_default();
        let length = record.len();
        assert!(length <= LONGEST_LINE, "{what}: a line of {length} bytes");
        assert!(!record.to_uppercase().contains("MARKMARK"), "{what}: {record}");
    }
}
