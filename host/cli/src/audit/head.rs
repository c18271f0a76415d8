//! `stockade audit head`.

use anyhow::Context as _;
use serde_json::json;
use stockade_audit::last_checkpoint;

use super::place::Place;
use crate::{Ending, Output};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Ending> {
    let Some(log) = arguments.place.find(output)? else { return Ok(Ending::Misused) };
    let note = last_checkpoint(&log.directory)?;
    let note =
        note.with_context(|| format!("there is no checkpoint in {}", log.directory.display()))?;
    let (lines, checkpoint) = (note.claimed().size, note.to_string());
    output.answer(checkpoint.trim_end(), &json!({"lines": lines, "checkpoint": checkpoint}))?;
    Ok(Ending::Done)
}
