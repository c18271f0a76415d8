//! One line in the log for each request, whatever happened to it.

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use stockade_authn::{ClientIp, Identity};
use stockade_core::{
    BindingName, Causes, Excerpt, MASK, ModelName, ModelRef, Obligations, Operation, Permit,
    PolicyName, mask_keys,
};
use stockade_ollama::response::TokenUsage;
use stockade_ollama::shown_path;

use crate::connection::info::PeerAddr;
use crate::forward::answer::BrokenAnswer;
use crate::refused::{Ground, Refused};
use stockade_config::WhenStuck;
use stockade_core::record::{
    Answered, Caller, Cause, Decided, Decision, Facts, RequestOutcome, RequestRecord, SCHEMA,
    ShadowVerdict,
};
use stockade_log as log;

/// Longer names of methods are cut, in bytes.
const LONGEST_METHOD: usize = 20;

/// A request's name in logs and error answers: `req_` and 24 hex digits. Unique across
/// restarts, because the first half is drawn anew by each process.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestId {
    process: u64,
    number: u64,
}

/// Begins the records of requests, and knows whether they get to where they belong.
pub(crate) struct Recorder {
    process: u64,
    next: AtomicU64,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        let process = u64::from_be_bytes(stockade_core::random::bytes()) >> 16;
        Self { process, next: AtomicU64::new(1) }
    }

    /// Begins the record of a request that a generation judges.
    pub(crate) fn begin(&self, generation: u64, peer: PeerAddr) -> Box<Record> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        Record::begin(RequestId { process: self.process, number }, generation, peer)
    }

    /// Makes sure that what is forwarded leaves a trace.
    ///
    /// # Errors
    /// Refuses what would not, where the configuration says so.
    #[expect(clippy::unused_self, reason = "where the lines go is a matter of the process")]
    pub(crate) fn reserve(&self, when_stuck: WhenStuck) -> Result<(), Refused> {
        match when_stuck {
            WhenStuck::Refuse if log::is_stuck() => Err(Refused::unrecorded()),
            WhenStuck::Refuse | WhenStuck::Drop => Ok(()),
        }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "req_{:012x}{:012x}", self.process, self.number)
    }
}

/// The reason of a refusal, with the binding and policy that refused.
struct Reason {
    cause: Cause,
    message: String,
    binding: Option<BindingName>,
    policy: Option<PolicyName>,
}

/// The bindings that permitted a request, and their terms.
struct Permission {
    by: Vec<BindingName>,
    obligations: Obligations,
    replaced_by: Option<ModelName>,
}

/// The facts about a request. A record writes its line when it is dropped, so that no path through
/// the proxy, and no caller who hangs up, can leave without one.
pub(crate) struct Record {
    pub(crate) id: RequestId,
    pub(crate) generation: u64,
    started: Instant,
    peer: PeerAddr,
    client: Option<ClientIp>,
    method: Option<Method>,
    path: Option<Cow<'static, str>>,
    caller: Option<Identity>,
    operation: Option<Operation>,
    models: Vec<ModelRef>,
    facts: Option<Facts>,
    permission: Option<Permission>,
    refused: Option<Reason>,
    /// A field that is not forwarded, because of what it would do.
    left_out: Option<&'static str>,
    shadow: Vec<ShadowVerdict>,
    status: Option<StatusCode>,
    bytes: u64,
    tokens: TokenUsage,
    outcome: RequestOutcome,
    /// The cause of a failure, for the operator.
    error: Option<String>,
}

impl Record {
    /// The record of a request of which nothing else is known. Boxed, because it goes through
    /// many hands and each would make room for it.
    fn begin(id: RequestId, generation: u64, peer: PeerAddr) -> Box<Self> {
        Box::new(Self {
            id,
            generation,
            started: Instant::now(),
            peer,
            client: None,
            method: None,
            path: None,
            caller: None,
            operation: None,
            models: Vec::new(),
            facts: None,
            permission: None,
            refused: None,
            left_out: None,
            shadow: Vec::new(),
            status: None,
            bytes: 0,
            tokens: TokenUsage::default(),
            outcome: RequestOutcome::CallerLeft,
            error: None,
        })
    }

