//! How much of one limit is used and left.

use stockade_core::UnixTime;

use super::Account;
use crate::quota::{Budget, Period, Quota, Resource};
use crate::rate::Rate;

/// A limit of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitKind {
    /// Requests per minute.
    Rate,
    /// A budget of a calendar window.
    Budget(Resource, Period),
    /// Requests that are under way at once.
    Concurrent,
}

/// When something that was refused can work again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Again {
    /// As soon as requests that are under way end, for they hold what is needed.
    WhenOthersEnd,
    /// From this moment on.
    At(UnixTime),
    /// Never: the request alone needs more than the limit.
    Never,
}

/// The state of one limit of one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// The limit.
    pub kind: LimitKind,
    /// The most that may be used.
    pub limit: u64,
    /// What was used.
    pub used: u64,
    /// What is held for requests that are under way.
    pub held: u64,
    /// What the request needs at least, where one was refused.
    pub needed: u64,
    /// When there is room again: for a request that was refused, when it can work; otherwise when
    /// the whole limit is there again.
    pub again: Again,
    /// The length of the window in seconds, 0 for requests at once.
    pub window: u64,
}

impl Allowance {
    /// Returns what is left for further requests.
    pub const fn left(&self) -> u64 {
        self.limit.saturating_sub(self.used).saturating_sub(self.held)
    }

    /// The same, as the reason to refuse a request that needs so much.
    pub(super) fn refusing(self, needed: u64) -> Self {
        let again = if needed > self.limit {
            Again::Never
        } else if self.used.saturating_add(needed) <= self.limit {
            Again::WhenOthersEnd
        } else {
            self.again
        };
        Self { needed, again, ..self }
    }

    /// Returns the one that is in the way for longer.
    pub(super) fn worse(self, other: Option<Self>) -> Self {
        other.filter(|other| other.again >= self.again).unwrap_or(self)
    }
}

impl Account {
    /// Returns the state of every limit of a quota.
    pub(crate) fn allowances<'a>(
        &'a self,
        quota: &'a Quota,
        now: UnixTime,
    ) -> impl Iterator<Item = Allowance> + 'a {
        let rate = quota.limits.rate().map(|rate| self.rate(rate, now));
        let budgets = quota.limits.budgets().iter().map(|budget| self.allowance(*budget));
        rate.into_iter().chain(budgets).chain(self.concurrent(quota))
    }

    pub(super) fn left(&self, budget: Budget) -> u64 {
        let used = self.spent[budget.period.index()].used.of(budget.resource);
        budget.limit.get().saturating_sub(used).saturating_sub(self.held.of(budget.resource))
    }

    pub(super) fn allowance(&self, budget: Budget) -> Allowance {
        let spent = &self.spent[budget.period.index()];
        Allowance {
            kind: LimitKind::Budget(budget.resource, budget.period),
            limit: budget.limit.get(),
            used: spent.used.of(budget.resource),
            held: self.held.of(budget.resource),
            needed: 0,
            again: Again::At(spent.window.end()),
            window: spent.window.seconds(),
        }
    }

    fn concurrent(&self, quota: &Quota) -> Option<Allowance> {
        let limit = u64::from(quota.limits.concurrent()?.get());
        Some(Allowance {
            kind: LimitKind::Concurrent,
            limit,
            used: 0,
            held: u64::from(self.running),
            needed: 0,
            again: Again::WhenOthersEnd,
            window: 0,
        })
    }

    pub(super) fn concurrent_exceeded(&self, quota: &Quota) -> Option<Allowance> {
        let allowance = self.concurrent(quota)?;
        (allowance.left() == 0).then(|| allowance.refusing(1))
    }

    /// What is left is what may come at once; the rest of the minute's requests counts as used.
    fn rate(&self, rate: Rate, now: UnixTime) -> Allowance {
        let limit = u64::from(rate.per_minute().max(rate.burst()).get());
        Allowance {
            kind: LimitKind::Rate,
            limit,
            used: limit.saturating_sub(self.bucket.left(rate, now)),
            held: 0,
            needed: 0,
            again: Again::At(self.bucket.full_at(rate, now)),
            window: 60,
        }
    }

    pub(super) fn rate_exceeded(&self, quota: &Quota, now: UnixTime) -> Option<Allowance> {
        let rate = quota.limits.rate()?;
        let again = Again::At(self.bucket.again(rate, now)?);
        Some(Allowance { needed: 1, again, ..self.rate(rate, now) })
    }
}
