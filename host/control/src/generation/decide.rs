//! The one way from a request to a decision: the scope of the credential, the verdicts of
//! the policies, their combination, and the same again for a model that replaces the one
//! asked for.
//!
//! The proxy, lists, `explain`, `doctor`, the configuration's own tests and benchmarks all
//! decide here, so that none of them can be more generous than the others.

use std::sync::Arc;

use stockade_authn::{OutOfScope, Scope};
use stockade_core::{
    Allowed, Applied, BindingVerdict, Catalogue, Change, Client, Content, Denial, DenialCause,
    Dialect, FieldRule, LocalTime, ModelName, ModelRef, Operation, Parameters, Permit, PolicyInput,
    Principal, Subject, ToolSelector, Usage, combine,
};
use stockade_engine::{Holds, Inputs};

use super::Generation;

/// A caller as a decision sees it: who, with which credential, from where and when.
#[derive(Clone, Copy)]
pub struct Asker<'a> {
    /// The caller.
    pub principal: &'a Principal,
    /// The scope of the credential that proves it.
    pub scope: &'a Scope,
    /// The labels of that credential.
    pub labels: &'a [(String, String)],
    /// The origin of the call.
    pub client: Client,
    /// The name of the listener, if it has one.
    pub listener: Option<&'a str>,
    /// The time, as the generation's zone shows it.
    pub time: LocalTime,
    /// The models that are installed, as far as that is known.
    pub catalogue: &'a Catalogue,
    /// The usage that is supposed; `None` for what the generation's accounts say.
    pub usage: Option<&'a Usage>,
}

/// A request that can be judged, and judged again with another model.
pub trait Judged: Subject {
    /// The API that it speaks.
    fn dialect(&self) -> Dialect;

    /// The facts of its body.
    fn parameters(&self) -> &Parameters;

    /// The canonical body, where there is one, for policies that asked to see it.
    fn body_text(&self) -> Option<String>;

    /// The texts and tools in the body, for policies that asked for them.
    fn content(&self) -> Content;

    /// Puts another model in the place of the one that it names, where there is one, and strips
    /// and inserts fields. Tells whether it is another request now.
    ///
    /// # Errors
    /// The reason why that cannot be done to this request, for the caller.
    fn change(&mut self, model: Option<&ModelName>, fields: &[FieldRule]) -> Result<bool, String>;
}

impl<'a> Asker<'a> {
    /// A caller that is only supposed: on this machine, with a credential without labels, where
    /// nobody knows which models are installed.
    pub const fn supposed(principal: &'a Principal, scope: &'a Scope, time: LocalTime) -> Self {
        let catalogue = Catalogue::UNKNOWN;
        Self {
            principal,
            scope,
            labels: &[],
            client: Client::LOCAL,
            listener: None,
            time,
            catalogue,
            usage: None,
        }
    }

    /// The facts of a request that policies are told.
    pub fn input(self, request: &'a impl Judged) -> PolicyInput<'a> {
        PolicyInput {
            principal: self.principal,
            operation: request.operation(),
            dialect: request.dialect(),
            models: request.models(),
            catalogue: self.catalogue,
            parameters: request.parameters(),
            content: None,
            labels: self.labels,
            client: self.client,
            listener: self.listener,
            time: self.time,
            usage: self.usage.copied().unwrap_or_default(),
            body: None,
        }
    }
}

/// The answer to a request, and what it is made of.
pub struct Decision<R> {
    /// The verdict of each binding, in the order of the configuration; nothing where the
    /// credential is not good for the request.
    pub verdicts: Arc<[BindingVerdict]>,
    /// The second judgement, where a policy changed the request.
    pub reconsidered: Option<Reconsidered>,
    /// The permit for the request as it is to be forwarded, or why there is none.
    pub result: Result<Permit<R>, Refusal>,
    /// The time for which an equal request has the same answer.
    pub holds: Holds,
}

/// The judgement about a request as a policy changed it.
pub struct Reconsidered {
    /// The model that replaces the one asked for, if one does.
    pub model: Option<ModelName>,
    /// The verdict of each binding about it; nothing where the credential is not good for it.
    pub verdicts: Arc<[BindingVerdict]>,
}

/// The reason why a request is not permitted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The credential is narrowed to other requests.
    #[error("{0}")]
    OutOfScope(#[from] OutOfScope),
    /// A policy replaces the model by one that the credential is not good for.
    #[error("a policy replaces the model by {0}: {1}")]
    ReplacementOutOfScope(ModelName, OutOfScope),
    /// A policy changes the request in a way that is not possible.
    #[error("{0}")]
    Unchangeable(String),
    /// The policies.
    #[error("{}", .0.reason)]
    Denied(Denial),
}

/// For whoever asks only by which rule, and shows the reason.
impl From<Refusal> for Denial {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Denied(denial) => denial,
            other => Self::overall(DenialCause::NotAllowed, other.to_string()),
        }
    }
}

impl<R> Decision<R> {
    fn refused(refusal: impl Into<Refusal>) -> Self {
        let result = Err(refusal.into());
        Self { verdicts: Arc::new([]), reconsidered: None, result, holds: Holds::Always }
    }
}

