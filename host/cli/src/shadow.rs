//! `stockade shadow`: a whole configuration beside the live one, without an effect.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use http::Method;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use stockade_admin::{AskError, PutShadow, SHADOW, order};
use stockade_control::shadow_generation::{CandidateStatus, ShadowStatus};

use super::replay::{Written, shown};
use super::usage::state_directory;
use super::{ConfigFile, Ending, Output};

/// The longest time in which a candidate may be compiled.
const PATIENCE: Duration = Duration::from_mins(5);
/// Letters of a digest that are shown.
const SHORT: usize = 12;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The candidate, to put beside the live configuration; without it, the report is printed.
    #[arg(conflicts_with = "off")]
    candidate: Option<PathBuf>,
    /// Take the candidate away.
    #[arg(long)]
    off: bool,
    #[command(flatten)]
    file: ConfigFile,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Ending> {
    let Some((directory, config)) = state_directory(&arguments.file.config, output)? else {
        return Ok(Ending::Misused);
    };
    match (&arguments.candidate, arguments.off) {
        (Some(candidate), _) => put(&directory, candidate, output),
        (None, true) => {
            let removed = sent(&directory, (Method::DELETE, SHADOW), &Value::Null)?;
            let was_there = removed["removed"] == true;
            let text = if was_there { "the candidate is gone" } else { "there was no candidate" };
            output.answer(text, &removed)?;
            Ok(Ending::Done)
        }
        (None, false) => report(&directory, &config.time_zone, output),
    }
}

fn put(directory: &Path, candidate: &Path, output: &Output) -> anyhow::Result<Ending> {
    let absolute = candidate.canonicalize();
    let config = absolute.with_context(|| format!("cannot read {}", candidate.display()))?;
    let wanted = json!(PutShadow { config });
    let status = match order_of(directory, (Method::PUT, SHADOW), &wanted) {
        Err(AskError::Refused(errors)) => {
            let text = format!("{} does not load:\n{}", candidate.display(), errors.join("\n"));
            output.answer(text, &json!({ "ok": false, "errors": errors }))?;
            return Ok(Ending::Negative);
        }
        status => status.context("nothing is put beside the live configuration")?,
    };
    let text = format!(
        "{} judges requests after their answers; `stockade shadow` tells what it would change",
        candidate.display()
    );
    output.answer(text, &status)?;
    Ok(Ending::Done)
}

fn report(directory: &Path, zone: &TimeZone, output: &Output) -> anyhow::Result<Ending> {
    let value = sent(directory, (Method::GET, SHADOW), &Value::Null)?;
    let status: ShadowStatus = serde_json::from_value(value.clone())?;
    match (&status.candidate, &status.failed) {
        (Some(candidate), _) => {
            output.answer(text(candidate, zone), &value)?;
            let refuses = candidate.report.refusals > 0;
            Ok(if refuses { Ending::Negative } else { Ending::Done })
        }
        (None, Some((path, errors))) => {
            bail!("{} does not load:\n{}", path.display(), errors.join("\n"))
        }
        (None, None) => bail!(
            "there is no candidate: name one in the configuration (`shadow: {{ config: next.yaml }}`) \
             or here (`stockade shadow next.yaml`)"
        ),
    }
}

fn text(candidate: &CandidateStatus, zone: &TimeZone) -> String {
    let short = |digest: &str| digest.get(..SHORT).unwrap_or(digest).to_owned();
    let mut text = format!(
        "{} ({}) beside generation {} ({}), since {}",
        candidate.config.display(),
        short(&candidate.digest),
        candidate.generation,
        short(&candidate.generation_digest),
        shown(candidate.since, zone),
    );
    // Writing to a String cannot fail.
    if candidate.dropped > 0 {
        let _ = write!(text, "\nnot judged, because it was behind: {}", candidate.dropped);
    }
    if candidate.failed > 0 {
        let _ = write!(text, "\nnot judged, because judging failed: {}", candidate.failed);
    }
    for error in candidate.rejected.iter().flatten() {
        let _ = write!(text, "\nits files do not load as they are now: {error}");
    }
    let _ = write!(text, "\n{}", Written { report: &candidate.report, zone });
    text
}

/// Orders something of the gateway that runs with a state directory.
fn sent(directory: &Path, what: (Method, &str), body: &Value) -> anyhow::Result<Value> {
    Ok(order_of(directory, what, body)?)
}

/// The same, with the gateway's refusal told apart.
pub(super) fn order_of(
    directory: &Path,
    what: (Method, &str),
    body: &Value,
) -> Result<Value, AskError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| AskError::Refused(vec![error.to_string()]))?;
    runtime.block_on(order(directory, what, body, PATIENCE))
}
