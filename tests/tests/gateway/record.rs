//! The line that each request leaves in the log: what it cost, in every API.

use stockade_simulator::Fault;
use stockade_tests::{Log, World, post};

const MESSAGES: &str = r#""messages":[{"role":"user","content":"one two three"}]"#;

#[tokio::test]
async fn every_request_leaves_what_it_cost() {
    let mut log = Log::start();
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
        let line = log.next_request().await;
        assert_eq!((&line["path"], &line["status"]), (&path.into(), &200.into()));
        assert_eq!((&line["user"], &line["outcome"]), (&"alice".into(), &"complete".into()));
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
    refusals_and_failures(&world, &mut log).await;
}

/// A decision stays what it was, whatever becomes of the request.
async fn permitted_and_failed(world: &World, log: &mut Log) {
    let body = format!("{{\"model\":\"llama3.2:3b\",{MESSAGES}}}");
    for (fault, status) in [
        (Fault::CloseBeforeHeaders, 502),
        (Fault::CloseMidHeaders, 502),
        (Fault::Garbage, 502),
        (Fault::SignInRequired, 502),
    ] {
        world.ollama.fail("/api/chat", fault);
        world.send(post("/api/chat", Some(world.key("alice")), &body)).await;
        let line = log.next_request().await;
        assert_eq!(line["status"], status, "{line}");
        assert_eq!(line["decision"], "permit", "{line}");
        assert_eq!(line["allowed_by"], serde_json::json!(["research"]), "{line}");
        assert_eq!(line["groups"], serde_json::json!(["research"]), "{line}");
        assert_eq!(line["outcome"], "upstream-failed", "{line}");
        assert!(line["error"].as_str().is_some_and(|text| text.contains("Ollama")), "{line}");
        assert!(line.get("cause").is_none() && line.get("reason").is_none(), "{line}");
    }
    // Ollama's own errors are its answers.
    world.ollama.fail("/api/chat", Fault::RunnerFailed);
    world.send(post("/api/chat", Some(world.key("alice")), &body)).await;
    let line = log.next_request().await;
    assert_eq!((&line["status"], &line["outcome"]), (&500.into(), &"complete".into()), "{line}");
}

async fn refusals_and_failures(world: &World, log: &mut Log) {
    let body = format!("{{\"model\":\"llama3.3:70b\",{MESSAGES}}}");
    world.send(post("/api/chat", Some(world.key("alice")), &body)).await;
    let line = log.next_request().await;
    assert_eq!((&line["status"], &line["cause"]), (&403.into(), &"not-allowed".into()), "{line}");
    assert!(line.get("prompt_tokens").is_none(), "{line}");

    world.ollama.fail("/api/chat", Fault::CloseBetweenChunks { after: 2 });
    let body = format!("{{\"model\":\"llama3.2:3b\",{MESSAGES}}}");
    world.send(post("/api/chat", Some(world.key("alice")), &body)).await;
    let line = log.next_request().await;
    assert_eq!(
        (&line["status"], &line["outcome"]),
        (&200.into(), &"upstream-broke".into()),
        "{line}"
    );

    permitted_and_failed(world, log).await;

    let head = b"POST /v1/k/some-KEY HTTP/1.1\r\nContent-Length: x\r\n\r\n";
    stockade_tests::raw(world.gateway(), head).await;
    let line = log.next_request().await;
    assert_eq!((&line["method"], &line["path"]), (&"POST".into(), &"/v1/k/…".into()), "{line}");
    assert_eq!((&line["status"], &line["cause"]), (&400.into(), &"bad-request".into()), "{line}");
    let text = line.to_string();
    assert!(!text.contains(world.key("alice")));
}
