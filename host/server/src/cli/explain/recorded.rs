//! Requests as their log lines tell of them.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use serde::Deserialize;
use serde_json::{Value, json};
use stockade_core::{CredentialId, Operation};

use super::question::Question;
use crate::facts::Facts;
use crate::generation::Generation;

/// What the gateway wrote about one request; what did not apply is missing.
#[derive(Deserialize)]
pub(super) struct Record {
    request: String,
    generation: u64,
    user: Option<String>,
    credential: Option<String>,
    operation: Option<String>,
    judged: Option<String>,
    decision: String,
    allowed_by: Option<String>,
    reason: Option<String>,
    binding: Option<String>,
    policy: Option<String>,
    status: Option<u16>,
}

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
        let Ok(record) = serde_json::from_str::<Record>(&line) else {
            continue;
        };
        match id {
            Some(id) if record.request != id => {}
            Some(_) => return Ok(record),
            None if found.is_some() => {
                bail!("{name} tells of several requests; name one: `--request {}`", record.request)
            }
            None => found = Some(record),
        }
    }
    found.ok_or_else(|| match id {
        Some(id) => anyhow!("{name} tells nothing of the request {id:?}"),
        None => {
            anyhow!("{name} tells of no request; logs are read as JSON (`log: {{ format: json }}`)")
        }
    })
}

impl Record {
    /// The same request, to be judged by another configuration.
    pub(super) fn question(&self, generation: &Generation) -> anyhow::Result<Question> {
        let why = || {
            let reason = self.reason.as_deref().unwrap_or("it needs no decision");
            format!("no policy was asked about {}: {}: {reason}", self.request, self.decision)
        };
        let user = self.user.as_deref().with_context(why)?;
        let operation = self.operation.as_deref().with_context(why)?;
        let operation: Operation = operation.parse().map_err(anyhow::Error::new)?;
        let facts: Facts = serde_json::from_str(self.judged.as_deref().with_context(why)?)
            .context("`judged` was not written by this version")?;
        let mut question = Question::new(generation, user, operation, None)?;
        question.principal.proof = facts.proof;
        question.principal.credential =
            self.credential.as_deref().map(CredentialId::new).transpose()?;
        let keys = &generation.config.api_keys;
        let key = keys.iter().find(|key| Some(key.id.as_str()) == self.credential.as_deref());
        Ok(Question {
            dialect: facts.api,
            client: facts.client(),
            time: generation.at(facts.time()),
            scope: key.map(|key| key.terms.scope.clone()).unwrap_or_default(),
            models: facts.models,
            parameters: facts.parameters,
            ..question
        })
    }

    fn allowed(&self) -> bool {
        self.decision == "permit"
    }

    /// What was decided then, and whether it is the same now.
    pub(super) fn text(&self, allowed: bool) -> String {
        let word = if self.allowed() { "ALLOW" } else { "DENY" };
        let mut text =
            format!("recorded: {word} by generation {}: {}", self.generation, self.request);
        // Writing to a String cannot fail.
        if let Some(status) = self.status {
            let _ = write!(text, ", status {status}");
        }
        if let Some(bindings) = &self.allowed_by {
            let _ = write!(text, "\n  allowed by {bindings}");
        }
        if let Some(reason) = &self.reason {
            let _ = write!(text, "\n  {}: {reason}", self.decision);
        }
        if let (Some(binding), Some(policy)) = (&self.binding, &self.policy) {
            let _ = write!(text, "\n  binding {binding}  policy {policy}");
        }
        let now = if self.allowed() == allowed { "the same" } else { "another" };
        let _ = write!(text, "\nwith this configuration the answer is {now}:");
        text
    }

    pub(super) fn value(&self) -> Value {
        json!({
            "request": self.request, "generation": self.generation, "status": self.status,
            "allowed": self.allowed(), "decision": self.decision, "reason": self.reason,
            "binding": self.binding, "policy": self.policy, "allowed_by": self.allowed_by,
        })
    }
}
