//! The record of a request that has ended. Log lines are made of it.
//!
//! The fields, their order and their words are the format of the log: `docs/reference/record.md`
//! lists them, and a test holds both together.

mod admitted;
mod input;
mod shadow;
mod steps;

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::{
    BindingName, CredentialId, DenialCause, GroupName, ModelName, ModelRef, Obligations, Operation,
    PolicyName, ProofKind, UserId,
};
pub use admitted::{Admitted, Charged};
pub use input::{RecordedInput, RecordedModel};
pub use shadow::{ShadowVerdict, VerdictKind};
pub use steps::Steps;

/// The number of the format. A field or word that is taken away or comes to mean something
/// else makes it a new one; fields and words may be added.
pub const SCHEMA: u32 = 1;

/// One request. What does not apply is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRecord<'a> {
    /// The number of its format: [`SCHEMA`].
    pub schema: u32,
    /// The request's id, which is also in the answer's header.
    pub request: Cow<'a, str>,
    /// The number of the generation that judged it.
    pub generation: u64,
    /// Address and port at the other end of the connection.
    pub peer: SocketAddr,
    /// The caller's address, where a trusted proxy told another than the peer's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<IpAddr>,
    /// The method, as it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<Cow<'a, str>>,
    /// The pattern of the route, or what may be told of another path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<Cow<'a, str>>,
    /// The caller.
    #[serde(flatten)]
    pub caller: Caller<'a>,
    /// The operation that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// The models that it names.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub models: Cow<'a, [ModelRef]>,
    /// The other facts on which policies decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision_input: Option<Cow<'a, RecordedInput>>,
    /// The decision, with its grounds.
    #[serde(flatten)]
    pub decided: Decided<'a>,
    /// Its quotas, its turn, and what it was charged.
    #[serde(flatten)]
    pub admitted: Admitted<'a>,
    /// The verdicts of shadow bindings.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub shadow: Cow<'a, [ShadowVerdict]>,
    /// The outcome of the request.
    pub outcome: RequestOutcome,
    /// The error of a request that was permitted, with its causes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Cow<'a, str>>,
    /// The times at which its steps were done.
    #[serde(default, skip_serializing_if = "Steps::is_empty")]
    pub steps: Steps,
    /// The answer that the caller got.
    #[serde(flatten)]
    pub answered: Answered,
}

/// The caller, where it was proven.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller<'a> {
    /// The user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Cow<'a, UserId>>,
    /// The owner of the credential, where that is somebody who speaks for the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub front_end: Option<Cow<'a, UserId>>,
    /// The user's groups, those that a token gave included.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub groups: Cow<'a, [GroupName]>,
    /// The user's attributes, those that a token gave included.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub attributes: Cow<'a, [(String, String)]>,
    /// The kind of proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<ProofKind>,
    /// The name of the key, certificate or issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<Cow<'a, CredentialId>>,
    /// The labels that the operator wrote on the credential.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub credential_labels: Cow<'a, [(String, String)]>,
}

/// The decision, whatever the outcome of the request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided<'a> {
    /// The decision.
    pub decision: Decision,
    /// The reason for the refusal, as a class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The reason for the refusal, for the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'a, str>>,
    /// The binding that refused, if it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binding: Option<Cow<'a, BindingName>>,
    /// Its policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Cow<'a, PolicyName>>,
    /// The bindings that allowed it, also where it was refused or failed after that.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub allowed_by: Cow<'a, [BindingName]>,
    /// The obligations that policies demanded of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub obligations: Option<Cow<'a, Obligations>>,
    /// The model that was forwarded, where it is another than was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forwarded_model: Option<Cow<'a, ModelName>>,
    /// The field that was not forwarded, because the caller may not do what it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out: Option<Cow<'a, str>>,
}

/// The answer that the caller got, and its cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// The status of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Bytes of Ollama's answer, or of a token's, that were passed on.
    pub bytes: u64,
    /// Tokens of the prompt, as Ollama counted them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_tokens: Option<u64>,
    /// Tokens of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Nanoseconds, as Ollama tells them; so are the next three.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_duration: Option<u64>,
    /// Of these, for loading the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_duration: Option<u64>,
    /// For the prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_eval_duration: Option<u64>,
    /// For the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eval_duration: Option<u64>,
    /// From the request's head to the end of the answer.
    pub microseconds: u64,
}

/// A decision, as a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// There was nothing to decide, or the caller left before.
    #[default]
    None,
    /// It may be forwarded.
    Permit,
    /// It is not forwarded.
    Refuse,
}

/// The class of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
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
    /// A quota has no room for it.
    QuotaExceeded,
    /// There is no turn for it at Ollama.
    NoTurn,
    /// All that the gateway already does.
    Overload,
    /// The policies.
    #[serde(untagged)]
    Policy(DenialCause),
}

impl Cause {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unproven => "unproven",
            Self::Throttled => "throttled",
            Self::ForeignPage => "foreign-page",
            Self::OutOfScope => "out-of-scope",
            Self::BadRequest => "bad-request",
            Self::ObligationUnmet => "obligation-unmet",
            Self::Unrecorded => "unrecorded",
            Self::QuotaExceeded => "quota-exceeded",
            Self::NoTurn => "no-turn",
            Self::Overload => "overload",
            Self::Policy(DenialCause::NoBinding) => "no-binding",
            Self::Policy(DenialCause::NotAllowed) => "not-allowed",
            Self::Policy(DenialCause::Denied) => "denied",
            Self::Policy(DenialCause::PolicyFailure) => "policy-failure",
            Self::Policy(DenialCause::Conflict) => "conflict",
        }
    }
}

/// The outcome of a request, whatever was decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestOutcome {
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
    /// The body that the caller sent broke off, or was not what it said.
    BodyFailed,
    /// The caller's credential was revoked meanwhile.
    Revoked,
}

impl RequestOutcome {
    /// The word.
    pub const fn as_str(self) -> &'static str {
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

#[cfg(test)]
mod tests;
