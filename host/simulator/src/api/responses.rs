//! `OpenAI`'s responses.

use serde_json::{Value, json};

use crate::call::{Answer, Call};
use crate::generated::{Generated, words};
use crate::go_json::Fields;
use crate::reply::Reply;
use crate::store::UNIX_TIME;

const ITEM: &str = "msg_1";

pub(crate) fn responses(call: &mut Call<'_>) -> Answer {
    let body = call.json()?;
    let fields = Fields::of(&body)?;
    let model = fields.text("model")?;
    let name = call.model(model)?;
    call.load(&name)?;
    let prompt_tokens = fields.any("input").map_or(0, words);
    let limit = fields.integer("max_output_tokens")?;
    let generated = Generated::new(call.chunks, limit, prompt_tokens);
    if fields.flag("stream")? == Some(true) {
        return Ok(Reply::named_events(events(model, &generated)));
    }
    Ok(Reply::ok(&completed(model, &generated)))
}

fn response(model: &str, status: &str, output: &Value, usage: &Value) -> Value {
    json!({
        "id": "resp_1",
        "object": "response",
        "created_at": UNIX_TIME,
        "status": status,
        "model": model,
        "output": output,
        "usage": usage,
    })
}

fn completed(model: &str, generated: &Generated) -> Value {
    let usage = json!({
        "input_tokens": generated.prompt_tokens,
        "output_tokens": generated.tokens(),
        "total_tokens": generated.prompt_tokens + generated.tokens(),
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    });
    let output = json!([message("completed", &json!([part(&generated.text())]))]);
    response(model, "completed", &output, &usage)
}

fn message(status: &str, content: &Value) -> Value {
    json!({
        "id": ITEM,
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": content,
    })
}

fn part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

fn events(model: &str, generated: &Generated) -> Vec<Value> {
    let started = response(model, "in_progress", &json!([]), &Value::Null);
    let mut events = vec![
        json!({"type": "response.created", "response": started}),
        json!({"type": "response.in_progress", "response": started}),
        json!({
            "type": "response.output_item.added",
            "item": message("in_progress", &json!([])),
        }),
        within_part(json!({"type": "response.content_part.added", "part": part("")})),
    ];
    let delta = |piece| json!({"type": "response.output_text.delta", "delta": piece});
    events.extend(generated.pieces.iter().map(delta).map(within_part));
    let text = generated.text();
    events.extend([
        within_part(json!({"type": "response.output_text.done", "text": text})),
        within_part(json!({"type": "response.content_part.done", "part": part(&text)})),
        json!({
            "type": "response.output_item.done",
            "item": message("completed", &json!([part(&text)])),
        }),
        json!({"type": "response.completed", "response": completed(model, generated)}),
    ]);
    for (number, event) in events.iter_mut().enumerate() {
        event["sequence_number"] = json!(number);
        event["output_index"] = json!(0);
    }
    events
}

fn within_part(mut event: Value) -> Value {
    event["item_id"] = json!(ITEM);
    event["content_index"] = json!(0);
    event
}
