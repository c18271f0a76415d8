//! `OpenAI`'s routes, except responses.

#![expect(clippy::unnecessary_wraps, reason = "all handlers of the route table have one type")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::generate::{dimensions, inputs};
use super::library::SYSTEM;
use crate::call::{Answer, Call, Missing};
use crate::generated::{Generated, embedding, words};
use crate::go_json::{Fields, Json};
use crate::reply::{Failure, Reply};
use crate::store::{TIME, UNIX_TIME};

pub(crate) fn chat(call: &mut Call<'_>) -> Answer {
    let body = call.json()?;
    let fields = Fields::of(&body)?;
    let messages = fields.list("messages")?;
    if messages.is_empty() {
        return Err(Failure::bad_request("[] is too short - 'messages'"));
    }
    let model = fields.text("model")?;
    let name = call.model(model)?;
    call.load(&name)?;
    let streamed = fields.flag("stream")? == Some(true);
    if !streamed && fields.flag("_debug_render_only")? == Some(true) {
        let rendered = json!({"rendered_template": format!("{SYSTEM} (simulated)")});
        return Ok(Reply::ok(&json!({
            "model": model, "created_at": TIME, "_debug_info": rendered,
        })));
    }
    let prompt_tokens = messages.iter().map(words).sum();
    let generated = Generated::new(call.chunks, fields.integer("max_tokens")?, prompt_tokens);
    if streamed {
        let usage = wants_usage(fields)?;
        return Ok(Reply::data_events(chat_chunks(model, &generated, usage)));
    }
    let mut whole = head("chatcmpl-1", "chat.completion", model);
    whole["choices"] = json!([{
        "index": 0,
        "message": {"role": "assistant", "content": generated.text()},
        "finish_reason": generated.done_reason(),
    }]);
    whole["usage"] = generated.openai_usage();
    Ok(Reply::ok(&whole))
}

fn chat_chunks(model: &str, generated: &Generated, usage: bool) -> Vec<Value> {
    let chunk = |choices: Value| {
        let mut chunk = head("chatcmpl-1", "chat.completion.chunk", model);
        chunk["choices"] = choices;
        chunk
    };
    let choice = |text: &str, reason: Option<&str>| {
        let delta = json!({"role": "assistant", "content": text});
        chunk(json!([{"index": 0, "delta": delta, "finish_reason": reason}]))
    };
    let mut chunks: Vec<_> = generated.pieces.iter().map(|piece| choice(piece, None)).collect();
    chunks.push(choice("", Some(generated.done_reason())));
    if usage {
        let mut last = chunk(json!([]));
        last["usage"] = generated.openai_usage();
        chunks.push(last);
    }
    chunks
}

pub(crate) fn completions(call: &mut Call<'_>) -> Answer {
    let body = call.json()?;
    let fields = Fields::of(&body)?;
    let prompt = fields.text("prompt")?;
    let model = fields.text("model")?;
    let name = call.model(model)?;
    call.load(&name)?;
    let prompt_tokens = prompt.split_whitespace().count();
    let chunks = if prompt.is_empty() { 0 } else { call.chunks };
    let generated = Generated::new(chunks, fields.integer("max_tokens")?, prompt_tokens);
    if fields.flag("stream")? == Some(true) {
        let usage = wants_usage(fields)?;
        return Ok(Reply::data_events(completion_chunks(model, &generated, usage)));
    }
    let mut whole = head("cmpl-1", "text_completion", model);
    whole["choices"] = completion_choice(&generated.text(), Some(generated.done_reason()));
    whole["usage"] = generated.openai_usage();
    Ok(Reply::ok(&whole))
}

fn completion_choice(text: &str, reason: Option<&str>) -> Value {
    json!([{"index": 0, "text": text, "finish_reason": reason}])
}

/// Builds the chunks. If usage is asked for, each carries one, and only the last one counts.
fn completion_chunks(model: &str, generated: &Generated, usage: bool) -> Vec<Value> {
    let chunk = |choices: Value, counts: Value| {
        let mut chunk = head("cmpl-1", "text_completion", model);
        chunk["choices"] = choices;
        if usage {
            chunk["usage"] = counts;
        }
        chunk
    };
    let nothing = || json!({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0});
    let mut chunks: Vec<_> = generated
        .pieces
        .iter()
        .map(|piece| chunk(completion_choice(piece, None), nothing()))
        .collect();
    let reason = Some(generated.done_reason());
    chunks.push(chunk(completion_choice("", reason), nothing()));
    if usage {
        chunks.push(chunk(json!([]), generated.openai_usage()));
    }
    chunks
}

pub(crate) fn embeddings(call: &mut Call<'_>) -> Answer {
    let body = call.json()?;
    let fields = Fields::of(&body)?;
    let inputs = inputs(fields.any("input"))?;
    if inputs.is_empty() {
        return Err(Failure::bad_request("invalid input"));
    }
    let model = fields.text("model")?;
    let name = call.folded(model)?;
    let name = call.installed(name, Missing::TryPulling)?;
    call.load(&name)?;
    let (dimensions, in_base64) = (dimensions(fields)?, in_base64(fields)?);
    let data: Vec<_> = inputs
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let numbers = embedding(text, dimensions);
            let numbers = if in_base64 { json!(base64_of(&numbers)) } else { json!(numbers) };
            json!({"object": "embedding", "embedding": numbers, "index": index})
        })
        .collect();
    let tokens: usize = inputs.iter().map(|text| text.split_whitespace().count()).sum();
    Ok(Reply::ok(&json!({
        "object": "list",
        "data": data,
        "model": model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    })))
}

/// Tells whether numbers are wanted as their bytes, as `OpenAI`'s libraries want them.
fn in_base64(fields: Fields<'_>) -> Result<bool, Failure> {
    let format = fields.text("encoding_format")?;
    match format.to_ascii_lowercase().as_str() {
        "" | "float" => Ok(false),
        "base64" => Ok(true),
        _ => Err(Failure::bad_request(format!(
            "Invalid value for 'encoding_format' = {format}. Supported values: ['float', 'base64']."
        ))),
    }
}

fn base64_of(numbers: &[f64]) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "Ollama's numbers are of 32 bits")]
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| (*number as f32).to_le_bytes()).collect();
    STANDARD.encode(bytes)
}

pub(crate) fn models(call: &mut Call<'_>) -> Answer {
    let models: Vec<_> = call.store.names().iter().map(|name| listed(name)).collect();
    Ok(Reply::ok(&json!({"object": "list", "data": models})))
}

pub(crate) fn model(call: &mut Call<'_>) -> Answer {
    let parameter = std::mem::take(&mut call.parameter);
    let name = call.model(&parameter)?;
    Ok(Reply::ok(&listed(&name.to_string())))
}

fn listed(name: &str) -> Value {
    json!({"id": name, "object": "model", "created": UNIX_TIME, "owned_by": "library"})
}

fn head(id: &str, object: &str, model: &str) -> Value {
    json!({
        "id": id,
        "object": object,
        "created": UNIX_TIME,
        "model": model,
        "system_fingerprint": "fp_ollama",
    })
}

fn wants_usage(fields: Fields<'_>) -> Result<bool, Failure> {
    match fields.any("stream_options") {
        Some(options @ Json::Object(_)) => {
            Ok(Fields::of(options)?.flag("include_usage")? == Some(true))
        }
        Some(_) => {
            Err(Failure::bad_request("json: cannot unmarshal into Go struct field .stream_options"))
        }
        None => Ok(false),
    }
}
