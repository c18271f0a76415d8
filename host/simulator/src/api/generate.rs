//! Inference in Ollama's own dialect, with loading and unloading.

use serde_json::{Map, Value, json};

use super::library::SYSTEM;
use crate::call::{Answer, Call, Missing};
use crate::generated::{Generated, embedding, words};
use crate::go_json::{Fields, Json};
use crate::name::Name;
use crate::reply::{Failure, Reply};
use crate::store::TIME;

/// The shape in which each of the two routes carries the text of an answer.
#[derive(Clone, Copy)]
enum Shape {
    Generate,
    Chat,
}

impl Shape {
    fn with_text(self, model: &str, text: &str) -> Map<String, Value> {
        let content = match self {
            Self::Generate => ("response", json!(text)),
            Self::Chat => ("message", json!({"role": "assistant", "content": text})),
        };
        let common = [("model", json!(model)), ("created_at", json!(TIME)), content];
        common.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    fn done(self, model: &str, text: &str, reason: &str) -> Map<String, Value> {
        let mut line = self.with_text(model, text);
        line.insert("done".to_owned(), json!(true));
        line.insert("done_reason".to_owned(), json!(reason));
        line
    }
}

pub(crate) fn generate(call: &mut Call<'_>) -> Answer {
    let body = call.json()?;
    let fields = Fields::of(&body)?;
    let prompt = fields.text("prompt")?;
    let tokens = prompt.split_whitespace().count();
    infer(call, fields, Shape::Generate, prompt.is_empty(), tokens)
}

pub(crate) fn chat(call: &mut Call<'_>) -> Answer {
    let body = call.json()?;
    let fields = Fields::of(&body)?;
    let messages = fields.list("messages")?;
    let tokens = messages.iter().map(words).sum();
    infer(call, fields, Shape::Chat, messages.is_empty(), tokens)
}

fn infer(
    call: &mut Call<'_>,
    fields: Fields<'_>,
    shape: Shape,
    empty: bool,
    prompt_tokens: usize,
) -> Answer {
    let model = fields.text("model")?;
    let name = call.model(model)?;
    if empty {
        return Ok(load_or_unload(call, fields, shape, &name));
    }
    call.load(&name)?;
    if fields.flag("_debug_render_only")? == Some(true) {
        let rendered = json!({"rendered_template": format!("{SYSTEM} (simulated)")});
        return Ok(Reply::ok(&json!({
            "model": model, "created_at": TIME, "_debug_info": rendered,
        })));
    }
    let generated = Generated::new(call.chunks, num_predict(fields)?, prompt_tokens);
    if fields.flag("stream")? == Some(false) {
        let mut only = shape.done(model, &generated.text(), generated.done_reason());
        only.extend(generated.native_usage());
        return Ok(Reply::ok(&only.into()));
    }
    Ok(Reply::ndjson(streamed(shape, model, &generated)))
}

fn streamed(shape: Shape, model: &str, generated: &Generated) -> Vec<Value> {
    let piece = |text: &String| {
        let mut line = shape.with_text(model, text);
        line.insert("done".to_owned(), json!(false));
        Value::from(line)
    };
    let mut last = shape.done(model, "", generated.done_reason());
    last.extend(generated.native_usage());
    let pieces = generated.pieces.iter().map(piece);
    pieces.chain([last.into()]).collect()
}

/// Nothing to say and `keep_alive` of zero throws the model out; nothing to say loads it.
fn load_or_unload(call: &Call<'_>, fields: Fields<'_>, shape: Shape, name: &Name) -> Reply {
    let reason = if is_zero(fields.any("keep_alive")) {
        call.store.unload(name);
        "unload"
    } else {
        call.store.load(name);
        "load"
    };
    let model = name.to_string();
    Reply::ok(&shape.done(&model, "", reason).into())
}

/// `0`, `-0.0`, `"0"`, `"0s"`, `"0h0m"`: all are no time at all.
fn is_zero(keep_alive: Option<&Json>) -> bool {
    match keep_alive {
        Some(Json::Number(digits)) => digits.parse().is_ok_and(|seconds: f64| seconds == 0.0),
        Some(Json::Text(duration)) => {
            let zeros = duration.bytes().filter(u8::is_ascii_digit);
            !duration.is_empty() && zeros.map(|digit| digit - b'0').max() == Some(0)
        }
        _ => false,
    }
}

/// `options.num_predict`; the keys of options have a case, and the last one counts.
fn num_predict(fields: Fields<'_>) -> Result<Option<i64>, Failure> {
    let options = fields.map("options")?;
    let given = options.iter().rev().find(|(key, _)| *key == "num_predict");
    match given {
        Some((_, Json::Number(digits))) => Ok(digits.parse().ok()),
        Some((_, Json::Null)) | None => Ok(None),
        Some(_) => Err(Failure::bad_request("option \"num_predict\" must be of type integer")),
    }
}

/// Asks a decision model. It answers in one piece, with what is not known in truth.
pub(crate) fn decide(call: &mut Call<'_>) -> Answer {
    let body = call.json()?;
    let fields = Fields::of(&body)?;
    let model = fields.text("model")?;
    let questions = fields.list("questions")?.len();
    if !(1..=64).contains(&questions) {
        return Err(Failure::bad_request("questions must have 1 to 64 entries"));
    }
    let name = call.model(model)?;
    call.load(&name)?;
    let answers = vec!["simulated"; questions];
    Ok(Reply::ok(&json!({"model": model, "created_at": TIME, "answers": answers})))
}

/// Texts to embed: one, or a list of them.
pub(crate) fn inputs(input: Option<&Json>) -> Result<Vec<&str>, Failure> {
    match input {
        None => Ok(Vec::new()),
        Some(Json::Array(items)) => items.iter().map(input_text).collect(),
        Some(one) => Ok(vec![input_text(one)?]),
    }
}

fn input_text(value: &Json) -> Result<&str, Failure> {
    match value {
        Json::Text(text) => Ok(text),
        _ => Err(Failure::bad_request("invalid input type")),
    }
}

/// Returns the number of dimensions of an embedding.
pub(crate) fn dimensions(fields: Fields<'_>) -> Result<usize, Failure> {
    let wanted = fields.integer("dimensions")?.unwrap_or_default();
    Ok(usize::try_from(wanted).ok().filter(|wanted| (1..=8).contains(wanted)).unwrap_or(8))
}

pub(crate) fn embed(call: &mut Call<'_>) -> Answer {
    let body = call.json()?;
    let fields = Fields::of(&body)?;
    let model = fields.text("model")?;
    let name = call.folded(model)?;
    let name = call.installed(name, Missing::TryPulling)?;
    let inputs = inputs(fields.any("input"))?;
    call.load(&name)?;
    let dimensions = dimensions(fields)?;
    let embeddings: Vec<_> = inputs.iter().map(|text| embedding(text, dimensions)).collect();
    let tokens: usize = inputs.iter().map(|text| text.split_whitespace().count()).sum();
    Ok(Reply::ok(&json!({
        "model": model,
        "embeddings": embeddings,
        "total_duration": 2_000_000,
        "load_duration": 1_000_000,
        "prompt_eval_count": tokens,
    })))
}

/// The older route, which does not fold the name.
pub(crate) fn embeddings(call: &mut Call<'_>) -> Answer {
    let body = call.json()?;
    let fields = Fields::of(&body)?;
    let name = call.referenced(fields.text("model")?)?;
    let name = call.installed(name, Missing::TryPulling)?;
    call.load(&name)?;
    let numbers = match fields.text("prompt")? {
        "" => Vec::new(),
        prompt => embedding(prompt, 8),
    };
    Ok(Reply::ok(&json!({"embedding": numbers})))
}
