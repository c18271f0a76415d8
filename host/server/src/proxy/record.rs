//! One line in the log for each request, whatever happened to it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use serde::Serialize;
use stockade_authn::{ClientIp, Identity};
use stockade_core::{BindingName, DenialCause, ModelRef, Operation, PolicyName};
use stockade_ollama::response::TokenUsage;

use tracing::field::DisplayValue;

use super::answer::BrokenAnswer;
use super::link::PeerAddr;
use super::refused::Refused;
use crate::facts::Facts;
use crate::shadow::Remark;

/// A request's name in logs and error answers: `req_` and 24 hex digits. Unique across
/// restarts, because the first half is drawn anew by each process.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestId {
    process: u64,
    number: u64,
}

/// Names requests.
pub(crate) struct RequestIds {
    process: u64,
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        let process = u64::from_be_bytes(stockade_core::random::bytes()) >> 16;
        Self { process, next: AtomicU64::new(1) }
    }

    pub(crate) fn next(&self) -> RequestId {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        RequestId { process: self.process, number }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "req_{:012x}{:012x}", self.process, self.number)
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// Nothing else was recorded: the caller went away.
    CallerLeft,
    /// The answer was complete.
    Complete,
    /// Ollama's answer broke off.
    UpstreamBroke,
    /// The caller's credential was revoked.
    Revoked,
}

/// Who decided.
enum Decision {
    /// The request did not get that far, or needs no decision.
    None,
    Permitted(Vec<BindingName>),
    Refused(Reason),
}

struct Reason {
    cause: &'static str,
    message: String,
    binding: Option<BindingName>,
    policy: Option<PolicyName>,
}

/// What is known of a request. It writes its line when it is dropped, so that no path
/// through the proxy, and no caller who hangs up, can leave without one.
pub(crate) struct Record {
    pub(crate) id: RequestId,
    pub(crate) generation: u64,
    started: Instant,
    peer: PeerAddr,
    client: Option<ClientIp>,
    method: Method,
    path: String,
    caller: Option<Identity>,
    operation: Option<Operation>,
    models: Vec<ModelRef>,
    facts: Option<Facts>,
    decision: Decision,
    shadow: Vec<Remark>,
    status: Option<StatusCode>,
    bytes: u64,
    tokens: TokenUsage,
    ending: Ending,
}

impl Record {
    /// `path` must not hold a credential. Boxed, because it goes through many hands and each
    /// would make room for it.
    pub(crate) fn begin(
        id: RequestId,
        generation: u64,
        peer: PeerAddr,
        method: Method,
        path: String,
    ) -> Box<Self> {
        Box::new(Self {
            id,
            generation,
            started: Instant::now(),
            peer,
            client: None,
            method,
            path,
            caller: None,
            operation: None,
            models: Vec::new(),
            facts: None,
            decision: Decision::None,
            shadow: Vec::new(),
            status: None,
            bytes: 0,
            tokens: TokenUsage::default(),
            ending: Ending::CallerLeft,
        })
    }

    /// Where it came from, proxies taken into account.
    pub(crate) fn came_from(&mut self, client: ClientIp) {
        self.client = Some(client);
    }

    /// Who called, if that is known.
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

    pub(crate) fn shadowed(&mut self, remarks: Vec<Remark>) {
        self.shadow = remarks;
    }

    pub(crate) fn permitted(&mut self, by: &[BindingName]) {
        self.decision = Decision::Permitted(by.to_vec());
    }

    pub(crate) fn refused(&mut self, refused: &Refused) {
        self.decision = Decision::Refused(Reason {
            cause: refused.cause(),
            message: refused.message.clone(),
            binding: refused.binding.clone(),
            policy: refused.policy.clone(),
        });
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
        self.ending = Ending::Complete;
    }

    pub(crate) fn broke_off(&mut self, error: &BrokenAnswer) {
        if matches!(error, BrokenAnswer::Revoked) {
            self.ending = Ending::Revoked;
            return;
        }
        self.ending = Ending::UpstreamBroke;
        let source = std::error::Error::source(error);
        tracing::warn!(request = %self.id, source, "{error}");
    }

    fn decision(&self) -> &'static str {
        match &self.decision {
            Decision::None => "none",
            Decision::Permitted(_) => "permit",
            Decision::Refused(reason) => reason.cause,
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let (permitted_by, reason) = match &self.decision {
            Decision::None => (None, None),
            Decision::Permitted(by) => (Some(by), None),
            Decision::Refused(reason) => (None, Some(reason)),
        };
        let principal = self.caller.as_ref().map(|caller| &caller.principal);
        let labels = self.caller.as_ref().map(|caller| caller.terms.labels.as_slice());
        let credential = principal.and_then(|p| p.credential.as_ref());
        tracing::info!(
            target: "stockade::request",
            request = %self.id,
            generation = self.generation,
            peer = %self.peer,
            client = self.client.filter(|client| *client != self.peer).map(tracing::field::display),
            method = %self.method,
            path = self.path,
            user = principal.map(|p| p.user.as_str()),
            proof = principal.map(|p| tracing::field::debug(p.proof)),
            credential = credential.map(stockade_core::CredentialId::as_str),
            labels = labels.filter(|labels| !labels.is_empty()).map(tracing::field::debug),
            operation = self.operation.map(Operation::as_str),
            models = (!self.models.is_empty()).then(|| tracing::field::display(Models(&self.models))),
            judged = self.facts.as_ref().map(json),
            decision = self.decision(),
            allowed_by = permitted_by.map(tracing::field::debug),
            reason = reason.map(|r| r.message.as_str()),
            binding = reason.and_then(|r| r.binding.as_ref()).map(BindingName::as_str),
            policy = reason.and_then(|r| r.policy.as_ref()).map(PolicyName::as_str),
            shadow = (!self.shadow.is_empty()).then(|| json(&self.shadow)),
            status = self.status.map(|status| status.as_u16()),
            bytes = self.bytes,
            prompt_tokens = self.tokens.prompt,
            output_tokens = self.tokens.output,
            total_duration = nanoseconds(self.tokens.total_duration),
            load_duration = nanoseconds(self.tokens.load_duration),
            prompt_eval_duration = nanoseconds(self.tokens.prompt_duration),
            eval_duration = nanoseconds(self.tokens.output_duration),
            ending = ?self.ending,
            microseconds = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
        );
    }
}

/// A value of several parts for one log field.
fn json(value: &impl Serialize) -> DisplayValue<String> {
    tracing::field::display(serde_json::to_string(value).unwrap_or_default())
}

/// A duration in the unit in which Ollama tells it.
fn nanoseconds(duration: Option<Duration>) -> Option<u64> {
    u64::try_from(duration?.as_nanos()).ok()
}

/// Model names with their roles, for one log field.
struct Models<'a>(&'a [ModelRef]);

impl fmt::Display for Models<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, model) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(f, "{separator}{:?}={}", model.role, model.name)?;
        }
        Ok(())
    }
}

/// The word for a denial's cause in logs.
pub(crate) const fn cause_word(cause: DenialCause) -> &'static str {
    match cause {
        DenialCause::NoBinding => "no-binding",
        DenialCause::NotAllowed => "not-allowed",
        DenialCause::Denied => "denied",
        DenialCause::PolicyFailure => "policy-failure",
        DenialCause::Conflict => "conflict",
    }
}
