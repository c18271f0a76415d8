//! `stockade why`: what happened to one request, and whether it would today.

mod story;

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use stockade_audit::LineReader;
use stockade_core::record::RequestRecord;

use super::explain::answer::Answer;
use super::explain::recorded::Record;
use super::{Ending, Output, check};
use stockade_config as config;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The id of the request: it stands in the answer's header `X-Request-Id`, in errors and in logs.
    request: String,
    /// The configuration that names the audit log, and by which the request is judged again.
    #[arg(long, short, default_value = "stockade.yaml")]
    config: PathBuf,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Ending> {
    let loaded = match config::load(&arguments.config, stockade_control::shipped::NAMES) {
        Ok(loaded) => loaded.config,
        Err(errors) => {
            output.config_errors(&errors)?;
            return Ok(Ending::Misused);
        }
    };
    let Some(audit) = loaded.audit else {
        bail!("{} keeps no audit log: write `state_directory: …`", arguments.config.display());
    };
    let line = find(&audit.log.directory, &arguments.request)?;
    let value: Value = serde_json::from_slice(&line)?;
    let record: RequestRecord<'static> = serde_json::from_value(value.clone())
        .context("the record was not written by this version")?;
    let mut text = story::of(&value, &record, &loaded.time_zone);
    let mut answer = json!({ "recorded": value });
    if record.decision_input.is_some() {
        let (now, judged) = today(arguments, Record::new(record))?;
        text.push('\n');
        text.push_str(&now);
        answer["today"] = judged;
    }
    output.answer(text, &answer)?;
    Ok(Ending::Done)
}

/// Finds the line of a request.
fn find(directory: &std::path::Path, id: &str) -> anyhow::Result<Vec<u8>> {
    let mut lines = LineReader::open(directory)?;
    let member = format!("\"request\":{}", Value::from(id));
    while let Some(line) = lines.next_line()? {
        if str::from_utf8(line).is_ok_and(|line| line.contains(&member)) {
            return Ok(line.to_vec());
        }
    }
    bail!(
        "the audit log in {} tells nothing of {id:?}: `stockade audit show` lists the last requests",
        directory.display()
    )
}

/// Judges the request by the configuration that is there now.
fn today(arguments: &Arguments, record: Record) -> anyhow::Result<(String, Value)> {
    let generation = match check::load(&arguments.config)? {
        Ok(generation) => generation,
        Err(errors) => bail!("{errors}"),
    };
    let question = match record.question(&generation, &[]) {
        Ok(question) => question,
        Err(error) => {
            let text = format!("today: {error:#}");
            return Ok((text, json!({ "error": format!("{error:#}") })));
        }
    };
    let answer = Answer::from(question.decide(&generation));
    let is_same = answer.result.is_ok() == record.is_allowed();
    let word = if is_same { "the same" } else { "another" };
    let mut text = format!("today the answer is {word}:\n{}", answer.text(&question));
    if let Some(inputs) = question.unsupposed(&generation) {
        text = format!("{text}\n  policies look at {inputs}, which is not recorded");
    }
    let mut value = answer.value();
    value["same"] = json!(is_same);
    Ok((text, value))
}
