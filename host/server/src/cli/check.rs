//! `stockade check`: would this configuration be taken?

use std::path::Path;

use serde_json::json;
use stockade_core::SystemClock;
use stockade_engine::{Engine, EngineConfig};

use super::{Ending, Output};
use crate::config::{self, ConfigErrors};
use crate::generation::{self, Generation};

/// Load a configuration as `serve` does.
pub(super) fn load(path: &Path) -> anyhow::Result<Result<Generation, ConfigErrors>> {
    let engine = Engine::new(EngineConfig::default())?;
    let loaded = config::load(path, crate::builtin::NAMES);
    Ok(loaded.and_then(|loaded| generation::build(1, loaded.config, &engine, &SystemClock)))
}

pub(super) fn run(path: &Path, output: &Output) -> anyhow::Result<Ending> {
    let generation = match load(path)? {
        Ok(generation) => generation,
        Err(errors) => {
            output.config_errors(&errors)?;
            return Ok(Ending::Negative);
        }
    };
    let config = &generation.config;
    let (users, policies) = (config.users.len(), config.policies.len());
    let (bindings, tests) = (config.bindings.len(), config.tests.len());
    output.answer(
        format_args!(
            "{} is good: {users} users, {policies} policies, {bindings} bindings, {tests} tests passed",
            path.display()
        ),
        &json!({
            "ok": true, "users": users, "policies": policies, "bindings": bindings, "tests": tests,
        }),
    )?;
    Ok(Ending::Done)
}
