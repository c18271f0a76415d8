//! The usage of one subject in one quota: plain arithmetic, exact, without a lock or a clock.
//!
//! An account counts everything in every window, whatever its quota limits now. So a limit that
//! is edited, or added, finds what was used before.

mod check;
mod last_minute;
mod shared;

use stockade_core::UnixTime;

use crate::amounts::Amounts;
use crate::grants::Grants;
use crate::quota::{Limits, Period};
use crate::rate::{Bucket, Rate};
use crate::window::{Window, Windows};
pub(crate) use check::{Lack, Request};
pub(crate) use last_minute::LastMinute;

/// The seconds of a minute.
const MINUTE: u64 = 60;

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
    /// The requests of this minute, which replicas share.
    minute: (Window, u64),
    /// The usage of the last minute, where policies are told of it.
    last_minute: Option<Box<LastMinute>>,
    running: u32,
    /// Something was used that the ledger has not been told of.
    pub(crate) is_dirty: bool,
    /// The grants of the store, where replicas share limits.
    grants: Option<Box<Grants>>,
}

/// The time at which a request was admitted, and the windows of it by their first seconds. What is
/// settled later belongs to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeldIn {
    budgets: [u64; 3],
    at: UnixTime,
}

/// A request, in the minute in which it begins.
const ONE: Amounts = Amounts { requests: 1, input: 0, output: 0, gpu_ms: 0, pulled: 0 };

impl Account {
    /// Goes on to the windows of a moment.
    pub(crate) fn roll(&mut self, windows: &Windows, now: UnixTime) {
        for (spent, period) in self.spent.iter_mut().zip(Period::ALL) {
            let window = windows.of(period);
            if spent.window != window && !spent.window.outlives(window, now) {
                *spent = Spent { window, used: Amounts::default() };
            }
        }
        if !self.minute.0.contains(now) {
            let start = now.as_secs() / MINUTE * MINUTE;
            let end = UnixTime::from_secs(start + MINUTE);
            self.minute = (Window::new(UnixTime::from_secs(start), end), 0);
        }
    }

    /// Holds amounts for a request that begins.
    pub(crate) fn hold(&mut self, amounts: Amounts, limits: &Limits, now: UnixTime) -> HeldIn {
        self.held += amounts;
        if let Some(rate) = limits.rate() {
            self.bucket.take(rate, now);
            self.minute.1 = self.minute.1.saturating_add(1);
        }
        if limits.only_count() {
            self.last_minute.get_or_insert_default().add(ONE, now);
        }
        self.running = self.running.saturating_add(1);
        let budgets = self.spent.each_ref().map(|spent| spent.window.start().as_secs());
        HeldIn { budgets, at: now }
    }

    /// Ends a request: what was held is free again, what was used is counted, each in the windows
    /// in which the request was admitted. In the last minute it counts at its end.
    pub(crate) fn settle(&mut self, held_in: HeldIn, held: Amounts, used: Amounts, now: UnixTime) {
        self.free(held);
        for (spent, start) in self.spent.iter_mut().zip(held_in.budgets) {
            if spent.window.start().as_secs() == start {
                spent.used += used;
            }
        }
        if let Some(minute) = &mut self.last_minute {
            minute.add(Amounts { requests: 0, ..used }, now);
        }
    }

    /// Ends a request that came to nothing, and gives back the room that it took.
    pub(crate) fn give_back(&mut self, held_in: HeldIn, held: Amounts, rate: Option<Rate>) {
        self.free(held);
        if let Some(rate) = rate {
            self.bucket.give_back(rate);
            if self.minute.0.contains(held_in.at) {
                self.minute.1 = self.minute.1.saturating_sub(1);
            }
        }
        if let Some(minute) = &mut self.last_minute {
            minute.remove(ONE, held_in.at);
        }
    }

    fn free(&mut self, held: Amounts) {
        self.held -= held;
        self.running = self.running.saturating_sub(1);
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

    /// Returns what was used in the last minute, where that is counted.
    pub(crate) fn used_in_last_minute(&self, now: UnixTime) -> Amounts {
        self.last_minute.as_ref().map_or_else(Amounts::default, |minute| minute.used(now))
    }

    /// Tells whether an account that was never used would say the same.
    pub(crate) fn is_idle(&self, now: UnixTime) -> bool {
        let is_over = |spent: &Spent| spent.window.is_over(now) || spent.used == Amounts::default();
        self.running == 0
            && !self.is_dirty
            && self.grants.as_ref().is_none_or(|grants| grants.is_idle())
            && self.bucket.is_full(now)
            && self.spent.iter().all(is_over)
            && self.used_in_last_minute(now) == Amounts::default()
    }
}

#[cfg(test)]
mod tests;
