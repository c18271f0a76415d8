//! One answer of each API, shaped as Ollama v0.33.0 shapes it, however it is split.

use super::{Duration, Ending, Framing, Measurement, TokenUsage, measure, measured, tokens};

fn check(framing: Framing, answer: &str, expected: Measurement) {
    for size in 1..=answer.len() {
        let measurement = measure(framing, answer.as_bytes().chunks(size));
        assert_eq!(measurement, expected, "in pieces of {size}");
    }
}

#[test]
fn native_stream() {
    let answer = concat!(
        r#"{"model":"demo","created_at":"2026-08-21T10:00:00Z","message":{"role":"assistant","content":"Hi \"you\""},"done":false}"#,
        "\n",
        r#"{"model":"demo","created_at":"2026-08-21T10:00:01Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","total_duration":5000000001,"load_duration":2,"prompt_eval_count":26,"prompt_eval_duration":3,"eval_count":298,"eval_duration":4}"#,
        "\n",
    );
    let usage = TokenUsage {
        prompt: Some(26),
        output: Some(298),
        total_duration: Some(Duration::from_nanos(5_000_000_001)),
        load_duration: Some(Duration::from_nanos(2)),
        prompt_duration: Some(Duration::from_nanos(3)),
        output_duration: Some(Duration::from_nanos(4)),
    };
    check(Framing::Ndjson, answer, measured(usage, Ending::Finished, 2));
}

#[test]
fn native_stream_that_was_cut() {
    let answer = concat!(
        r#"{"model":"demo","response":"Hi","done":false}"#,
        "\n",
        r#"{"model":"demo","response":"","done":true,"eval_count":2"#,
    );
    let expected = measured(tokens(None, None), Ending::CutShort, 1);
    check(Framing::Ndjson, answer, expected);
}

#[test]
fn native_stream_that_failed() {
    let answer = concat!(
        r#"{"model":"demo","response":"Hi","done":false}"#,
        "\n",
        r#"{"error":"an error was encountered while running the model"}"#,
        "\n",
    );
    let expected = measured(tokens(None, None), Ending::Failed, 2);
    check(Framing::Ndjson, answer, expected);
}

#[test]
fn native_document() {
    let answer = r#"{"model":"demo","response":"Hi","done":true,"done_reason":"stop","context":[1,2],"prompt_eval_count":5,"eval_count":2}"#;
    check(Framing::Json, answer, measured(tokens(5, 2), Ending::Finished, 1));
}

#[test]
fn native_load() {
    let answer = r#"{"model":"demo","created_at":"2026-08-21T10:00:00Z","response":"","done":true,"done_reason":"load"}"#;
    check(Framing::Json, answer, measured(tokens(0, 0), Ending::Finished, 1));
}

#[test]
fn native_embed() {
    let answer = r#"{"model":"demo","embeddings":[[0.01,-2e-5],[1,0]],"total_duration":7,"prompt_eval_count":8}"#;
    let usage = TokenUsage { total_duration: Some(Duration::from_nanos(7)), ..tokens(8, None) };
    check(Framing::Json, answer, measured(usage, Ending::Finished, 1));
}

#[test]
fn native_embeddings_of_old() {
    let answer = r#"{"embedding":[0.01,-2e-5]}"#;
    check(Framing::Json, answer, measured(tokens(None, None), Ending::Finished, 1));
}

#[test]
fn native_pull() {
    let answer = concat!(
        r#"{"status":"pulling manifest"}"#,
        "\n",
        r#"{"status":"pulling 00","digest":"sha256:00","total":9,"completed":9}"#,
        "\n",
        r#"{"status":"success"}"#,
        "\n",
    );
    let expected = measured(tokens(None, None), Ending::Finished, 3);
    check(Framing::Ndjson, answer, expected);
}

#[test]
fn openai_document() {
    let answer = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"demo","system_fingerprint":"fp_ollama","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":26,"completion_tokens":2,"total_tokens":28}}"#;
    check(Framing::Json, answer, measured(tokens(26, 2), Ending::Finished, 1));
}

