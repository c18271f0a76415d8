//! `stockade queue`: who has a turn at Ollama, and who waits for one.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;
use stockade_admin::{QUEUE, ask};

use super::table::{Column, Table};
use super::usage::state_directory;
use super::{ConfigFile, Ending, Output};

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Ending> {
    let Some((directory, _)) = state_directory(&arguments.file.config, output)? else {
        return Ok(Ending::Misused);
    };
    let queue = running(&directory)?;
    output.answer(text(&queue), &queue)?;
    Ok(Ending::Done)
}

/// Asks the gateway that runs with a state directory.
fn running(directory: &Path) -> anyhow::Result<Value> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(ask(directory, QUEUE)).context("the queue cannot be shown")
}

fn text(queue: &Value) -> String {
    let list = |key: &str| queue[key].as_array().cloned().unwrap_or_default();
    let (running, waiting) = (list("running"), list("waiting"));
    let slots = &queue["slots"];
    let mut text =
        format!("{} of {slots} slots are taken, {} wait\n", running.len(), waiting.len());
    let mut table = Table::new([
        Column::left("USER"),
        Column::left("MODEL"),
        Column::left("CLASS"),
        Column::right("PLACE"),
        Column::right("SINCE"),
        Column::right("EXPECTED"),
    ]);
    let word = |turn: &Value, key: &str| turn[key].as_str().unwrap_or_default().to_owned();
    let seconds = |turn: &Value, key: &str| {
        let milliseconds = turn[key].as_u64().unwrap_or_default();
        format!("{} s", milliseconds.div_ceil(1_000))
    };
    let row = |turn: &Value| [word(turn, "user"), word(turn, "model"), word(turn, "class")];
    for turn in &running {
        let since = seconds(turn, "running_ms");
        table.row(row(turn).into_iter().chain(["runs".to_owned(), since, String::new()]));
    }
    for turn in &waiting {
        let place = turn["position"].to_string();
        let (since, expected) = (seconds(turn, "waited_ms"), seconds(turn, "expected_ms"));
        table.row(row(turn).into_iter().chain([place, since, expected]));
    }
    if !(running.is_empty() && waiting.is_empty()) {
        let _ = write!(text, "\n{table}");
    }
    text.trim_end().to_owned()
}
