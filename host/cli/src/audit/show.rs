//! `stockade audit show`.

use std::collections::VecDeque;

use serde_json::Value;

use super::place::{Log, Place};
use super::selection::{Found, Selection, shown};
use crate::table::{Column, Table};
use crate::{Ending, Output};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    selection: Selection,
    /// The number of lines, the last ones.
    #[arg(long, short = 'n', default_value_t = 20)]
    last: usize,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Ending> {
    let Some(log) = arguments.place.find(output)? else { return Ok(Ending::Misused) };
    let mut last: VecDeque<Found> = VecDeque::new();
    arguments.selection.each(&log, |_, found| {
        // Checkpoints are of interest to nobody who looks for what happened.
        if !matches!(found.kind.as_str(), "checkpoint" | "segment") {
            last.push_back(found);
        }
        if last.len() > arguments.last {
            last.pop_front();
        }
        Ok(())
    })?;
    let lines: Vec<&Value> = last.iter().map(|found| &found.line).collect();
    let text = if last.is_empty() { "no line fits".to_owned() } else { text(&log, &last) };
    output.answer(text, &serde_json::json!(lines))?;
    Ok(Ending::Done)
}

fn text(log: &Log, lines: &VecDeque<Found>) -> String {
    let heads = ["TIME", "USER", "OPERATION", "MODEL", "DECISION", "STATUS", "REQUEST"];
    let mut table = Table::new(heads.map(Column::left));
    for Found { time, kind, line } in lines {
        let time = shown(*time, &log.zone);
        table.row(if kind == "request" {
            request(time, line)
        } else {
            let none = String::new;
            [time, format!("({kind})"), none(), none(), none(), none(), act(kind, line)]
        });
    }
    table.to_string().trim_end().to_owned()
}

fn request(time: String, line: &Value) -> [String; 7] {
    let text = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
    let status =
        line["status"].as_u64().map_or_else(|| text("outcome"), |status| status.to_string());
    let decision = match line["cause"].as_str() {
        Some(cause) => format!("{}: {cause}", text("decision")),
        None => text("decision"),
    };
    let model = line["models"][0]["name"].as_str().unwrap_or("-").to_owned();
    [time, text("user"), text("operation"), model, decision, status, text("request")]
}

/// Tells of an act of an operator, or of what happened to the log.
fn act(kind: &str, line: &Value) -> String {
    let number = |name: &str| line[name].as_u64().unwrap_or_default();
    match kind {
        "start" | "reload" => format!("generation {}", number("generation")),
        "reload-rejected" => {
            let message = line["errors"][0]["message"].as_str().unwrap_or_default();
            format!("generation {} stays: {message}", number("generation"))
        }
        "gap" => {
            let reason = line["reason"].as_str().unwrap_or_default();
            format!("{} requests without a line: {reason}", number("requests"))
        }
        "shadow" => line["config"].as_str().unwrap_or("taken away").to_owned(),
        "promote" => line["digest"].as_str().unwrap_or_default().to_owned(),
        "torn" => format!("{} bytes of a line were cut off", number("bytes")),
        "retention" => format!("lines {} to {} were removed", number("first"), number("last")),
        "tampered" => line["what"].as_str().unwrap_or_default().to_owned(),
        _ => String::new(),
    }
}
