//! Requests as their log lines tell of them.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use serde_json::{Value, json};
use stockade_core::BindingName;

use super::obligations;
use super::question::Question;
use stockade_control::generation::{Generation, NotJudgeable};
use stockade_core::record::{Cause, Decision, RecordedInput, RequestRecord, SCHEMA};
use stockade_engine::Inputs;

/// The gateway's record of one request.
pub(crate) struct Record(RequestRecord<'static>);

/// The one request of a log, or the one with an id. Lines that tell of something else are
/// passed over.
pub(super) fn find(path: &Path, id: Option<&str>) -> anyhow::Result<Record> {
    let name =
        if path == Path::new("-") { "standard input".into() } else { path.display().to_string() };
    let lines: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(path).with_context(|| format!("cannot read {name}"))?))
    };
    let mut found: Option<Record> = None;
    for line in lines.lines() {
        let line = line.with_context(|| format!("cannot read {name}"))?;
        let Some(request) = request_of(&line) else {
            continue;
        };
        match id {
            Some(id) if request != id => continue,
            None if found.is_some() => {
                bail!("{name} tells of several requests; name one: `--request {request}`")
            }
            _ => {}
        }
        let record = serde_json::from_str(&line).with_context(|| {
            format!("the record of {request} was not written by this version, which reads schema {SCHEMA}")
        })?;
        if id.is_some() {
            return Ok(Record(record));
        }
        found = Some(Record(record));
    }
    found.ok_or_else(|| match id {
        Some(id) => anyhow!("{name} tells nothing of the request {id:?}"),
        None => {
            anyhow!("{name} tells of no request; logs are read as JSON (`log: {{ format: json }}`)")
        }
    })
}

/// Returns the inputs that a record does not hold.
fn unknown(facts: &RecordedInput) -> Inputs {
    let missing = |is_missing: bool, input| if is_missing { input } else { Inputs::NONE };
    Inputs::BODY
        .and(Inputs::TEXTS)
        .and(missing(facts.catalogue.is_none(), Inputs::CATALOGUE))
        .and(missing(facts.tools_left_out > 0, Inputs::TOOLS))
        .and(missing(facts.usage.is_none(), Inputs::USAGE))
}

/// The id of the request that a line tells of, if it is the record of one.
fn request_of(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    line.get("decision")?;
    Some(line.get("request")?.as_str()?.to_owned())
}

impl Record {
    pub(crate) const fn new(record: RequestRecord<'static>) -> Self {
        Self(record)
    }

    /// The same request, to be judged by another configuration.
    /// `attributes` are told of the caller's JWT besides the recorded ones.
    pub(crate) fn question(
        &self,
        generation: &Generation,
        attributes: &[(String, String)],
    ) -> anyhow::Result<Question> {
        let record = &self.0;
        let why = || {
            let word = record.decided.cause.map_or("none", Cause::as_str);
            let reason = record.decided.reason.as_deref().unwrap_or("it needs no decision");
            format!("no policy was asked about {}: {word}: {reason}", record.request)
        };
        let facts = record.decision_input.as_deref().with_context(why)?;
        if facts.digests_left_out > 0 {
            bail!("{} names more digests than are recorded", record.request);
        }
        let input = match generation.recorded(record, attributes) {
            Err(NotJudgeable::Undecided) => return Err(anyhow!(why())),
            recorded => recorded?,
        };
        Ok(Question { input, unknown: unknown(facts) })
    }

    /// Tells whether it was permitted.
    pub(crate) fn is_allowed(&self) -> bool {
        self.0.decided.decision == Decision::Permit
    }

    /// Tells what was decided then, what became of it, and whether the decision is the same now.
    pub(super) fn text(&self, allowed: bool) -> String {
        let record = &self.0;
        let decided = &record.decided;
        let word = if self.is_allowed() { "ALLOW" } else { "DENY" };
        let mut text =
            format!("recorded: {word} by generation {}: {}", record.generation, record.request);
        // Writing to a String cannot fail.
        let _ = write!(text, ", {}", record.outcome.as_str());
        if let Some(status) = record.answered.status {
            let _ = write!(text, " with status {status}");
        }
        if let Some(error) = &record.error {
            let _ = write!(text, "\n  it failed: {error}");
        }
        if !decided.allowed_by.is_empty() {
            let names: Vec<_> = decided.allowed_by.iter().map(BindingName::as_str).collect();
            let _ = write!(text, "\n  allowed by {}", names.join(", "));
        }
        for obligation in decided.obligations.iter().flat_map(|all| obligations::lines(all)) {
            let _ = write!(text, "\n  {obligation}");
        }
        if let (Some(cause), Some(reason)) = (decided.cause, &decided.reason) {
            let _ = write!(text, "\n  {}: {reason}", cause.as_str());
        }
        if let (Some(binding), Some(policy)) = (&decided.binding, &decided.policy) {
            let _ = write!(text, "\n  binding {binding}  policy {policy}");
        }
        let now = if self.is_allowed() == allowed { "the same" } else { "another" };
        let _ = write!(text, "\nwith this configuration the answer is {now}:");
        text
    }

    pub(super) fn value(&self) -> Value {
        json!(self.0)
    }
}
