//! `stockade schema`: JSON Schemas for editors.

use stockade_engine::{Engine, EngineConfig};

use super::{Ending, Output};
use stockade_config::{json_schema, policy_tests_json_schema};
use stockade_control::shipped::settings_schemas;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The file that the schema is of.
    #[arg(value_enum, default_value_t = File::Configuration)]
    file: File,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum File {
    /// stockade.yaml and what it includes.
    Configuration,
    /// tests.yaml of a policy, for `stockade policy test`.
    PolicyTests,
}

/// It is JSON for people and programs alike.
pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Ending> {
    let schema = match arguments.file {
        File::Configuration => {
            let engine = Engine::new(EngineConfig::default())?;
            json_schema(&settings_schemas(&engine)?)
        }
        File::PolicyTests => policy_tests_json_schema(),
    };
    output.answer(format_args!("{schema:#}"), &schema)?;
    Ok(Ending::Done)
}
