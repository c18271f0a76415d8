//! The routes that change the models on disk.

use http::StatusCode;
use serde_json::{Value, json};

use super::blobs::canonical_digest;
use crate::call::{Answer, Call, Missing, model_or_name, valid};
use crate::go_json::{Fields, Json};
use crate::name::{Name, Reference};
use crate::reply::{Failure, Reply};
use crate::store::{SIZE, digest};

/// The number of lines that report the progress of a transfer.
const STEPS: u64 = 4;

pub(crate) fn pull(call: &mut Call<'_>) -> Answer {
    let body = call.json()?;
    let fields = Fields::of(&body)?;
    let name = file(call, model_or_name(fields)?)?;
    call.understand(&name);
    let mut lines = vec![json!({"status": "pulling manifest"})];
    lines.extend(transfer("pulling", &name));
    lines.push(json!({"status": "verifying sha256 digest"}));
    lines.push(json!({"status": "writing manifest"}));
    call.store.install(name);
    progress(fields, lines)
}

pub(crate) fn push(call: &mut Call<'_>) -> Answer {
    let body = call.json()?;
    let fields = Fields::of(&body)?;
    // Unlike everywhere else, the name is folded before it is checked.
    let text = model_or_name(fields)?;
    if text.is_empty() {
        return Err(Failure::bad_request("model is required"));
    }
    let name = call.store.fold_to_installed(Name::parse(text));
    call.understand(&name);
    if !call.store.has(&name) {
        let error = json!({"error": format!("couldn't find model \"{name}\"")});
        return failed(fields, json!({"status": "retrieving manifest"}), error);
    }
    let mut lines = vec![json!({"status": "retrieving manifest"})];
    lines.extend(transfer("pushing", &name));
    lines.push(json!({"status": "pushing manifest"}));
    progress(fields, lines)
}

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let body = call.json()?;
    let fields = Fields::of(&body)?;
    let target = call.store.fold_to_installed(valid(model_or_name(fields)?)?);
    call.understand(&target);
    let from = fields.text("from")?;
    let files = fields.map("files")?;
    let mut lines = Vec::new();
    if !from.is_empty() {
        // The spelling is not folded: another one is a model that has to be pulled.
        let from = call.referenced(from)?;
        call.understand(&from);
        if !call.store.has(&from) {
            lines.push(json!({"status": "pulling manifest"}));
            lines.extend(transfer("pulling", &from));
            call.store.install(from);
        }
    } else if files.is_empty() {
        return Err(Failure::bad_request("neither 'from' or 'files' was specified"));
    }
    for (_, digest) in files {
        lines.push(layer(call, digest)?);
    }
    lines.push(json!({"status": "writing manifest"}));
    call.store.install(target);
    progress(fields, lines)
}

fn layer(call: &Call<'_>, digest: &Json) -> Result<Value, Failure> {
    let known = match digest {
        Json::Text(digest) => canonical_digest(digest).filter(|digest| call.store.has_blob(digest)),
        _ => None,
    };
    known
        .map(|digest| json!({"status": format!("using existing layer sha256:{digest}")}))
        .ok_or_else(|| Failure::bad_request("invalid digest format or blob not found"))
}

pub(crate) fn copy(call: &mut Call<'_>) -> Answer {
    let body = call.json()?;
    let fields = Fields::of(&body)?;
    let name = |field, text: &str| {
        let invalid = || Failure::bad_request(format!("{field} \"{text}\" is invalid"));
        Name::parse_valid(text).ok_or_else(invalid)
    };
    let source = name("source", fields.text("source")?)?;
    let destination = name("destination", fields.text("destination")?)?;
    let source = call.store.fold_to_installed(source);
    let destination = call.store.fold_to_installed(destination);
    call.understand(&destination);
    let source = call.installed(source, Missing::Short)?;
    call.store.copy(&source, destination);
    Ok(Reply::empty(StatusCode::OK))
}

pub(crate) fn delete(call: &mut Call<'_>) -> Answer {
    let body = call.json()?;
    let name = file(call, model_or_name(Fields::of(&body)?)?)?;
    let name = call.installed(name, Missing::Short)?;
    call.store.delete(&name);
    Ok(Reply::empty(StatusCode::OK))
}

/// The file that pull and delete mean.
fn file(call: &Call<'_>, text: &str) -> Result<Name, Failure> {
    let name = valid(&Reference::parse(text)?.file_name())?;
    Ok(call.store.fold_to_installed(name))
}

fn transfer(what: &str, name: &Name) -> impl Iterator<Item = Value> + use<> {
    let digest = digest(name);
    let status = format!("{what} {}", &digest[..12]);
    (0..=STEPS).map(move |step| {
        json!({
            "status": status,
            "digest": format!("sha256:{digest}"),
            "total": SIZE,
            "completed": SIZE / STEPS * step,
        })
    })
}

/// Streamed unless the caller says otherwise; `success` is the last line or the only one.
fn progress(fields: Fields<'_>, mut lines: Vec<Value>) -> Answer {
    let success = json!({"status": "success"});
    if fields.flag("stream")? == Some(false) {
        return Ok(Reply::ok(&success));
    }
    lines.push(success);
    Ok(Reply::ndjson(lines))
}

/// A failure after the first line cannot change the status any more.
fn failed(fields: Fields<'_>, first: Value, error: Value) -> Answer {
    if fields.flag("stream")? == Some(false) {
        Ok(Reply::json(StatusCode::INTERNAL_SERVER_ERROR, &error))
    } else {
        Ok(Reply::ndjson([first, error]))
    }
}
