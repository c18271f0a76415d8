//! `stockade policy inspect`: what a module is and asks for, without believing its author.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Context;
use serde_json::{Value, json};
use stockade_engine::{Engine, EngineConfig, Meter, Metered, ModuleSource};

use super::subject::{Asked, Subject};
use crate::{Ending, Output};
use stockade_config::policy_tests::Cases;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    subject: Subject,
}

/// The cost of a test case.
struct Cost {
    name: String,
    /// `Err` says why it has none.
    instructions: Result<u64, String>,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Ending> {
    let cases = arguments.subject.cases()?;
    let module = arguments.subject.module()?;
    let engine = Engine::new(EngineConfig::default())?;
    let policy = engine
        .prepare(&module, &[], engine.config().default_limits())
        .context("the policy does not load")?;
    let costs = match &cases {
        Some(cases) => costs(&engine, &module, cases)?,
        None => Vec::new(),
    };
    let metadata = policy.metadata();
    let inputs: Vec<&str> = metadata.inputs.words().collect();
    // A schema that is not JSON is shown as the policy wrote it.
    let schema: Value = serde_json::from_str(&metadata.settings_schema)
        .unwrap_or_else(|_| metadata.settings_schema.clone().into());
    let digest = policy.digest().to_string();
    let mut text = String::new();
    writeln!(text, "name      {} {}", metadata.name, metadata.version)?;
    writeln!(text, "contract  stockade:policy@{}", policy.contract())?;
    writeln!(text, "size      {} bytes", module.len())?;
    writeln!(text, "digest    {digest}")?;
    writeln!(text, "imports   {}", listed(policy.imports()))?;
    writeln!(text, "inputs    {}", listed(&inputs))?;
    write!(text, "settings  {schema:#}{}", table(&costs))?;
    let value = json!({
        "name": metadata.name, "version": metadata.version,
        "contract": policy.contract(), "bytes": module.len(), "digest": digest,
        "imports": policy.imports(), "inputs": inputs, "settings_schema": schema,
        "tests": costs.iter().map(Cost::value).collect::<Vec<_>>(),
    });
    output.answer(text, &value)?;
    Ok(Ending::Done)
}

fn listed<S: AsRef<str>>(names: &[S]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn costs(engine: &Engine, module: &ModuleSource, cases: &Cases) -> anyhow::Result<Vec<Cost>> {
    let meter = Meter::new(module, engine.config().default_limits())?;
    let mut asked = Asked::new(engine, module);
    let mut metered: BTreeMap<&str, Metered> = BTreeMap::new();
    let mut costs = Vec::new();
    for case in &cases.list {
        let settings = case.settings.as_str();
        let instructions = if asked.accepting(case)?.is_some() {
            if !metered.contains_key(settings) {
                metered.insert(settings, meter.metered(settings)?);
            }
            let counted = metered[settings].instructions(&case.facts.input());
            counted.map_err(|failure| failure.to_string())
        } else {
            Err("its settings are not accepted".to_owned())
        };
        costs.push(Cost { name: case.name.clone(), instructions });
    }
    Ok(costs)
}

impl Cost {
    fn value(&self) -> Value {
        let (instructions, without) = match &self.instructions {
            Ok(count) => (Some(count), None),
            Err(reason) => (None, Some(reason)),
        };
        json!({ "name": self.name, "instructions": instructions, "uncounted": without })
    }
}

fn table(costs: &[Cost]) -> String {
    let mut text = String::new();
    if !costs.is_empty() {
        text.push_str("\ninstructions of one decision, for each test");
    }
    for Cost { name, instructions } in costs {
        // Writing to a String cannot fail.
        let _ = match instructions {
            Ok(count) => write!(text, "\n{count:>9}  {name}"),
            Err(reason) => write!(text, "\n        -  {name}: {reason}"),
        };
    }
    text
}
