//! The opinions of shadow bindings: recorded and counted, never obeyed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use stockade_core::record::{Remark, Said};
use stockade_core::{BindingName, Opinion, allows};

use crate::generation::Decision;

/// The remarks of shadow bindings about a request; usually there are none. Where a policy
/// replaced the model, each is about the model that would be forwarded.
pub fn remarks<R>(decision: &Decision<R>) -> Vec<Remark> {
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

/// Tells whether enforcing one opinion turns a permit into a refusal, or the other way round.
fn changes(opinions: &[Opinion], index: usize) -> bool {
    let mut supposed = opinions.to_vec();
    supposed[index].enforced = true;
    allows(opinions) != allows(&supposed)
}

/// The opinions of a shadow binding, counted by kind.
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

/// The opinions of each shadow binding since the start, counted by kind. Lists, which ask about
/// every model, do not count.
#[derive(Debug, Default)]
pub struct ShadowTally(Mutex<BTreeMap<BindingName, ShadowCount>>);

impl ShadowTally {
    /// Counts the remarks about one request.
    pub fn count(&self, remarks: &[Remark]) {
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
