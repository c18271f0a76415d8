//! `stockade check`: would this configuration be taken?

use std::path::Path;

use serde_json::json;
use stockade_core::{Clock as _, SystemClock};
use stockade_engine::{Engine, EngineConfig};

use super::compile::compiler;
use super::{ConfigFile, Ending, Output};
use stockade_config::{self as config, ConfigErrors, StartupConfig};
use stockade_control::generation::{self, Generation};

/// Loads a configuration as `serve` does.
pub(super) fn load(path: &Path) -> anyhow::Result<Result<Generation, ConfigErrors>> {
    let engine = Engine::new(EngineConfig::compiling(compiler()?))?;
    let reading = config::read(path, stockade_control::shipped::NAMES);
    Ok(generation::candidate(1, reading, &engine, &SystemClock))
}

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    /// End with 1 if there are warnings.
    #[arg(long)]
    strict: bool,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Ending> {
    let path = arguments.file.config.as_path();
    let generation = match load(path)? {
        Ok(generation) => generation,
        Err(errors) => {
            output.config_errors(&errors)?;
            return Ok(Ending::Negative);
        }
    };
    let config = &generation.config;
    let mut warnings = config.warnings();
    let now = SystemClock.now();
    warnings.extend(config.endings(now));
    warnings.extend(config.expired_keys(now));
    if !warnings.is_empty() {
        output.note(config::render_all(&warnings, Output::color()))?;
    }
    if config.state_directory.as_deref().is_some_and(stockade_admin::is_running) {
        output.note(format_args!(
            "note: a gateway runs with this state_directory; changes of {} take effect when it is \
             started again, all others at once",
            StartupConfig::KEYS.join(", ")
        ))?;
    }
    let (users, policies) = (config.users.len(), config.policies.len());
    let (bindings, tests) = (config.bindings.len(), config.tests.len());
    output.answer(
        format_args!(
            "{} is good: {users} users, {policies} policies, {bindings} bindings, {tests} tests passed",
            path.display()
        ),
        &json!({
            "ok": true, "users": users, "policies": policies, "bindings": bindings, "tests": tests,
            "warnings": warnings, "fixed_at_start": StartupConfig::KEYS,
        }),
    )?;
    let refused = arguments.strict && !warnings.is_empty();
    Ok(if refused { Ending::Negative } else { Ending::Done })
}