impl Generation {
    /// Decides about a request. A permitted request is always one that has been judged: if a
    /// policy changes it, the scope of the credential and all policies are asked about what it
    /// became.
    pub async fn decide<R: Judged>(&self, asker: Asker<'_>, request: R) -> Decision<R> {
        let scope = asker.scope;
        let digests = &request.parameters().digests;
        let scoped = scope.check_digests(request.operation(), digests);
        if let Err(outside) = scope.check(&request).and(scoped) {
            return Decision::refused(outside);
        }
        let (verdicts, holds) = self.verdicts_about(asker, &request).await;
        let change = match combine(request, &verdicts) {
            Ok(Allowed::Changed(change)) => change,
            Ok(Allowed::AsAsked(permit)) => {
                return Decision { verdicts, reconsidered: None, result: Ok(permit), holds };
            }
            Err(denial) => {
                let result = Err(Refusal::Denied(denial));
                return Decision { verdicts, reconsidered: None, result, holds };
            }
        };
        // Rare, and its future would make that of every request larger.
        let second = Box::pin(self.reconsider(asker, change)).await;
        Decision { verdicts, holds: holds.and(second.holds), ..second }
    }

    /// [`decide`](Self::decide) for callers without a runtime: waits by blocking.
    pub fn decide_blocking<R: Judged>(&self, asker: Asker<'_>, request: R) -> Decision<R> {
        pollster::block_on(self.decide(asker, request))
    }

    async fn reconsider<R: Judged>(&self, asker: Asker<'_>, change: Change<R>) -> Decision<R> {
        let model = change.model().cloned();
        let changed = match change.apply(R::change) {
            Ok(Applied::Changed(changed)) => changed,
            Ok(Applied::AsItWas(permit)) => {
                return Decision {
                    verdicts: Arc::new([]),
                    reconsidered: None,
                    result: Ok(permit),
                    holds: Holds::Always,
                };
            }
            Err(reason) => return Decision::refused(Refusal::Unchangeable(reason)),
        };
        if let Err(outside) = asker.scope.check(changed.request()) {
            return Decision::refused(match model {
                Some(model) => Refusal::ReplacementOutOfScope(model, outside),
                None => outside.into(),
            });
        }
        let (verdicts, holds) = self.verdicts_about(asker, changed.request()).await;
        let result = changed.combine(&verdicts).map_err(Refusal::Denied);
        let reconsidered = Some(Reconsidered { model, verdicts });
        Decision { verdicts: Arc::new([]), reconsidered, result, holds }
    }

    /// Returns the facts of a request that policies are told, with what its caller has used where
    /// a policy is told that.
    pub(super) fn input<'a>(&self, asker: Asker<'a>, request: &'a impl Judged) -> PolicyInput<'a> {
        let input = asker.input(request);
        if asker.usage.is_some() || !self.inputs().has(Inputs::USAGE) {
            return input;
        }
        let user = &asker.principal.user;
        let usage = self.quotas.usage((user, request.models()), asker.time.unix);
        PolicyInput { usage, ..input }
    }

    async fn verdicts_about(
        &self,
        asker: Asker<'_>,
        request: &impl Judged,
    ) -> (Arc<[BindingVerdict]>, Holds) {
        let input = self.input(asker, request);
        let inputs = self.inputs();
        if !inputs.has_any(CONTENT.and(Inputs::BODY)) {
            return self.verdicts(&input).await;
        }
        let body = inputs.has(Inputs::BODY).then(|| request.body_text()).flatten();
        let content = inputs.has_any(CONTENT).then(|| request.content());
        let input = PolicyInput { body: body.as_deref(), content: content.as_ref(), ..input };
        self.verdicts(&input).await
    }
}

/// The inputs for which the texts and tools of a body are read.
const CONTENT: Inputs = Inputs::TOOLS.and(Inputs::PROMPT).and(Inputs::TEXTS);

/// Tells whether a request makes a model of blobs, which it names by digest.
pub(super) fn is_made_of_blobs(operation: Operation, parameters: &Parameters) -> bool {
    operation == Operation::Create && !parameters.digests.is_empty()
}

/// A request that nobody sent: for `explain`, for the configuration's own tests, and for
/// asking whether a model may be listed.
#[derive(Clone, Debug)]
pub struct Hypothetical {
    /// The operation that it would ask for.
    pub operation: Operation,
    /// The models that it would name.
    pub models: Vec<ModelRef>,
    /// The API that it would speak.
    pub dialect: Dialect,
    /// The parameters in its body.
    pub parameters: Parameters,
    /// The texts and tools in its body.
    pub content: Content,
}

impl Subject for Hypothetical {
    fn operation(&self) -> Operation {
        self.operation
    }

    fn models(&self) -> &[ModelRef] {
        &self.models
    }
}

impl Hypothetical {
    /// Leaves out tools; tells whether there were any.
    fn strip_tools(&mut self, selector: &ToolSelector) -> bool {
        let stripped = match selector {
            ToolSelector::WebSearch => usize::from(std::mem::take(&mut self.parameters.web_search)),
            ToolSelector::Named(name) => {
                let before = self.content.tools.len();
                self.content.tools.retain(|tool| **tool != **name);
                before - self.content.tools.len()
            }
        };
        let count = u32::try_from(stripped).unwrap_or(u32::MAX);
        self.parameters.tools = self.parameters.tools.saturating_sub(count);
        stripped > 0
    }
}

impl Judged for Hypothetical {
    fn dialect(&self) -> Dialect {
        self.dialect
    }

    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn body_text(&self) -> Option<String> {
        None
    }

    fn content(&self) -> Content {
        self.content.clone()
    }

    /// There is no body whose fields could be changed. The facts about its tools change.
    fn change(&mut self, by: Option<&ModelName>, fields: &[FieldRule]) -> Result<bool, String> {
        let other_tools = fields.iter().fold(false, |other, rule| match rule {
            FieldRule::StripTools(selector) => self.strip_tools(selector) || other,
            _ => other,
        });
        let Some(by) = by else { return Ok(other_tools) };
        let [model] = &mut self.models[..] else {
            return Err(stockade_ollama::several_models(self.models.len()));
        };
        model.name = by.clone();
        Ok(true)
    }
}
