//! The line that each request leaves in the log: what it cost, in every API.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io;
use std::sync::OnceLock;

use serde_json::Value;
use stockade_simulator::Fault;
use stockade_tests::{World, post, soon};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tracing_subscriber::fmt::MakeWriter;

/// Hands each line to the test.
struct Lines(UnboundedSender<String>);

struct Line<'a> {
    text: Vec<u8>,
    sender: &'a UnboundedSender<String>,
}

impl io::Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        self.sender.send(String::from_utf8_lossy(&self.text).into_owned()).ok();
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { text: Vec::new(), sender: &self.0 }
    }
}

static STARTED: OnceLock<()> = OnceLock::new();

/// There is one log in a process, so there is one test in this file.
fn log() -> UnboundedReceiver<String> {
    let (sender, receiver) = unbounded_channel();
    STARTED.get_or_init(|| {
        tracing_subscriber::fmt().json().flatten_event(true).with_writer(Lines(sender)).init();
    });
    receiver
}

async fn next(lines: &mut UnboundedReceiver<String>) -> Value {
    loop {
        let line = soon("a line of the log", lines.recv()).await.unwrap();
        let value: Value = serde_json::from_str(&line).unwrap();
        if value["target"] == "stockade::request" {
            return value;
        }
    }
}

const MESSAGES: &str = r#""messages":[{"role":"user","content":"one two three"}]"#;

#[tokio::test]
async fn every_request_leaves_what_it_cost() {
    let mut lines = log();
    let world = World::start().await;
    let alice = Some(world.key("alice"));
    let chat = |more: &str| format!("{{\"model\":\"llama3.2:3b\",{MESSAGES}{more}}}");
    let simple = |field: &str, more: &str| {
        format!("{{\"model\":\"llama3.2:3b\",\"{field}\":\"one two three\"{more}}}")
    };
    let stream = ",\"stream\":true";
    let asked = ",\"stream\":true,\"stream_options\":{\"include_usage\":true}";
    let tokens = (Some(3), Some(10));
    // Some count the role of a message as a word.
    let cases = [
        ("/api/generate", simple("prompt", ""), tokens),
        ("/api/generate", simple("prompt", ",\"stream\":false"), tokens),
        ("/api/chat", chat(""), (None, Some(10))),
        ("/api/embed", simple("input", ""), (Some(3), None)),
        ("/v1/chat/completions", chat(""), (None, Some(10))),
        ("/v1/chat/completions", chat(stream), (None, Some(10))),
        ("/v1/chat/completions", chat(asked), (None, Some(10))),
        ("/v1/completions", simple("prompt", stream), tokens),
        ("/v1/embeddings", simple("input", ""), (Some(3), None)),
        ("/v1/responses", simple("input", ""), (None, Some(10))),
        ("/v1/responses", simple("input", stream), (None, Some(10))),
        ("/v1/messages", chat(",\"max_tokens\":99"), (None, Some(10))),
        ("/v1/messages", chat(",\"max_tokens\":99,\"stream\":true"), (None, Some(10))),
    ];
    for (path, body, (prompt, output)) in cases {
        assert_eq!(world.send(post(path, alice, &body)).await.status, 200, "{path} {body}");
        let line = next(&mut lines).await;
        assert_eq!((&line["path"], &line["status"]), (&path.into(), &200.into()));
        assert_eq!((&line["user"], &line["ending"]), (&"alice".into(), &"Complete".into()));
        let prompt_found = line["prompt_tokens"].as_u64();
        assert!(prompt_found.is_some_and(|found| found >= 3), "{path}: {line}");
        assert!(prompt.is_none() || prompt_found == prompt, "{path}: {line}");
        if output.is_some() {
            assert_eq!(line["output_tokens"].as_u64(), output, "{path}: {line}");
        }
        let durations = [
            ("total_duration", 5_000_000),
            ("load_duration", 1_000_000),
            ("prompt_eval_duration", 1_000_000),
            ("eval_duration", 3_000_000),
        ];
        if ["/api/generate", "/api/chat"].contains(&path) {
            for (name, nanoseconds) in durations {
                assert_eq!(line[name], nanoseconds, "{path}: {line}");
            }
        }
    }
    refusals_and_failures(&world, &mut lines).await;
}

async fn refusals_and_failures(world: &World, lines: &mut UnboundedReceiver<String>) {
    let body = format!("{{\"model\":\"llama3.3:70b\",{MESSAGES}}}");
    world.send(post("/api/chat", Some(world.key("alice")), &body)).await;
    let line = next(lines).await;
    assert_eq!(
        (&line["status"], &line["decision"]),
        (&403.into(), &"not-allowed".into()),
        "{line}"
    );
    assert!(line.get("prompt_tokens").is_none(), "{line}");

    world.ollama.fail("/api/chat", Fault::CloseBetweenChunks { after: 2 });
    let body = format!("{{\"model\":\"llama3.2:3b\",{MESSAGES}}}");
    world.send(post("/api/chat", Some(world.key("alice")), &body)).await;
    let line = next(lines).await;
    assert_eq!(
        (&line["status"], &line["ending"]),
        (&200.into(), &"UpstreamBroke".into()),
        "{line}"
    );

    stockade_tests::raw(world.gateway(), b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n").await;
    let line = next(lines).await;
    assert_eq!(
        (&line["status"], &line["decision"]),
        (&400.into(), &"bad-request".into()),
        "{line}"
    );
    let text = line.to_string();
    assert!(!text.contains(world.key("alice")));
}
