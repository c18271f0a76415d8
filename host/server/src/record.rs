//! What is known of a request when it has ended. Log lines are made of it.
//!
//! The fields, their order and their words are the format of the log: `docs/reference/record.md`
//! lists them, and a test holds both together.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};
use stockade_core::{
    BindingName, CredentialId, DenialCause, GroupName, ModelName, ModelRef, Obligations, Operation,
    PolicyName, ProofKind, UserId,
};

use crate::facts::Facts;
use crate::shadow::Remark;

/// The number of the format. A field or word that is taken away or comes to mean something
/// else makes it a new one; fields and words may be added.
pub(crate) const SCHEMA: u32 = 1;
/// The target of the event that tells of a request.
pub(crate) const TARGET: &str = "stockade::request";
/// The event's only field, which holds the record as JSON.
pub(crate) const FIELD: &str = "record";

/// One request. What does not apply is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RequestRecord<'a> {
    pub(crate) schema: u32,
    pub(crate) request: Cow<'a, str>,
    pub(crate) generation: u64,
    pub(crate) peer: SocketAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) method: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<Cow<'a, str>>,
    #[serde(flatten)]
    pub(crate) caller: Caller<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) operation: Option<Operation>,
    #[serde(default, skip_serializing_if = "is_empty")]
    pub(crate) models: Cow<'a, [ModelRef]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) judged: Option<Cow<'a, Facts>>,
    #[serde(flatten)]
    pub(crate) decided: Decided<'a>,
    #[serde(default, skip_serializing_if = "is_empty")]
    pub(crate) shadow: Cow<'a, [Remark]>,
    pub(crate) outcome: RequestOutcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<Cow<'a, str>>,
    #[serde(flatten)]
    pub(crate) answered: Answered,
}

/// Who called, where that was proven.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Caller<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<Cow<'a, UserId>>,
    /// Whose credential it was, where that is somebody who speaks for the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) front_end: Option<Cow<'a, UserId>>,
    #[serde(default, skip_serializing_if = "is_empty")]
    pub(crate) groups: Cow<'a, [GroupName]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) proof: Option<ProofKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) credential: Option<Cow<'a, CredentialId>>,
    /// What the operator wrote about the credential.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub(crate) credential_labels: Cow<'a, [(String, String)]>,
}

/// What was decided, whatever became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Decided<'a> {
    pub(crate) decision: Decision,
    /// Why it was refused, as a class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<Cause>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Cow<'a, str>>,
    /// The binding that refused, if it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) binding: Option<Cow<'a, BindingName>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<Cow<'a, PolicyName>>,
    #[serde(default, skip_serializing_if = "is_empty")]
    pub(crate) allowed_by: Cow<'a, [BindingName]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) obligations: Option<Cow<'a, Obligations>>,
    /// Which model was forwarded, where it is another than was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) forwarded_model: Option<Cow<'a, ModelName>>,
    /// Which field was not forwarded, because the caller may not do what it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) left_out: Option<Cow<'a, str>>,
}

/// What the caller got, and what it cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answered {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    pub(crate) bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prompt_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) output_tokens: Option<u64>,
    /// Nanoseconds, as Ollama tells them; so are the next three.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) total_duration: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) load_duration: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prompt_eval_duration: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) eval_duration: Option<u64>,
    /// From the request's head to the end of the answer.
    pub(crate) microseconds: u64,
}

/// A decision, as a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Decision {
    /// There was nothing to decide, or the caller left before.
    #[default]
    None,
    Permit,
    Refuse,
}

/// The class of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Cause {
    /// No valid proof of identity.
    Unproven,
    /// Too many of them before.
    Throttled,
    /// A web page of somebody else makes the caller's browser ask.
    ForeignPage,
    /// The credential is good, but not for this.
    OutOfScope,
    /// The request itself.
    BadRequest,
    /// A policy demands what cannot be done to this request.
    ObligationUnmet,
    /// Nothing can be recorded at the moment.
    Unrecorded,
    /// All that the gateway already does.
    Overload,
    /// The policies.
    #[serde(untagged)]
    Policy(DenialCause),
}

impl Cause {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Unproven => "unproven",
            Self::Throttled => "throttled",
            Self::ForeignPage => "foreign-page",
            Self::OutOfScope => "out-of-scope",
            Self::BadRequest => "bad-request",
            Self::ObligationUnmet => "obligation-unmet",
            Self::Unrecorded => "unrecorded",
            Self::Overload => "overload",
            Self::Policy(DenialCause::NoBinding) => "no-binding",
            Self::Policy(DenialCause::NotAllowed) => "not-allowed",
            Self::Policy(DenialCause::Denied) => "denied",
            Self::Policy(DenialCause::PolicyFailure) => "policy-failure",
            Self::Policy(DenialCause::Conflict) => "conflict",
        }
    }
}

/// What became of a request, whatever was decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RequestOutcome {
    /// Nothing else was recorded: the caller went away.
    #[default]
    CallerLeft,
    /// The answer was complete.
    Complete,
    /// The gateway's refusal was the answer.
    Refused,
    /// Ollama gave no answer that can be passed on.
    UpstreamFailed,
    /// Ollama's answer broke off.
    UpstreamBroke,
    /// What the caller sent broke off, or was not what it said.
    BodyFailed,
    /// The caller's credential was revoked meanwhile.
    Revoked,
}

impl RequestOutcome {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::CallerLeft => "caller-left",
            Self::Complete => "complete",
            Self::Refused => "refused",
            Self::UpstreamFailed => "upstream-failed",
            Self::UpstreamBroke => "upstream-broke",
            Self::BodyFailed => "body-failed",
            Self::Revoked => "revoked",
        }
    }
}

#[expect(clippy::ptr_arg, reason = "serde gives a reference to the field")]
fn is_empty<T: Clone>(list: &Cow<'_, [T]>) -> bool {
    list.is_empty()
}

impl RequestRecord<'_> {
    /// Writes the line.
    pub(crate) fn log(&self) {
        // It has no maps with keys that are no text, and nothing else can fail.
        let text = serde_json::to_string(self).unwrap_or_default();
        tracing::info!(target: TARGET, record = text.as_str());
    }
}

/// Whether anybody would see a record.
pub(crate) fn is_logged() -> bool {
    tracing::enabled!(target: TARGET, tracing::Level::INFO)
}

#[cfg(test)]
mod tests;
