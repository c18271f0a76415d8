//! The fourth step: whether the quotas have room for a request.

use stockade_authn::Identity;
use stockade_control::generation::Applying;
use stockade_core::{
    AccessClass, Limit, LimitedParameter, ModelName, ModelRole, Obligations, Operation, Parameters,
    Presence, Priority, Subject as _, UnixTime,
};
use stockade_ollama::CanonicalRequest;
use stockade_usage::turn::{Class, TurnRequest};
use stockade_usage::{Admission, Estimate, Wanted};

use crate::context::Context;
use crate::decide::consequences::Permitted;
use crate::record::Record;
use crate::refused::Refused;

/// A request that the quotas have room for.
pub(crate) struct Admitted {
    pub(crate) admission: Admission,
    /// The time of it.
    pub(crate) at: UnixTime,
    /// About as many tokens as the prompt has.
    pub(crate) prompt: u64,
    /// The most tokens that the answer may have: 0 where there are none.
    pub(crate) longest: u64,
    /// True if the answer is asked for as a stream.
    pub(crate) streams: bool,
    /// True if it keeps Ollama's GPU busy.
    pub(crate) runs_here: bool,
    terms: Terms,
}

/// The terms on which a request is forwarded.
#[derive(Default)]
pub(crate) struct Terms {
    /// The accounts in which it counts.
    pub(crate) applying: Applying,
    /// The turn that it needs, where it keeps Ollama busy.
    pub(crate) turn: Option<TurnRequest>,
    /// The most tokens of the answer, where the request has to be changed for that.
    pub(crate) output_limit: Option<u64>,
    /// The most bytes that it may pull.
    pub(crate) pull_cap: Option<u64>,
}

impl Admitted {
    /// Hands what is held over to the record, which charges it once, however the request ends.
    pub(crate) fn kept_by(mut self, record: &mut Record) -> Terms {
        let terms = std::mem::take(&mut self.terms);
        record.admitted(self);
        terms
    }
}

/// Admits a permitted request to all quotas that it counts in, or to none.
///
/// # Errors
/// The refusal, with the time from which it would be admitted.
pub(crate) async fn admit(
    context: &Context<'_>,
    permitted: &Permitted,
    caller: &Identity,
) -> Result<Admitted, Refused> {
    let generation = context.generation;
    let request = &permitted.permit.request().request;
    let obligations = permitted.permit.obligations();
    let operation = request.operation();
    let applying = generation.applying(&caller.principal, operation, request.models());
    let (quotas, now) = (generation.quotas(), context.now());
    let runs = operation.access() == AccessClass::Inference;
    let model = request.models().iter().find(|model| model.role == ModelRole::Use);
    let local = model.filter(|model| runs && !context.catalogue.is_cloud(&model.name));
    let asked = output(operation, request.parameters(), obligations);
    let mut estimate = Estimate { output: asked, ..Estimate::default() };
    if !applying.is_empty() {
        estimate.input = if runs { request.prompt_bound() } else { 0 };
        estimate.gpu_ms = local.map(|_| 0);
        estimate.pulled = pulled(context, request);
    }
    let admission = quotas.admit_shared(&applying, &estimate, now).await;
    let admission = admission.map_err(|refused| {
        let states = quotas.states(&applying, now);
        Refused::not_admitted(&refused, &states, (request.dialect(), quotas.calendar().zone(), now))
    })?;
    let turn = local.map(|model| TurnRequest {
        user: caller.principal.user.clone(),
        model: model.name.clone(),
        class: class(obligations.priority, admission.is_last()),
    });
    let is_longer = |cap: &u64| match asked {
        Wanted::Unsaid => true,
        Wanted::AtMost(most) => most > *cap,
        Wanted::Nothing | Wanted::Exactly(_) => false,
    };
    let longest = match asked {
        Wanted::Nothing => 0,
        _ => admission.output_cap().unwrap_or(u64::MAX),
    };
    let output_limit = admission.output_cap().filter(is_longer);
    let pull_cap = admission.pull_cap().filter(|_| estimate.pulled == Wanted::Unsaid);
    let prompt = if runs { request.prompt_guess() } else { 0 };
    let streams = request.parameters().streaming;
    let runs_here = turn.is_some();
    let terms = Terms { applying, turn, output_limit, pull_cap };
    Ok(Admitted { admission, at: now, prompt, longest, streams, runs_here, terms })
}

/// Returns the tokens of the answer that a request asks for, after what policies limit them to.
fn output(operation: Operation, parameters: &Parameters, obligations: &Obligations) -> Wanted {
    match operation {
        Operation::Chat | Operation::Generate => {}
        Operation::Transcribe => return Wanted::Unsaid,
        _ => return Wanted::Nothing,
    }
    let is_output = |limit: &&Limit| limit.parameter == LimitedParameter::Output;
    let limit = obligations.limits.iter().find(is_output);
    // Negative numbers mean that there is no end.
    let asked = parameters.output.filter(|tokens| *tokens >= 0);
    let limited = match (asked, limit) {
        (Some(asked), Some(limit)) => Some(limit.nearest(asked)),
        (Some(asked), None) => Some(asked),
        (None, Some(limit)) => match parameters.output {
            Some(_) => limit.maximum,
            None => limit.inserted(),
        },
        (None, None) => None,
    };
    let tokens = limited.and_then(|tokens| u64::try_from(tokens).ok());
    tokens.map_or(Wanted::Unsaid, Wanted::AtMost)
}

/// Returns the bytes that a request makes Ollama fetch: nobody knows how many.
fn pulled(context: &Context<'_>, request: &CanonicalRequest) -> Wanted {
    let is_missing =
        |base: &ModelName| !matches!(context.catalogue.find(base), Presence::Installed(..));
    let pulls = request.operation() == Operation::Pull || request.base().is_some_and(is_missing);
    if pulls { Wanted::Unsaid } else { Wanted::Nothing }
}

const fn class(priority: Option<Priority>, is_last: bool) -> Class {
    match (priority, is_last) {
        (Some(Priority::Low), _) | (_, true) => Class::Last,
        (Some(Priority::High), false) => Class::First,
        (Some(Priority::Normal) | None, false) => Class::Normal,
    }
}

/// Adds the most tokens that an answer may have to what has to be done to its request.
///
/// # Errors
/// Where a policy demands more.
pub(crate) fn limit_output(obligations: &mut Obligations, most: u64) -> Result<(), Refused> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let limit = Limit { insert: Some(most), ..Limit::at_most(LimitedParameter::Output, most) };
    obligations.add_limit(limit).map_err(|conflict| Refused::no_room_for_policy(&conflict))
}
