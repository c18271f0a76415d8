//! Anthropic's messages.

use serde_json::{Value, json};

use crate::call::{Answer, Call};
use crate::generated::{Generated, words};
use crate::go_json::Fields;
use crate::reply::{Failure, Reply};

pub(crate) fn messages(call: &mut Call<'_>) -> Answer {
    let body = call.json()?;
    let fields = Fields::of(&body)?;
    let model = fields.text("model")?;
    if model.is_empty() {
        return Err(Failure::bad_request("model is required"));
    }
    let limit = fields.integer("max_tokens")?;
    if limit.is_none_or(|limit| limit <= 0) {
        return Err(Failure::bad_request("max_tokens is required and must be positive"));
    }
    let messages = fields.list("messages")?;
    if messages.is_empty() {
        return Err(Failure::bad_request("messages is required"));
    }
    let name = call.model(model)?;
    call.load(&name)?;
    let prompt_tokens = messages.iter().map(words).sum();
    let generated = Generated::new(call.chunks, limit, prompt_tokens);
    if fields.flag("stream")? == Some(true) {
        return Ok(Reply::named_events(events(model, &generated)));
    }
    let content = json!([{"type": "text", "text": generated.text()}]);
    let reason = json!(stop_reason(&generated));
    let usage = usage(generated.prompt_tokens, generated.tokens());
    Ok(Reply::ok(&message(model, &content, &reason, &usage)))
}

const fn stop_reason(generated: &Generated) -> &'static str {
    if generated.cut { "max_tokens" } else { "end_turn" }
}

fn usage(input: usize, output: usize) -> Value {
    json!({"input_tokens": input, "output_tokens": output})
}

fn message(model: &str, content: &Value, stop_reason: &Value, usage: &Value) -> Value {
    json!({
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": null,
        "usage": usage,
    })
}

/// The usage in `message_start` is an estimate; `message_delta` has the counts.
fn events(model: &str, generated: &Generated) -> Vec<Value> {
    let estimate = usage(generated.prompt_tokens + 1, 0);
    let started = message(model, &json!([]), &Value::Null, &estimate);
    let mut events = vec![
        json!({"type": "message_start", "message": started}),
        json!({
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "text", "text": ""},
        }),
    ];
    events.extend(generated.pieces.iter().map(|piece| {
        let delta = json!({"type": "text_delta", "text": piece});
        json!({"type": "content_block_delta", "index": 0, "delta": delta})
    }));
    events.extend([
        json!({"type": "content_block_stop", "index": 0}),
        json!({
            "type": "message_delta",
            "delta": {"stop_reason": stop_reason(generated), "stop_sequence": null},
            "usage": usage(generated.prompt_tokens, generated.tokens()),
        }),
        json!({"type": "message_stop"}),
    ]);
    events
}
