//! The verdicts of shadow bindings: recorded and counted, never obeyed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use stockade_core::record::{ShadowVerdict, VerdictKind};
use stockade_core::{BindingName, BindingVerdict, allows};

use crate::generation::Decision;

/// The verdicts of shadow bindings about a request; usually there are none. Where a policy
/// replaced the model, each is about the model that would be forwarded.
pub fn verdicts<R>(decision: &Decision<R>) -> Vec<ShadowVerdict> {
    let second = decision.reconsidered.as_ref().map(|second| &second.verdicts);
    let second = second.filter(|verdicts| !verdicts.is_empty());
    let verdicts = &**second.unwrap_or(&decision.verdicts);
    let shadow = verdicts.iter().enumerate().filter(|(_, verdict)| !verdict.enforced);
    let recorded = |(index, one): (usize, &BindingVerdict)| {
        let (verdict, reason) = VerdictKind::of(&one.outcome);
        ShadowVerdict {
            binding: one.binding.clone(),
            policy: one.policy.clone(),
            verdict,
            reason: reason.map(str::to_owned),
            changes: changes(verdicts, index),
        }
    };
    shadow.map(recorded).collect()
}

/// Tells whether enforcing one verdict turns a permit into a refusal, or the other way round.
fn changes(verdicts: &[BindingVerdict], index: usize) -> bool {
    let mut supposed = verdicts.to_vec();
    supposed[index].enforced = true;
    allows(verdicts) != allows(&supposed)
}

/// The verdicts of a shadow binding, counted by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ShadowCount {
    /// It would have allowed.
    pub allow: u64,
    /// It would have permitted nothing, and demanded something.
    pub restrict: u64,
    /// It would have denied.
    pub deny: u64,
    /// It had no one.
    pub abstain: u64,
    /// It failed.
    pub failure: u64,
    /// The decision would have been another.
    pub changes: u64,
}

impl ShadowCount {
    const fn add(&mut self, verdict: &ShadowVerdict) {
        match verdict.verdict {
            VerdictKind::Allow => self.allow += 1,
            VerdictKind::Restrict => self.restrict += 1,
            VerdictKind::Deny => self.deny += 1,
            VerdictKind::Abstain => self.abstain += 1,
            VerdictKind::Failure => self.failure += 1,
        }
        self.changes += verdict.changes as u64;
    }
}

/// The verdicts of each shadow binding since the start, counted by kind. Lists, which ask about
/// every model, do not count.
#[derive(Debug, Default)]
pub struct ShadowTally(Mutex<BTreeMap<BindingName, ShadowCount>>);

impl ShadowTally {
    /// Counts the verdicts about one request.
    pub fn count(&self, verdicts: &[ShadowVerdict]) {
        if verdicts.is_empty() {
            return;
        }
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for verdict in verdicts {
            counts.entry(verdict.binding.clone()).or_default().add(verdict);
        }
    }

    /// The counts, by the name of the binding.
    pub fn counts(&self) -> Vec<(BindingName, ShadowCount)> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().map(|(binding, count)| (binding.clone(), *count)).collect()
    }
}
