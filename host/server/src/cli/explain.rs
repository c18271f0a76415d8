//! `stockade explain`: what would be decided, by which binding, and why.

mod circumstances;
pub(super) mod obligations;
pub(super) mod question;
mod recorded;

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context;
use serde_json::{Value, json};
use stockade_core::{Denial, ModelName, Obligations, Operation, Opinion};

use self::circumstances::Circumstances;
use self::question::Question;
use super::{Ending, Output, check};
use crate::generation::Generation;
use crate::shadow::Said;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The configuration.
    #[arg(long, short, default_value = "stockade.yaml")]
    config: PathBuf,
    /// Who asks.
    #[arg(long, required_unless_present = "record")]
    user: Option<String>,
    /// What for: chat, generate, embed, show, list, pull, …
    #[arg(long, required_unless_present = "record")]
    operation: Option<Operation>,
    /// On which model.
    #[arg(long, value_parser = ModelName::parse)]
    model: Option<ModelName>,
    #[command(flatten)]
    circumstances: Circumstances,
    /// Judge a request again that stands in this log of JSON lines; `-` for standard input.
    #[arg(long, conflicts_with_all = ["user", "operation", "model", "Circumstances"])]
    record: Option<PathBuf>,
    /// Which request of the log, by its id; needed where there are several.
    #[arg(long, requires = "record")]
    request: Option<String>,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Ending> {
    let record = match &arguments.record {
        Some(file) => Some(recorded::find(file, arguments.request.as_deref())?),
        None => None,
    };
    let generation = match check::load(&arguments.config)? {
        Ok(generation) => generation,
        Err(errors) => {
            output.config_errors(&errors)?;
            return Ok(Ending::Misused);
        }
    };
    let asked = match &record {
        Some(record) => record.question(&generation),
        None => hypothetical(arguments, &generation),
    };
    let question = asked.with_context(|| arguments.config.display().to_string())?;
    let (opinions, decision) = question.decide(&generation);
    let mut text = text(&question, &opinions, &decision);
    let mut value = value(&opinions, &decision);
    if let Some(record) = &record {
        text = format!("{}\n{text}", record.text(decision.is_ok()));
        value["recorded"] = record.value();
    }
    output.answer(text, &value)?;
    if question.misses_body(&generation) {
        output.note("note: a policy looks at bodies, and this was judged without one")?;
    }
    Ok(if decision.is_ok() { Ending::Done } else { Ending::Negative })
}

fn hypothetical(arguments: &Arguments, generation: &Generation) -> anyhow::Result<Question> {
    let (Some(user), Some(operation)) = (&arguments.user, arguments.operation) else {
        anyhow::bail!("name `--user` and `--operation`, or a `--record`");
    };
    let circumstances = &arguments.circumstances;
    let question = Question::new(generation, user, operation, arguments.model.as_ref())?;
    Ok(Question {
        dialect: circumstances.dialect(),
        parameters: circumstances.parameters(),
        client: circumstances.client(),
        time: circumstances.local_time(generation),
        ..question
    })
}

fn text(
    question: &Question,
    opinions: &[Opinion],
    decision: &Result<Obligations, Denial>,
) -> String {
    let mut text = String::new();
    let word = if decision.is_ok() { "ALLOW" } else { "DENY" };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{word}: {question}");
    if let Err(denial) = decision {
        let _ = writeln!(text, "  {}", denial.reason);
    }
    for obligation in decision.iter().flat_map(obligations::lines) {
        let _ = writeln!(text, "  {obligation}");
    }
    for opinion in opinions {
        let mode = if opinion.enforced { "" } else { " (shadow)" };
        let (said, reason) = Said::of(&opinion.outcome);
        let (said, binding, policy) = (said.as_str(), &opinion.binding, &opinion.policy);
        let _ = write!(text, "  {said}{mode}  binding {binding}  policy {policy}");
        let _ = writeln!(text, "{}", reason.map(|r| format!(": {r}")).unwrap_or_default());
    }
    text.truncate(text.trim_end().len());
    text
}

fn value(opinions: &[Opinion], decision: &Result<Obligations, Denial>) -> Value {
    let opinion = |opinion: &Opinion| {
        let (said, reason) = Said::of(&opinion.outcome);
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
