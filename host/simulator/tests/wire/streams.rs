//! The answers of all dialects, streamed and whole.

use crate::support::{Answer, send, send_raw, simulator};
use serde_json::{Value, json};
use stockade_simulator::Simulator;

const PROMPT: &str = "one two three";

async fn post(ollama: &Simulator, path: &str, body: Value) -> Answer {
    let answer = send(ollama, &format!("POST {path}"), &body.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

fn messages() -> Value {
    json!([{"content": PROMPT}])
}

#[tokio::test]
async fn native_answers_stream_unless_told_otherwise() {
    let ollama = simulator().await;
    for (path, field, content) in
        [("/api/generate", "prompt", json!(PROMPT)), ("/api/chat", "messages", messages())]
    {
        let body = json!({"model": "llama3.2:3b", field: content});
        let streamed = post(&ollama, path, body.clone()).await;
        assert_eq!(streamed.content_type(), "application/x-ndjson");
        assert_eq!(streamed.chunks.len(), 5, "one line, one chunk");
        let lines = streamed.lines();
        let last = lines.last().unwrap();
        assert_eq!(last["prompt_eval_count"], 3);
        assert_eq!(last["eval_count"], 4);
        assert_eq!(last["done_reason"], "stop");
        let text = |line: &Value| {
            let text =
                if path == "/api/chat" { &line["message"]["content"] } else { &line["response"] };
            text.as_str().unwrap().to_owned()
        };
        let pieces: String = lines.iter().map(text).collect();
        assert!(pieces.contains("simulated"), "{pieces}");

        let mut body = body;
        body["stream"] = json!(false);
        body["options"] = json!({"num_predict": 2});
        let whole = post(&ollama, path, body).await;
        assert_eq!(whole.content_type(), "application/json; charset=utf-8");
        assert!(text(&whole.json()).contains("simulated"));
        assert_eq!(whole.json()["eval_count"], 2);
        assert_eq!(whole.json()["done_reason"], "length");
    }
}

#[tokio::test]
async fn nothing_to_say_loads_and_unloads() {
    let ollama = simulator().await;
    let running = async || {
        let listed = send(&ollama, "GET /api/ps", "").await.json();
        listed["models"].as_array().unwrap().len()
    };
    for unload in [json!(0), json!("0s"), json!(-0.0)] {
        let load = post(&ollama, "/api/generate", json!({"model": "qwen3:8b"})).await;
        assert_eq!(load.json()["done_reason"], "load");
        assert_eq!(running().await, 1);
        let body = json!({"model": "QWEN3:8b", "keep_alive": unload, "messages": []});
        let unloaded = post(&ollama, "/api/chat", body).await;
        assert_eq!(unloaded.json()["done_reason"], "unload");
        assert_eq!(running().await, 0, "{unload}");
    }
}

#[tokio::test]
async fn openai_streams_usage_only_if_asked() {
    let ollama = simulator().await;
    for (path, field, content) in [
        ("/v1/chat/completions", "messages", messages()),
        ("/v1/completions", "prompt", json!(PROMPT)),
    ] {
        let body = json!({"model": "llama3.2:3b", field: content});
        let whole = post(&ollama, path, body.clone()).await.json();
        assert_eq!(whole["usage"]["total_tokens"], 7);
        for usage in [false, true] {
            let mut body = body.clone();
            body["stream"] = json!(true);
            body["stream_options"] = json!({"include_usage": usage});
            let streamed = post(&ollama, path, body).await;
            assert_eq!(streamed.content_type(), "text/event-stream");
            let events = streamed.events();
            let (done, chunks) = events.split_last().unwrap();
            assert_eq!(done.1, "[DONE]");
            let last: Value = serde_json::from_str(&chunks.last().unwrap().1).unwrap();
            assert_eq!(last["choices"].as_array().unwrap().is_empty(), usage);
            assert_eq!(last["usage"]["completion_tokens"] == 4, usage);
        }
    }
}

#[tokio::test]
async fn responses_and_messages_stream_named_events() {
    let ollama = simulator().await;
    let responses = json!({"model": "qwen3:8b", "input": PROMPT, "stream": true});
    let streamed = post(&ollama, "/v1/responses", responses).await.events();
    let (name, data) = streamed.last().unwrap();
    let completed: Value = serde_json::from_str(data).unwrap();
    assert_eq!(name, "response.completed");
    assert_eq!(completed["response"]["usage"]["output_tokens"], 4);

    let mut messages = json!({"model": "qwen3:8b", "max_tokens": 3, "messages": messages()});
    let whole = post(&ollama, "/v1/messages", messages.clone()).await.json();
    assert_eq!(whole["usage"], json!({"input_tokens": 3, "output_tokens": 3}));
    assert_eq!(whole["stop_reason"], "max_tokens");
    messages["stream"] = json!(true);
    let streamed = post(&ollama, "/v1/messages", messages).await.events();
    let names: Vec<_> = streamed.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names[..3], ["message_start", "content_block_start", "content_block_delta"]);
    assert_eq!(names.last(), Some(&"message_stop"));
    let delta: Value = serde_json::from_str(&streamed[streamed.len() - 2].1).unwrap();
    assert_eq!(delta["usage"]["input_tokens"], 3);
}

#[tokio::test]
async fn embeddings_have_a_vector_for_each_text() {
    let ollama = simulator().await;
    let body = json!({"model": "qwen3:8b", "input": ["a b", "c"]});
    let native = post(&ollama, "/api/embed", body.clone()).await.json();
    assert_eq!(native["embeddings"].as_array().unwrap().len(), 2);
    assert_eq!(native["prompt_eval_count"], 3);
    let openai = post(&ollama, "/v1/embeddings", body).await.json();
    assert_eq!(openai["data"][1]["embedding"], native["embeddings"][1]);
    assert_eq!(openai["usage"]["prompt_tokens"], 3);
    // The older route takes the spelling of the name as it is.
    let old = json!({"model": "QWEN3:8B", "prompt": "a"}).to_string();
    let missing = send(&ollama, "POST /api/embeddings", &old).await;
    assert_eq!(missing.status, 404);
}

#[tokio::test]
async fn the_query_decides_about_a_transcription() {
    let ollama = simulator().await;
    let body = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nllama3.2:3b\r\n\
                --b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nother\r\n\
                --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n\
                RIFF\r\n--b--\r\n";
    for (query, model) in [("", "llama3.2:3b"), ("?model=qwen3%3A8b", "qwen3:8b")] {
        let length = body.len();
        let request = format!(
            "POST /v1/audio/transcriptions{query} HTTP/1.1\r\nHost: localhost\r\n\
             Connection: close\r\nContent-Type: multipart/form-data; boundary=b\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        let answer = send_raw(&ollama, &request).await;
        assert_eq!(answer.content_type(), "application/x-ndjson");
        assert!(answer.json()["text"].as_str().unwrap().contains("simulated"));
        assert_eq!(ollama.requests().last().unwrap().models, [model]);
    }
}
