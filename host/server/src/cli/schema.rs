//! `stockade schema`: the configuration's JSON Schema, for editors.

use super::{Ending, Output};
use crate::config::json_schema;

/// It is JSON for people and programs alike.
pub(super) fn run(output: &Output) -> anyhow::Result<Ending> {
    let schema = json_schema();
    output.answer(format_args!("{schema:#}"), &schema)?;
    Ok(Ending::Done)
}
