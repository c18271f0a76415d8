//! `stockade explain`: what would be decided, by which binding, and why.

pub(super) mod answer;
mod caller;
mod circumstances;
pub(super) mod obligations;
pub(super) mod question;
pub(super) mod recorded;

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context;
use serde_json::json;
use stockade_core::{ModelName, Operation};

use self::answer::Answer;
use self::caller::CallerFacts;
use self::circumstances::Circumstances;
use self::question::Question;
use super::{Ending, Output, check};
use stockade_control::generation::Generation;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The configuration.
    #[arg(long, short, default_value = "stockade.yaml")]
    config: PathBuf,
    /// The caller: a user of the configuration, or with `--proof jwt`, `--group` or `--attribute`
    /// one whom only an issuer knows.
    #[arg(long, required_unless_present = "record")]
    user: Option<String>,
    /// The operation: chat, generate, embed, show, list, pull, …
    #[arg(long, required_unless_present = "record")]
    operation: Option<Operation>,
    /// The model.
    #[arg(long, value_parser = ModelName::parse)]
    model: Option<ModelName>,
    #[command(flatten)]
    caller: CallerFacts,
    #[command(flatten)]
    circumstances: Circumstances,
    /// Judge a request again that stands in this log of JSON lines; `-` for standard input.
    #[arg(long, conflicts_with_all = ["user", "operation", "model", "Circumstances"])]
    record: Option<PathBuf>,
    /// The request of the log, by its id; needed where there are several.
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
        Some(record) => record.question(&generation, arguments.caller.attributes()),
        None => hypothetical(arguments, &generation),
    };
    let question = asked.with_context(|| arguments.config.display().to_string())?;
    let answer = Answer::from(question.decide(&generation));
    let mut text = answer.text(&question);
    let mut value = answer.value();
    let quotas = question.quotas(&generation);
    value["quotas"] = json!(quotas);
    if answer.result.is_ok() && !quotas.is_empty() {
        let _ = write!(text, "\n  as long as there is room in the quotas {}", quotas.join(", "));
    }
    if let Some(record) = &record {
        text = format!("{}\n{text}", record.text(answer.result.is_ok()));
        value["recorded"] = record.value();
    }
    output.answer(text, &value)?;
    if let Some(inputs) = question.unsupposed(&generation) {
        let note = format!("note: policies look at {inputs}, of which nothing is supposed here");
        output.note(&note)?;
    }
    if question.may_pull() {
        let note = "note: this assumes that the new model is built on one that is installed; if \
                    not, a pull of that is judged, too";
        output.note(note)?;
    }
    Ok(if answer.result.is_ok() { Ending::Done } else { Ending::Negative })
}

fn hypothetical(arguments: &Arguments, generation: &Generation) -> anyhow::Result<Question> {
    let (Some(user), Some(operation)) = (&arguments.user, arguments.operation) else {
        anyhow::bail!("name `--user` and `--operation`, or a `--record`");
    };
    let circumstances = &arguments.circumstances;
    let principal = generation.authenticator.suppose(&arguments.caller.caller(user)?)?;
    let listener = circumstances.listener(generation)?;
    let client = circumstances.client(listener, principal.proof);
    let mut question = Question::new(generation, principal, operation, arguments.model.as_ref());
    let input = &mut question.input;
    input.request.dialect = circumstances.dialect();
    input.request.parameters = circumstances.parameters();
    input.client = client;
    input.listener = listener.and_then(|listener| listener.name.as_deref()).map(str::to_owned);
    input.time = circumstances.local_time(generation)?;
    Ok(question)
}
