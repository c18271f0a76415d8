//! The routes that list and show models.

#![expect(clippy::unnecessary_wraps, reason = "all handlers of the route table have one type")]

use serde_json::{Value, json};

use crate::call::{Answer, Call, model_or_name};
use crate::go_json::Fields;
use crate::name::Name;
use crate::reply::Reply;
use crate::store::{SIZE, TIME, details, digest};

/// A model's hidden instructions. A caller who sees it saw too much.
pub(crate) const SYSTEM: &str = "You are a simulated model with hidden instructions.";

pub(crate) fn tags(call: &mut Call<'_>) -> Answer {
    let models: Vec<Value> = call.store.installed().iter().map(listed).collect();
    Ok(Reply::ok(&json!({ "models": models })))
}

fn listed(name: &Name) -> Value {
    json!({
        "name": name.to_string(),
        "model": name.to_string(),
        "modified_at": TIME,
        "size": SIZE,
        "digest": digest(name),
        "details": details(),
    })
}

pub(crate) fn running(call: &mut Call<'_>) -> Answer {
    let models = call.store.loaded();
    let models: Vec<Value> = models
        .iter()
        .map(|name| {
            json!({
                "name": name.to_string(),
                "model": name.to_string(),
                "size": SIZE,
                "digest": digest(name),
                "details": details(),
                "expires_at": TIME,
                "size_vram": SIZE,
                "context_length": 4096,
            })
        })
        .collect();
    Ok(Reply::ok(&json!({ "models": models })))
}

pub(crate) fn show(call: &mut Call<'_>) -> Answer {
    let body = call.json()?;
    let name = call.model(model_or_name(Fields::of(&body)?)?)?;
    Ok(Reply::ok(&json!({
        "license": "A simulated license",
        "modelfile": format!("# Simulated\nFROM {name}\nSYSTEM {SYSTEM}"),
        "parameters": "stop                           \"<|eot_id|>\"",
        "template": "{{ .Prompt }}",
        "system": SYSTEM,
        "details": details(),
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
        .map(|name| json!({"model": name.to_string(), "description": "A simulated model"}))
        .collect();
    Ok(Reply::ok(&json!({ "recommendations": recommended })))
}
