//! The limits of a quota as one list, and the needs of a request in each.

use crate::allowance::LimitKind;
use crate::amounts::{Estimate, Lengths};
use crate::quota::{OnStoreLoss, Per, Quota};

/// The part of what is left that one answer may hold where several users share it: one of so many.
const PARTS: u64 = 4;
/// The tokens that an answer may hold of what is left, whatever part of it that is.
const SHORT: u64 = 256;

impl Quota {
    /// Returns the most tokens that one answer may hold of what is left. Where several users share
    /// it, that is a part, so that an answer which may be very long leaves something to the others.
    pub(crate) fn longest_answer(&self, left: u64) -> u64 {
        match self.per {
            Per::User | Per::Key => left,
            Per::Group | Per::Together => (left / PARTS).max(SHORT).min(left),
        }
    }

    /// Returns every limit with its number; of requests in a minute, how many a minute may have
    /// over all replicas.
    pub(crate) fn all_limits(&self) -> impl Iterator<Item = (LimitKind, u64)> + Clone + '_ {
        let rate = self.limits.rate().map(|rate| rate.per_minute().max(rate.burst()).get());
        let rate = rate.map(|most| (LimitKind::Rate, u64::from(most)));
        let budgets = self.limits.budgets().iter();
        let budgets = budgets
            .map(|budget| (LimitKind::Budget(budget.resource, budget.period), budget.limit.get()));
        let concurrent = self.limits.concurrent();
        let concurrent = concurrent.map(|most| (LimitKind::Concurrent, u64::from(most.get())));
        rate.into_iter().chain(budgets).chain(concurrent)
    }

    /// Returns the rule for a limit while the store of replicas is away.
    pub(crate) fn on_store_loss(&self, kind: LimitKind) -> OnStoreLoss {
        self.on_store_loss.unwrap_or(match kind {
            LimitKind::Rate => OnStoreLoss::Ignore,
            LimitKind::Concurrent => OnStoreLoss::Local,
            LimitKind::Budget(..) => OnStoreLoss::Refuse,
        })
    }
}

impl Estimate {
    /// Returns the least that the request cannot do without.
    pub(crate) fn least_of(&self, kind: LimitKind) -> u64 {
        match kind {
            LimitKind::Budget(resource, _) => self.least(resource),
            LimitKind::Rate | LimitKind::Concurrent => 1,
        }
    }

    /// Returns what the request takes where there is room for it.
    pub(crate) fn wanted_of(&self, kind: LimitKind, lengths: Lengths) -> u64 {
        match kind {
            LimitKind::Budget(resource, _) => self.wanted(resource, lengths),
            LimitKind::Rate | LimitKind::Concurrent => 1,
        }
    }
}