    /// Notes what the head asks for, as far as that was understood. Of the path only what is no key
    /// is kept.
    pub(crate) fn asked(&mut self, method: Option<Method>, path: Option<&str>) {
        self.method = method;
        self.path = path.map(shown_path);
    }

    /// Notes where the request came from, proxies taken into account.
    pub(crate) fn came_from(&mut self, client: ClientIp) {
        self.client = Some(client);
    }

    /// Returns the caller, if known.
    pub(crate) const fn caller(&self) -> Option<&Identity> {
        self.caller.as_ref()
    }

    pub(crate) fn identified(&mut self, caller: &Identity) {
        self.caller = Some(caller.clone());
    }

    pub(crate) fn classified(&mut self, operation: Operation, models: &[ModelRef]) {
        self.operation = Some(operation);
        self.models = models.to_vec();
    }

    /// Policies are asked about it.
    pub(crate) fn judged(&mut self, facts: Facts) {
        self.facts = Some(facts);
    }

    pub(crate) fn shadowed(&mut self, verdicts: Vec<ShadowVerdict>) {
        self.shadow = verdicts;
    }

    /// A field is not forwarded, because of what it would do.
    pub(crate) fn left_out(&mut self, field: &'static str) {
        self.left_out = Some(field);
    }

    /// It may be forwarded, on these terms.
    pub(crate) fn permitted<R>(&mut self, permit: &Permit<R>) {
        let (by, obligations) = (permit.allowed_by().to_vec(), permit.obligations().clone());
        let replaced_by = permit.replaced_by().cloned();
        self.permission = Some(Permission { by, obligations, replaced_by });
    }

    /// It is answered by the gateway itself: it was refused, or failed after all.
    pub(crate) fn refused(&mut self, refused: &Refused) {
        match refused.ground() {
            Ground::Refusal(cause) => {
                self.refused = Some(Reason {
                    cause,
                    message: refused.logged().to_owned(),
                    binding: refused.binding.clone(),
                    policy: refused.policy.clone(),
                });
                self.outcome = RequestOutcome::Refused;
            }
            Ground::Failure(outcome) => {
                self.outcome = outcome;
                self.error = Some(refused.logged().to_owned());
            }
        }
    }

    pub(crate) fn answered(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    pub(crate) fn passed(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    pub(crate) fn used(&mut self, tokens: TokenUsage) {
        self.tokens = tokens;
    }

    pub(crate) fn completed(&mut self) {
        self.outcome = RequestOutcome::Complete;
    }

    pub(crate) fn broke_off(&mut self, error: &BrokenAnswer) {
        self.error = Some(Causes(error).to_string());
        if matches!(error, BrokenAnswer::Revoked) {
            self.outcome = RequestOutcome::Revoked;
            return;
        }
        self.outcome = RequestOutcome::UpstreamBroke;
        let error = error as &(dyn std::error::Error + 'static);
        tracing::warn!(request = %self.id, error, "an answer of Ollama broke off");
    }

    fn caller_told(&self) -> Caller<'_> {
        let Some(Identity { principal, terms, front_end, .. }) = &self.caller else {
            return Caller::default();
        };
        Caller {
            user: Some(Cow::Borrowed(&principal.user)),
            front_end: front_end.as_ref().map(|front_end| Cow::Borrowed(&front_end.user)),
            groups: Cow::Borrowed(&principal.groups),
            proof: Some(principal.proof),
            credential: principal.credential.as_ref().map(Cow::Borrowed),
            credential_labels: Cow::Borrowed(&terms.labels),
        }
    }

    fn decided(&self) -> Decided<'_> {
        let refused = self.refused.as_ref();
        let permission = self.permission.as_ref();
        let decision = match (refused, permission) {
            (Some(_), _) => Decision::Refuse,
            (None, Some(_)) => Decision::Permit,
            (None, None) => Decision::None,
        };
        let obligations = permission.map(|permission| &permission.obligations);
        let demanded = obligations.filter(|all| **all != Obligations::default());
        let replacement = permission.and_then(|permission| permission.replaced_by.as_ref());
        Decided {
            decision,
            cause: refused.map(|reason| reason.cause),
            reason: refused.map(|reason| mask_keys(&reason.message)),
            binding: refused.and_then(|reason| reason.binding.as_ref()).map(Cow::Borrowed),
            policy: refused.and_then(|reason| reason.policy.as_ref()).map(Cow::Borrowed),
            allowed_by: permission
                .map(|permission| permission.by.as_slice())
                .unwrap_or_default()
                .into(),
            obligations: demanded.map(Cow::Borrowed),
            forwarded_model: replacement
                .filter(|_| decision == Decision::Permit)
                .map(Cow::Borrowed),
            left_out: self.left_out.map(Cow::Borrowed),
        }
    }

    fn told(&self) -> RequestRecord<'_> {
        let client = self.client.filter(|client| *client != self.peer);
        RequestRecord {
            schema: SCHEMA,
            request: self.id.to_string().into(),
            generation: self.generation,
            peer: self.peer.0,
            client: client.map(ClientIp::address),
            method: self.method.as_ref().map(|method| shown_method(method)),
            path: self.path.as_deref().map(Cow::Borrowed),
            caller: self.caller_told(),
            operation: self.operation,
            models: shown_models(&self.models),
            judged: self.facts.as_ref().map(Cow::Borrowed),
            decided: self.decided(),
            shadow: Cow::Borrowed(&self.shadow),
            outcome: self.outcome,
            error: self.error.as_deref().map(mask_keys),
            answered: Answered {
                status: self.status.map(|status| status.as_u16()),
                bytes: self.bytes,
                prompt_tokens: self.tokens.prompt,
                output_tokens: self.tokens.output,
                total_duration: nanoseconds(self.tokens.total_duration),
                load_duration: nanoseconds(self.tokens.load_duration),
                prompt_eval_duration: nanoseconds(self.tokens.prompt_duration),
                eval_duration: nanoseconds(self.tokens.output_duration),
                microseconds: u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
            },
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if log::takes_requests() {
            log::request(&self.told());
        }
    }
}

/// Callers may invent methods, and write keys where they do not belong.
fn shown_method(method: &Method) -> Cow<'_, str> {
    match mask_keys(method.as_str()) {
        Cow::Borrowed(text) if text.len() <= LONGEST_METHOD => Cow::Borrowed(text),
        shown => Excerpt::of(&shown).to_string().into(),
    }
}

