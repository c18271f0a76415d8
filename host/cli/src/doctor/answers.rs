//! The answers, beside those that were promised.

use std::time::Duration;

use http::uri::Authority;
use serde::Serialize;
use serde_json::Value;
use stockade_authn::KeyText;
use stockade_core::Secret;

use super::ask::{PATIENCE, Reply, ask};
use super::caller::Caller;
use super::steps::{DependsOn, Proof, Step};

/// One request with its answer.
#[derive(Serialize)]
pub(super) struct Answer {
    pub(super) what: String,
    method: String,
    path: &'static str,
    body: Option<Value>,
    pub(super) promised: u16,
    /// Nothing, where there was no answer.
    pub(super) observed: Option<u16>,
    /// The text of the answer, or the reason why there is none.
    pub(super) summary: Option<String>,
    pub(super) ok: bool,
    /// The things that the result depends on besides the configuration.
    pub(super) depends_on: Vec<&'static str>,
    /// Ollama's measurements of the run of a model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) measured: Option<Value>,
}

/// Asks a gateway everything.
pub(super) async fn collect(
    gateway: &Authority,
    steps: Vec<Step>,
    caller: Option<&Caller>,
    of_a_run: Duration,
) -> Vec<Answer> {
    let wrong = Secret::new(KeyText::generate().expose().to_owned());
    let mut answers = Vec::new();
    for step in steps {
        let key = match step.proof {
            Proof::None => None,
            Proof::Wrong => Some(&wrong),
            Proof::Right => caller.map(|caller| &caller.key),
        };
        let runs = step.depends_on == DependsOn::Machine;
        let patience = if runs { of_a_run } else { PATIENCE };
        let reply = ask(gateway, &step.question, key, patience).await;
        answers.push(Answer::new(step, reply));
    }
    answers
}

impl Answer {
    fn new(step: Step, reply: anyhow::Result<Reply>) -> Self {
        let Step { what, question, proof, promised, depends_on } = step;
        let (observed, summary, measured) = match reply {
            Ok(reply) => {
                let json = reply.json();
                let measured = Some(&json).filter(|_| depends_on == DependsOn::Machine);
                (Some(reply.status.as_u16()), summary(&json), measured.and_then(self::measured))
            }
            Err(error) => (None, Some(format!("no answer: {error:#}")), None),
        };
        // Whoever has failed too often is told to wait: that is no less of a refusal.
        let held = proof == Proof::Wrong && observed == Some(429);
        Self {
            what,
            method: question.method.to_string(),
            path: question.path,
            body: question.body,
            promised,
            observed,
            summary,
            ok: held || observed == Some(promised),
            depends_on: depends_on.words(),
            measured,
        }
    }
}

impl DependsOn {
    fn words(self) -> Vec<&'static str> {
        match self {
            Self::Nothing => vec![],
            Self::Models => vec!["the models that Ollama has"],
            Self::Machine => vec!["model size", "CPU/GPU backend", "available memory"],
        }
    }
}

/// The part of an answer that is worth a line.
fn summary(answer: &Value) -> Option<String> {
    if let Some(error) = answer["error"].as_str() {
        return Some(error.to_owned());
    }
    let models = answer["models"].as_array()?;
    let names = models.iter().filter_map(|model| model["name"].as_str());
    let names: Vec<&str> = names.take(8).collect();
    let more = if models.len() > names.len() { ", …" } else { "" };
    Some(format!("{}: {}{more}", models.len(), names.join(", ")))
}

/// Ollama's own durations of a run, in nanoseconds, and its counts.
fn measured(answer: &Value) -> Option<Value> {
    answer["eval_count"].as_u64()?;
    let fields = ["load_duration", "prompt_eval_count", "eval_count", "eval_duration"];
    let fields = fields.map(|field| (field.to_owned(), answer[field].clone()));
    Some(Value::Object(fields.into_iter().collect()))
}
