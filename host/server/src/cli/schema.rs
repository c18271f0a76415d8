//! `stockade schema`: the configuration's JSON Schema, for editors.

use stockade_engine::{Engine, EngineConfig};

use super::{Ending, Output};
use crate::builtin::settings_schemas;
use crate::config::json_schema;

/// It is JSON for people and programs alike.
pub(super) fn run(output: &Output) -> anyhow::Result<Ending> {
    let engine = Engine::new(EngineConfig::default())?;
    let schema = json_schema(&settings_schemas(&engine)?);
    output.answer(format_args!("{schema:#}"), &schema)?;
    Ok(Ending::Done)
}
