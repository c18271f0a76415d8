//! The requests, and the status that the configuration promises for each.
//!
//! Nothing here can do harm where a promise is broken: what must be denied either reads
//! only, or names a model that is nowhere.

use serde_json::json;
use stockade_authn::SupposedCaller;
use stockade_core::{Denial, DenialCause, ModelName, Operation, ProofKind};

use super::ask::Question;
use super::caller::{Caller, decision};
use super::upstream::{Model, Upstream};
use stockade_control::generation::Generation;

/// The credential of a step's request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    None,
    Wrong,
    Right,
}

/// The thing besides the configuration that the result of a step depends on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum DependsOn {
    Nothing,
    Models,
    Machine,
}

/// One request.
pub(super) struct Step {
    pub(super) what: String,
    pub(super) question: Question,
    pub(super) proof: Proof,
    pub(super) promised: u16,
    pub(super) depends_on: DependsOn,
}

/// A model that no registry has.
const NOWHERE: &str = "stockade-doctor/nowhere:latest";

/// Everything to ask, in order.
pub(super) fn steps(
    generation: &Generation,
    caller: Option<&Caller>,
    upstream: &Upstream,
    run: Option<&ModelName>,
) -> Vec<Step> {
    let mut steps = strangers(generation);
    let Some(caller) = caller else {
        return steps;
    };
    let may = |operation, model: Option<&ModelName>| caller.decision(generation, operation, model);
    let promised = status(&may(Operation::List, None));
    steps.push(Step {
        depends_on: DependsOn::Models,
        promised,
        ..list("the list of models, with a key".to_owned(), Proof::Right)
    });
    let mut names = upstream.models.iter().filter_map(|model| ModelName::parse(&model.name).ok());
    if let Some(name) = names.find(|name| may(Operation::Show, Some(name)).is_ok()) {
        steps.push(Step {
            promised: 200,
            ..on_model(&format!("{name}, which is allowed"), Operation::Show, &name)
        });
    }
    let denied = refusals(&upstream.models)
        .find(|(_, operation, name)| status(&may(*operation, Some(name))) == 403);
    if let Some((what, operation, name)) = denied {
        steps.push(Step { promised: 403, ..on_model(&what, operation, &name) });
    }
    steps.extend(run.map(|name| Step {
        promised: status(&may(Operation::Generate, Some(name))),
        depends_on: DependsOn::Machine,
        ..on_model(&format!("one run of {name}"), Operation::Generate, name)
    }));
    steps
}

/// Returns requests that may be denied without harm: reading about the models that are there, then
/// what could be done with one that is nowhere.
pub(super) fn refusals(models: &[Model]) -> impl Iterator<Item = (String, Operation, ModelName)> {
    let there = models.iter().filter_map(|model| ModelName::parse(&model.name).ok());
    let shown = there.map(|name| (format!("{name}, which is denied"), Operation::Show, name));
    let nowhere = [Operation::Show, Operation::Delete].into_iter().filter_map(|operation| {
        let what = format!("{operation} of a model that is nowhere, which is denied");
        ModelName::parse(NOWHERE).ok().map(|name| (what, operation, name))
    });
    shown.collect::<Vec<_>>().into_iter().chain(nowhere)
}

/// Returns the steps of callers without a good credential.
fn strangers(generation: &Generation) -> Vec<Step> {
    let nobody = match &generation.config.authentication.anonymous {
        None => list("without a key".to_owned(), Proof::None),
        Some(user) => {
            let asked = (Operation::List, None);
            let proof = Some(ProofKind::Anonymous);
            let caller = SupposedCaller { proof, ..SupposedCaller::new(user.clone()) };
            let may = decision(generation, &caller, asked);
            let what = format!("without a key, as the anonymous user {user}");
            Step { promised: status(&may), ..list(what, Proof::None) }
        }
    };
    vec![nobody, list("with a wrong key".to_owned(), Proof::Wrong)]
}

fn list(what: String, proof: Proof) -> Step {
    let question = Question::get("/api/tags");
    Step { what, question, proof, promised: 401, depends_on: DependsOn::Nothing }
}

fn on_model(what: &str, operation: Operation, name: &ModelName) -> Step {
    let model = name.to_string();
    let question = match operation {
        Operation::Delete => {
            let question = Question::post("/api/delete", json!({ "model": model }));
            Question { method: http::Method::DELETE, ..question }
        }
        Operation::Generate => Question::post(
            "/api/generate",
            json!({ "model": model, "prompt": "Say hello.", "stream": false }),
        ),
        _ => Question::post("/api/show", json!({ "model": model })),
    };
    Step {
        what: what.to_owned(),
        question,
        proof: Proof::Right,
        promised: 403,
        depends_on: DependsOn::Nothing,
    }
}

const fn status(decision: &Result<(), Denial>) -> u16 {
    match decision {
        Ok(()) => 200,
        Err(Denial { cause: DenialCause::PolicyFailure | DenialCause::Conflict, .. }) => 500,
        Err(_) => 403,
    }
}
