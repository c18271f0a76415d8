//! The routes that list and show models.

#![expect(clippy::unnecessary_wraps, reason = "all handlers of the route table have one type")]

use serde_json::{Value, json};

use crate::call::{Answer, Call, model_or_name};
use crate::go_json::Fields;
use crate::reply::Reply;
use crate::store::{Model, SIZE, TIME};

/// A model's hidden instructions. A caller who sees it saw too much.
pub(crate) const SYSTEM: &str = "You are a simulated model with hidden instructions.";

pub(crate) fn tags(call: &mut Call<'_>) -> Answer {
    let listed = |model: &Model| with(model.listed(), json!({ "modified_at": TIME }));
    let models: Vec<Value> = call.store.installed().iter().map(listed).collect();
    Ok(Reply::ok(&json!({ "models": models })))
}

pub(crate) fn running(call: &mut Call<'_>) -> Answer {
    let loaded = |model: &Model| {
        let of_memory = json!({"expires_at": TIME, "size_vram": SIZE, "context_length": 4096});
        with(model.listed(), of_memory)
    };
    let models: Vec<Value> = call.store.loaded().iter().map(loaded).collect();
    Ok(Reply::ok(&json!({ "models": models })))
}

/// An object with further members.
fn with(mut object: Value, more: Value) -> Value {
    if let (Some(members), Value::Object(more)) = (object.as_object_mut(), more) {
        members.extend(more);
    }
    object
}

pub(crate) fn show(call: &mut Call<'_>) -> Answer {
    let body = call.json()?;
    let name = call.model(model_or_name(Fields::of(&body)?)?)?;
    let details = call.store.find(&name).map(|model| model.details());
    Ok(Reply::ok(&json!({
        "license": "A simulated license",
        "modelfile": format!("# Simulated\nFROM {name}\nSYSTEM {SYSTEM}"),
        "parameters": "stop                           \"<|eot_id|>\"",
        "template": "{{ .Prompt }}",
        "system": SYSTEM,
        "details": details,
        "model_info": {
            "general.architecture": "simulated",
            "general.parameter_count": 3_212_749_888_u64,
            "simulated.context_length": 131_072,
        },
        "capabilities": ["completion", "tools"],
        "modified_at": TIME,
    })))
}

pub(crate) fn recommendations(call: &mut Call<'_>) -> Answer {
    let models = call.store.installed();
    let recommended: Vec<Value> = models
        .iter()
        .map(|model| json!({"model": model.name.to_string(), "description": "A simulated model"}))
        .collect();
    Ok(Reply::ok(&json!({ "recommendations": recommended })))
}
