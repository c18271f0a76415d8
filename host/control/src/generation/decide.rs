//! The one way from a request to a decision: the scope of the credential, the verdicts of
//! the policies, their combination, and the same again for a model that replaces the one
//! asked for.
//!
//! The proxy, lists, `explain`, `doctor`, the configuration's own tests and benchmarks all
//! decide here, so that none of them can be more generous than the others.

use stockade_authn::{OutOfScope, Scope};
use stockade_core::{
    Allowed, BindingVerdict, Catalogue, Client, Denial, DenialCause, Dialect, LocalTime, ModelName,
    ModelRef, Operation, Parameters, Permit, PolicyInput, Principal, Replacement, Subject, Usage,
    combine,
};

use super::Generation;
use super::unmet::Unusual;

/// A caller as a decision sees it: who, with which credential, from where and when.
#[derive(Clone, Copy)]
pub struct Asker<'a> {
    /// The caller.
    pub principal: &'a Principal,
    /// The scope of the credential that proves it.
    pub scope: &'a Scope,
    /// The origin of the call.
    pub client: Client,
    /// The time, as the generation's zone shows it.
    pub time: LocalTime,
    /// The models that are installed, as far as that is known.
    pub catalogue: &'a Catalogue,
}

/// A request that can be judged, and judged again with another model.
pub trait Judged: Subject {
    /// The API that it speaks.
    fn dialect(&self) -> Dialect;

    /// The facts of its body.
    fn parameters(&self) -> &Parameters;

    /// The canonical body, where there is one, for policies that asked to see it.
    fn body_text(&self) -> Option<String>;

    /// Puts another model in the place of the one that it names.
    ///
    /// # Errors
    /// The reason why this request cannot name it, for the caller.
    fn replace_model(&mut self, by: &ModelName) -> Result<(), String>;
}

impl<'a> Asker<'a> {
    /// The facts of a request that policies are told.
    pub fn input(self, request: &'a impl Judged, body: Option<&'a str>) -> PolicyInput<'a> {
        PolicyInput {
            principal: self.principal,
            operation: request.operation(),
            dialect: request.dialect(),
            models: request.models(),
            catalogue: self.catalogue,
            clouds_hidden: false,
            parameters: request.parameters(),
            client: self.client,
            time: self.time,
            usage: Usage::default(),
            body,
        }
    }
}

/// The answer to a request, and what it is made of.
pub struct Decision<R> {
    /// The opinion of each binding, in the order of the configuration; nothing where the
    /// credential is not good for the request.
    pub verdicts: Vec<BindingVerdict>,
    /// The second judgement, where a policy replaced the model.
    pub reconsidered: Option<Reconsidered>,
    /// The permit for the request as it is to be forwarded, or why there is none.
    pub result: Result<Permit<R>, Refusal>,
}

/// The judgement about a model that replaces the one asked for.
pub struct Reconsidered {
    /// The model.
    pub model: ModelName,
    /// The opinion of each binding about it; nothing where the credential is not good for it.
    pub verdicts: Vec<BindingVerdict>,
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
    /// A policy replaces the model of a request that cannot name that one.
    #[error("{0}")]
    Irreplaceable(String),
    /// The policies.
    #[error("{}", .0.reason)]
    Denied(Denial),
}

/// For whoever asks only by which rule, and shows the reason.
impl From<Refusal> for Denial {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Denied(denial) => denial,
            other => {
                let (cause, reason) = (DenialCause::NotAllowed, other.to_string());
                Self { cause, reason, binding: None, policy: None }
            }
        }
    }
}

impl<R> Decision<R> {
    fn refused(refusal: impl Into<Refusal>) -> Self {
        Self { verdicts: Vec::new(), reconsidered: None, result: Err(refusal.into()) }
    }
}

