//! `stockade audit export`.

use std::io::{BufWriter, ErrorKind, Write, stdout};

use clap::ValueEnum;
use serde_json::Value;
use stockade_log::plain;

use super::place::Place;
use super::selection::{Found, Selection};
use crate::csv::quoted;
use crate::{Ending, Output};

/// The columns of comma-separated values: names of the record's members.
const COLUMNS: [&str; 21] = [
    "seq",
    "time",
    "kind",
    "request",
    "user",
    "front_end",
    "proof",
    "credential",
    "operation",
    "models",
    "decision",
    "cause",
    "binding",
    "policy",
    "reason",
    "outcome",
    "status",
    "prompt_tokens",
    "output_tokens",
    "bytes",
    "microseconds",
];

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    selection: Selection,
    /// The form: the lines as they stand, or a table for spreadsheets.
    #[arg(long, value_enum, default_value = "jsonl")]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// One JSON object on each line.
    Jsonl,
    /// Comma-separated values, with a line of names.
    Csv,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Ending> {
    let Some(log) = arguments.place.find(output)? else { return Ok(Ending::Misused) };
    let mut out = BufWriter::new(stdout().lock());
    let mut written = Ok(());
    if matches!(arguments.format, Format::Csv) {
        written = writeln!(out, "{}", COLUMNS.join(","));
    }
    arguments.selection.each(&log, |line, Found { line: value, .. }| {
        if written.is_ok() {
            written = match arguments.format {
                // What cannot be seen is escaped: in JSON it stays what it was.
                Format::Jsonl => out.write_all(&plain(line)),
                Format::Csv => writeln!(out, "{}", row(&value)),
            };
        }
        Ok(())
    })?;
    match written.and_then(|()| out.flush()) {
        // Somebody has read enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Ending::Done),
        written => Ok(written.map(|()| Ending::Done)?),
    }
}

fn row(line: &Value) -> String {
    COLUMNS.map(|name| quoted(&cell(name, &line[name]))).join(",")
}

fn cell(name: &str, value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => stockade_core::visible(text, |_| false).into_owned(),
        Value::Array(models) if name == "models" => {
            let names = models.iter().filter_map(|model| model["name"].as_str());
            names.collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}
