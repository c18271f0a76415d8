//! The usage of one subject in one quota: plain arithmetic, exact, without a lock or a clock.
//!
//! An account counts everything in every window, whatever its quota limits now. So a limit that
//! is edited, or added, finds what was used before.

use stockade_core::UnixTime;

use crate::allowance::{Again, Allowance, LimitKind};
use crate::amounts::{Amounts, Estimate, Room};
use crate::quota::{Budget, Period, Quota, Resource};
use crate::rate::{Bucket, Rate};
use crate::window::{Window, Windows};

/// The usage in one window.
#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    window: Window,
    used: Amounts,
}

/// The account of one subject in one quota.
#[derive(Debug, Default)]
pub(crate) struct Account {
    spent: [Spent; 3],
    /// The amount that is held for requests under way. It counts in the windows that are in force,
    /// also where a request began before them, for it is small, and an account is read from memory.
    held: Amounts,
    bucket: Bucket,
    running: u32,
    /// Something was used that the ledger has not been told of.
    pub(crate) is_dirty: bool,
}

/// The windows in which a request was admitted, by their first seconds. What is settled later
/// belongs to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeldIn([u64; 3]);

impl Account {
    /// Goes on to the windows of a moment.
    pub(crate) fn roll(&mut self, windows: &Windows, now: UnixTime) {
        for (spent, period) in self.spent.iter_mut().zip(Period::ALL) {
            let window = windows.of(period);
            if spent.window != window && !spent.window.outlives(window, now) {
                *spent = Spent { window, used: Amounts::default() };
            }
        }
    }

    /// Finds the limit that has no room for a request: among several the one that is in the way
    /// for longest. Otherwise tells how much room there is.
    pub(crate) fn check(
        &self,
        quota: &Quota,
        estimate: &Estimate,
        now: UnixTime,
    ) -> Result<Room, Allowance> {
        let mut worst: Option<Allowance> = None;
        let mut room = Room::default();
        let exceeded = self.rate_exceeded(quota, now).into_iter();
        for found in exceeded.chain(self.concurrent_exceeded(quota)) {
            worst = Some(found.worse(worst));
        }
        for budget in quota.limits.budgets() {
            let left = self.left(*budget);
            let needed = estimate.least(budget.resource);
            if needed > left {
                worst = Some(self.allowance(*budget).refusing(needed).worse(worst));
            }
            room.narrow(match budget.resource {
                Resource::Tokens => {
                    Room { output: Some(left.saturating_sub(estimate.input)), pulled: None }
                }
                Resource::OutputTokens => Room { output: Some(left), pulled: None },
                Resource::PulledBytes => Room { output: None, pulled: Some(left) },
                Resource::Requests | Resource::InputTokens | Resource::GpuTime => Room::default(),
            });
        }
        worst.map_or(Ok(room), Err)
    }

    /// Holds amounts for a request that begins.
    pub(crate) fn hold(&mut self, amounts: Amounts, rate: Option<Rate>, now: UnixTime) -> HeldIn {
        self.held += amounts;
        if let Some(rate) = rate {
            self.bucket.take(rate, now);
        }
        self.running = self.running.saturating_add(1);
        HeldIn(self.spent.each_ref().map(|spent| spent.window.start().as_secs()))
    }

    /// Ends a request: what was held is free again, what was used is counted, each in the windows
    /// in which the request was admitted.
    pub(crate) fn settle(&mut self, windows: HeldIn, held: Amounts, used: Amounts) {
        self.held -= held;
        for (spent, start) in self.spent.iter_mut().zip(windows.0) {
            if spent.window.start().as_secs() == start {
                spent.used += used;
            }
        }
        self.running = self.running.saturating_sub(1);
    }

    /// Gives back the room that a request took which came to nothing.
    pub(crate) const fn give_back_rate(&mut self, rate: Rate) {
        self.bucket.give_back(rate);
    }

    /// Counts what was used before a restart, if its window is still in force.
    pub(crate) fn restore(&mut self, period: Period, window: Window, used: Amounts) {
        let spent = &mut self.spent[period.index()];
        if spent.window == window {
            spent.used += used;
        }
    }

    /// Returns what was used in the window of a period.
    pub(crate) const fn used(&self, period: Period) -> (Window, Amounts) {
        let spent = &self.spent[period.index()];
        (spent.window, spent.used)
    }

    /// Tells whether an account that was never used would say the same.
    pub(crate) fn is_idle(&self, now: UnixTime) -> bool {
        let is_over = |spent: &Spent| spent.window.is_over(now) || spent.used == Amounts::default();
        self.running == 0
            && !self.is_dirty
            && self.bucket.is_full(now)
            && self.spent.iter().all(is_over)
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

    fn left(&self, budget: Budget) -> u64 {
        let used = self.spent[budget.period.index()].used.of(budget.resource);
        budget.limit.get().saturating_sub(used).saturating_sub(self.held.of(budget.resource))
    }

    fn allowance(&self, budget: Budget) -> Allowance {
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

    fn concurrent_exceeded(&self, quota: &Quota) -> Option<Allowance> {
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

    fn rate_exceeded(&self, quota: &Quota, now: UnixTime) -> Option<Allowance> {
        let rate = quota.limits.rate()?;
        let again = Again::At(self.bucket.again(rate, now)?);
        Some(Allowance { needed: 1, again, ..self.rate(rate, now) })
    }
}

#[cfg(test)]
mod tests;
