//! `stockade explain`: what would be decided, by which binding, and why.

mod circumstances;
mod obligations;

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use serde_json::{Value, json};
use stockade_core::{
    Denial, ModelName, ModelRef, ModelRole, Obligations, Operation, Opinion, Outcome, Permit,
    Verdict, combine,
};

use self::circumstances::Circumstances;
use super::{Ending, Output, check};
use crate::generation::{Generation, Hypothetical};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The configuration.
    #[arg(long, short, default_value = "stockade.yaml")]
    config: PathBuf,
    /// Who asks.
    #[arg(long)]
    user: String,
    /// What for: chat, generate, embed, show, list, pull, …
    #[arg(long)]
    operation: Operation,
    /// On which model.
    #[arg(long, value_parser = ModelName::parse)]
    model: Option<ModelName>,
    #[command(flatten)]
    circumstances: Circumstances,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Ending> {
    let generation = match check::load(&arguments.config)? {
        Ok(generation) => generation,
        Err(errors) => {
            output.config_errors(&errors)?;
            return Ok(Ending::Misused);
        }
    };
    let (opinions, decision) = decide(&generation, arguments)?;
    output.answer(text(arguments, &opinions, &decision), &value(&opinions, &decision))?;
    Ok(if decision.is_ok() { Ending::Done } else { Ending::Negative })
}

type Decision<'a> = Result<Permit<Hypothetical<'a>>, Denial>;

fn decide(
    generation: &Generation,
    arguments: &Arguments,
) -> anyhow::Result<(Vec<Opinion>, Result<Obligations, Denial>)> {
    let principal = generation
        .authenticator
        .principal_of(&arguments.user)
        .ok_or_else(|| anyhow!("there is no enabled user {:?}", arguments.user))
        .with_context(|| arguments.config.display().to_string())?;
    let role = ModelRole::of(arguments.operation);
    let models: Vec<ModelRef> =
        arguments.model.iter().map(|name| ModelRef { name: name.clone(), role }).collect();
    let circumstances = &arguments.circumstances;
    let asked = Hypothetical {
        principal: &principal,
        operation: arguments.operation,
        models: &models,
        dialect: circumstances.dialect(),
    };
    let parameters = circumstances.parameters();
    let time = circumstances.local_time(generation);
    let input = asked.input(&parameters, circumstances.client(), time);
    let opinions = generation.opinions_blocking(&input);
    let decision: Decision<'_> = combine(asked, &opinions);
    Ok((opinions, decision.map(|permit| permit.into_parts().1)))
}

fn text(
    arguments: &Arguments,
    opinions: &[Opinion],
    decision: &Result<Obligations, Denial>,
) -> String {
    let mut text = String::new();
    let model = arguments.model.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
    let word = if decision.is_ok() { "ALLOW" } else { "DENY" };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{word}: {} {}{model}", arguments.user, arguments.operation);
    if let Err(denial) = decision {
        let _ = writeln!(text, "  {}", denial.reason);
    }
    for obligation in decision.iter().flat_map(obligations::lines) {
        let _ = writeln!(text, "  {obligation}");
    }
    for opinion in opinions {
        let mode = if opinion.enforced { "" } else { " (shadow)" };
        let (said, reason) = outcome(&opinion.outcome);
        let _ =
            write!(text, "  {said}{mode}  binding {}  policy {}", opinion.binding, opinion.policy);
        let _ = writeln!(text, "{}", reason.map(|r| format!(": {r}")).unwrap_or_default());
    }
    text.truncate(text.trim_end().len());
    text
}

fn outcome(outcome: &Outcome) -> (&'static str, Option<&str>) {
    match outcome {
        Outcome::Verdict(Verdict::Allow(_)) => ("allow", None),
        Outcome::Verdict(Verdict::Deny(reason)) => ("deny", Some(reason)),
        Outcome::Verdict(Verdict::Abstain) => ("abstain", None),
        Outcome::Failure(failure) => ("failure", Some(failure)),
    }
}

fn value(opinions: &[Opinion], decision: &Result<Obligations, Denial>) -> Value {
    let opinion = |opinion: &Opinion| {
        let (said, reason) = outcome(&opinion.outcome);
        json!({
            "binding": opinion.binding, "policy": opinion.policy,
            "mode": if opinion.enforced { "enforce" } else { "shadow" },
            "outcome": said, "reason": reason,
        })
    };
    let denial = decision.as_ref().err();
    json!({
        "allowed": denial.is_none(),
        "cause": denial.map(|denial| denial.cause),
        "reason": denial.map(|denial| &denial.reason),
        "obligations": decision.as_ref().ok().map(obligations::value),
        "bindings": opinions.iter().map(opinion).collect::<Vec<_>>(),
    })
}