/// The models, without a key that was sent in the place of a name: letters x stand there.
fn shown_models(models: &[ModelRef]) -> Cow<'_, [ModelRef]> {
    let masked = |model: &ModelRef| match mask_keys(model.name.as_str()) {
        Cow::Borrowed(_) => None,
        Cow::Owned(masked) => ModelName::parse(&masked.replace(MASK, "x")).ok(),
    };
    if models.iter().all(|model| matches!(mask_keys(model.name.as_str()), Cow::Borrowed(_))) {
        return Cow::Borrowed(models);
    }
    let shown = |model: &ModelRef| ModelRef {
        name: masked(model).unwrap_or_else(|| model.name.clone()),
        role: model.role,
    };
    models.iter().map(shown).collect()
}

/// A duration in the unit in which Ollama tells it.
fn nanoseconds(duration: Option<Duration>) -> Option<u64> {
    u64::try_from(duration?.as_nanos()).ok()
}

#[cfg(test)]
mod tests {
    use stockade_core::ModelRole;

    use super::*;

    fn model(name: &str) -> ModelRef {
        ModelRef { name: ModelName::parse(name).unwrap(), role: ModelRole::Use }
    }

    #[test]
    fn a_key_in_the_place_of_a_model_is_not_told() {
        let key = "sk-local-0f3b9c55d1a24e7788aa00bb11cc22dd";
        let shown = shown_models(&[model("llama3.2:3b"), model(key)]).into_owned();
        assert_eq!(shown[0], model("llama3.2:3b"));
        assert_eq!(shown[1].name.model(), format!("sk-local-{}", "x".repeat(32)));
        assert!(matches!(shown_models(&[model("hf.co/a/b:q4_k_m")]), Cow::Borrowed(_)));
    }

    #[test]
    fn methods_are_told_as_far_as_they_are_short_and_no_key() {
        for (method, shown) in [("PATCH", "PATCH"), ("A0A1A2A3A4A5A6A7A8A9B0B1", "•")] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            assert!(shown_method(&method).starts_with(shown), "{method}");
        }
        let long = Method::from_bytes("K".repeat(4000).as_bytes()).unwrap();
        assert!(shown_method(&long).len() < 150);
    }
}
