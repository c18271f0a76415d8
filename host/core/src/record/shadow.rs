//! The verdict of a shadow binding about one request.

use serde::{Deserialize, Serialize};

use crate::{BindingName, Outcome, PolicyName, Verdict};

/// The verdict of one shadow binding about one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShadowVerdict {
    /// The binding.
    pub binding: BindingName,
    /// The policy that it names.
    pub policy: PolicyName,
    /// The verdict, as a word.
    pub verdict: VerdictKind,
    /// The reason why it would deny, why it does not allow, or how it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// True if the decision would be another if this binding were enforced.
    pub changes: bool,
}

/// The verdict of a policy, as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictKind {
    /// It would allow.
    Allow,
    /// It would permit nothing, and oblige.
    Restrict,
    /// It would deny.
    Deny,
    /// It has no opinion.
    Abstain,
    /// It failed, which would refuse the request.
    Failure,
}

impl VerdictKind {
    /// The word for an outcome, with the reason that it gives.
    pub fn of(outcome: &Outcome) -> (Self, Option<&str>) {
        match outcome {
            Outcome::Verdict(Verdict::Allow(_)) => (Self::Allow, None),
            Outcome::Verdict(Verdict::Restrict(_)) => (Self::Restrict, None),
            Outcome::Verdict(Verdict::Deny(deny)) => (Self::Deny, Some(&deny.reason)),
            Outcome::Verdict(Verdict::Abstain(note)) => (Self::Abstain, note.as_deref()),
            Outcome::Failure(failure) => (Self::Failure, Some(failure)),
        }
    }

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Restrict => "restrict",
            Self::Deny => "deny",
            Self::Abstain => "abstain",
            Self::Failure => "failure",
        }
    }
}
