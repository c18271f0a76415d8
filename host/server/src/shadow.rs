//! What shadow bindings say: recorded and counted, never obeyed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use stockade_core::{BindingName, Opinion, Outcome, PolicyName, Verdict, allows};

use crate::generation::Decision;

/// What one shadow binding said about one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// The binding.
    pub binding: BindingName,
    /// The policy that it names.
    pub policy: PolicyName,
    /// What it said.
    pub said: Said,
    /// Why it would deny, or how it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether the decision would be another if this binding were enforced.
    pub changes: bool,
}

/// What a policy said, as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// It would allow.
    Allow,
    /// It would deny.
    Deny,
    /// It has no opinion.
    Abstain,
    /// It failed, which would refuse the request.
    Failure,
}

impl Said {
    /// The word for an outcome, with the reason that it gives.
    pub fn of(outcome: &Outcome) -> (Self, Option<&str>) {
        match outcome {
            Outcome::Verdict(Verdict::Allow(_)) => (Self::Allow, None),
            Outcome::Verdict(Verdict::Deny(reason)) => (Self::Deny, Some(reason)),
            Outcome::Verdict(Verdict::Abstain) => (Self::Abstain, None),
            Outcome::Failure(failure) => (Self::Failure, Some(failure)),
        }
    }

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Abstain => "abstain",
            Self::Failure => "failure",
        }
    }
}

/// The remarks of shadow bindings about a request; usually there are none. Where a policy
/// replaced the model, each is about the model that would be forwarded.
pub(crate) fn remarks<R>(decision: &Decision<R>) -> Vec<Remark> {
    let second = decision.reconsidered.as_ref().map(|second| &second.opinions);
    let second = second.filter(|opinions| !opinions.is_empty());
    let opinions = second.unwrap_or(&decision.opinions);
    let shadow = opinions.iter().enumerate().filter(|(_, opinion)| !opinion.enforced);
    let remark = |(index, opinion): (usize, &Opinion)| {
        let (said, reason) = Said::of(&opinion.outcome);
        Remark {
            binding: opinion.binding.clone(),
            policy: opinion.policy.clone(),
            said,
            reason: reason.map(str::to_owned),
            changes: changes(opinions, index),
        }
    };
    shadow.map(remark).collect()
}

/// Whether enforcing one opinion turns a permit into a refusal, or the other way round.
fn changes(opinions: &[Opinion], index: usize) -> bool {
    let mut supposed = opinions.to_vec();
    supposed[index].enforced = true;
    allows(opinions) != allows(&supposed)
}

/// How often a shadow binding said what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ShadowCount {
    /// It would have allowed.
    pub allow: u64,
    /// It would have denied.
    pub deny: u64,
    /// It had no opinion.
    pub abstain: u64,
    /// It failed.
    pub failure: u64,
    /// The decision would have been another.
    pub changes: u64,
}

impl ShadowCount {
    const fn add(&mut self, remark: &Remark) {
        match remark.said {
            Said::Allow => self.allow += 1,
            Said::Deny => self.deny += 1,
            Said::Abstain => self.abstain += 1,
            Said::Failure => self.failure += 1,
        }
        self.changes += remark.changes as u64;
    }
}

/// How often each shadow binding said what, since the start. Lists, which ask about every
/// model, do not count.
#[derive(Debug, Default)]
pub struct ShadowTally(Mutex<BTreeMap<BindingName, ShadowCount>>);

impl ShadowTally {
    pub(crate) fn count(&self, remarks: &[Remark]) {
        if remarks.is_empty() {
            return;
        }
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for remark in remarks {
            counts.entry(remark.binding.clone()).or_default().add(remark);
        }
    }

    /// The counts, by the name of the binding.
    pub fn counts(&self) -> Vec<(BindingName, ShadowCount)> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().map(|(binding, count)| (binding.clone(), *count)).collect()
    }
}