impl Generation {
    /// Decides about a request. The model of a permitted request is always one that has
    /// been judged: if a policy replaces it, the scope of the credential and all policies
    /// are asked about the new one.
    ///
    /// A denial says which fact of the request nobody allows, where that is the reason.
    pub async fn decide<R: Judged>(&self, asker: Asker<'_>, request: R) -> Decision<R> {
        let unusual = Unusual::of(&request, asker.catalogue, self.wants_body());
        let mut decision = self.decide_tersely(asker, request).await;
        if let (Some(unusual), None, Err(Refusal::Denied(denial))) =
            (unusual, &decision.reconsidered, &mut decision.result)
        {
            // Rare, and its future would make that of every request larger.
            let missing = Box::pin(self.missing(denial, asker, &unusual)).await;
            if let Some(missing) = missing {
                denial.reason = format!("{}: {missing}", denial.reason);
            }
        }
        decision
    }

    /// Decides like [`decide`](Self::decide), for whoever shows nobody the reason.
    pub async fn decide_tersely<R: Judged>(&self, asker: Asker<'_>, request: R) -> Decision<R> {
        let scope = asker.scope;
        let digests = &request.parameters().digests;
        let scoped = scope.check_digests(request.operation(), digests);
        if let Err(outside) = scope.check(&request).and(scoped) {
            return Decision::refused(outside);
        }
        let verdicts = self.opinions_about(asker, &request).await;
        let made_of_blobs = is_made_of_blobs(request.operation(), request.parameters());
        let replacement = match combine(request, &verdicts) {
            Ok(Allowed::WithModel(replacement)) => replacement,
            Ok(Allowed::AsAsked(permit)) => {
                return Decision { verdicts, reconsidered: None, result: Ok(permit) };
            }
            Err(denial) => {
                let result = Err(Refusal::Denied(hinted(denial, made_of_blobs)));
                return Decision { verdicts, reconsidered: None, result };
            }
        };
        // Rare, and its future would make that of every request larger.
        let second = Box::pin(self.reconsider(asker, replacement)).await;
        Decision { verdicts, ..second }
    }

    /// [`decide`](Self::decide) for callers without a runtime: waits by blocking.
    pub fn decide_blocking<R: Judged>(&self, asker: Asker<'_>, request: R) -> Decision<R> {
        pollster::block_on(self.decide(asker, request))
    }

    async fn reconsider<R: Judged>(
        &self,
        asker: Asker<'_>,
        replacement: Replacement<R>,
    ) -> Decision<R> {
        let model = replacement.model().clone();
        let replaced = match replacement.apply(R::replace_model) {
            Ok(replaced) => replaced,
            Err(reason) => return Decision::refused(Refusal::Irreplaceable(reason)),
        };
        if let Err(outside) = asker.scope.check(replaced.request()) {
            return Decision::refused(Refusal::ReplacementOutOfScope(model, outside));
        }
        let verdicts = self.opinions_about(asker, replaced.request()).await;
        let result = replaced.combine(&verdicts).map_err(Refusal::Denied);
        let reconsidered = Some(Reconsidered { model, verdicts });
        Decision { verdicts: Vec::new(), reconsidered, result }
    }

    async fn opinions_about(&self, asker: Asker<'_>, request: &impl Judged) -> Vec<BindingVerdict> {
        let body = self.wants_body().then(|| request.body_text()).flatten();
        self.verdicts(&asker.input(request, body.as_deref())).await
    }
}

/// Tells whether a request makes a model of blobs, which it names by digest.
pub(super) fn is_made_of_blobs(operation: Operation, parameters: &Parameters) -> bool {
    operation == Operation::Create && !parameters.digests.is_empty()
}

/// Says why an allow may not have counted.
fn hinted(denial: Denial, made_of_blobs: bool) -> Denial {
    if !made_of_blobs || denial.cause != DenialCause::NotAllowed {
        return denial;
    }
    let hint = "for a model made of files only a policy that judges digests can do that";
    let reason = format!("{}; {hint}", denial.reason);
    Denial { reason, ..denial }
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
}

impl Subject for Hypothetical {
    fn operation(&self) -> Operation {
        self.operation
    }

    fn models(&self) -> &[ModelRef] {
        &self.models
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

    fn replace_model(&mut self, by: &ModelName) -> Result<(), String> {
        let [model] = &mut self.models[..] else {
            return Err(stockade_ollama::several_models(self.models.len()));
        };
        model.name = by.clone();
        Ok(())
    }
}