#[test]
fn openai_embeddings() {
    let answer = r#"{"object":"list","data":[{"object":"embedding","embedding":[0.5],"index":0}],"model":"demo","usage":{"prompt_tokens":4,"total_tokens":4}}"#;
    check(Framing::Json, answer, measured(tokens(4, None), Ending::Finished, 1));
}

#[test]
fn openai_chat_stream() {
    let answer = concat!(
        r#"data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"},"finish_reason":null}]}"#,
        "\n\n",
        r#"data: {"id":"chatcmpl-1","choices":[],"usage":{"prompt_tokens":26,"completion_tokens":2,"total_tokens":28}}"#,
        "\n\ndata: [DONE]\n\n",
    );
    check(Framing::Sse, answer, measured(tokens(26, 2), Ending::Finished, 2));
}

const ZEROS: &str = concat!(
    r#"data: {"id":"cmpl-1","choices":[{"text":"Hi","index":0,"finish_reason":null}],"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}}"#,
    "\n\n",
);

#[test]
fn openai_completion_stream() {
    let answer = format!(
        "{ZEROS}{}\n\ndata: [DONE]\n\n",
        r#"data: {"id":"cmpl-1","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}}"#,
    );
    check(Framing::Sse, &answer, measured(tokens(5, 1), Ending::Finished, 2));
}

#[test]
fn openai_completion_stream_that_was_cut() {
    let expected = measured(tokens(None, None), Ending::CutShort, 1);
    check(Framing::Sse, ZEROS, expected);
}

#[test]
fn openai_response_document() {
    let answer = r#"{"id":"resp_1","object":"response","status":"completed","error":null,"output":[{"type":"message","content":[]}],"usage":{"input_tokens":9,"output_tokens":3,"total_tokens":12,"input_tokens_details":{"cached_tokens":0}}}"#;
    check(Framing::Json, answer, measured(tokens(9, 3), Ending::Finished, 1));
}

#[test]
fn openai_response_stream() {
    let answer = concat!(
        "event: response.created\n",
        r#"data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1","status":"in_progress","error":null,"usage":null}}"#,
        "\n\nevent: response.output_text.delta\n",
        r#"data: {"type":"response.output_text.delta","delta":"Hi"}"#,
        "\n\nevent: response.completed\n",
        r#"data: {"type":"response.completed","response":{"id":"resp_1","status":"completed","usage":{"input_tokens":9,"output_tokens":3,"total_tokens":12}}}"#,
        "\n\n",
    );
    check(Framing::Sse, answer, measured(tokens(9, 3), Ending::Finished, 3));
}

#[test]
fn anthropic_document() {
    let answer = r#"{"id":"msg_1","type":"message","role":"assistant","model":"demo","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn","usage":{"input_tokens":11,"output_tokens":2}}"#;
    check(Framing::Json, answer, measured(tokens(11, 2), Ending::Finished, 1));
}

const MESSAGE_START: &str = concat!(
    "event: message_start\n",
    r#"data: {"type":"message_start","message":{"id":"msg_1","type":"message","content":[],"usage":{"input_tokens":7,"output_tokens":0}}}"#,
    "\n\n",
);

#[test]
fn anthropic_stream() {
    let answer = format!(
        "{MESSAGE_START}event: message_delta\n{}\n\nevent: message_stop\n{}\n\n",
        r#"data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":11,"output_tokens":2}}"#,
        r#"data: {"type":"message_stop"}"#,
    );
    check(Framing::Sse, &answer, measured(tokens(11, 2), Ending::Finished, 3));
}

#[test]
fn anthropic_stream_that_was_cut_has_the_estimate() {
    let expected = measured(tokens(7, None), Ending::CutShort, 1);
    check(Framing::Sse, MESSAGE_START, expected);
}

#[test]
fn anthropic_stream_that_failed() {
    let answer = format!(
        "{MESSAGE_START}event: error\n{}\n\n",
        r#"data: {"type":"error","error":{"type":"api_error","message":"boom"}}"#,
    );
    let expected = measured(tokens(7, None), Ending::Failed, 2);
    check(Framing::Sse, &answer, expected);
}
