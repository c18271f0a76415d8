//! What one subject has used in one quota: plain arithmetic, exact, without a lock or a clock.
//!
//! An account counts everything in every window, whatever its quota limits now. So a limit that
//! is edited, or added, finds what was used before.

mod allowance;

use std::ops::{AddAssign, SubAssign};

use stockade_core::UnixTime;

use crate::quota::{Period, Quota, Resource};
use crate::rate::{Bucket, Rate};
use crate::window::{Window, Windows};
pub use allowance::{Again, Allowance, LimitKind};

/// An amount of each resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// Requests.
    pub requests: u64,
    /// Tokens of prompts.
    pub input: u64,
    /// Tokens of answers.
    pub output: u64,
    /// Milliseconds of GPU time.
    pub gpu_ms: u64,
    /// Pulled bytes.
    pub pulled: u64,
}

impl Amounts {
    /// Returns the amount of one resource.
    pub const fn of(&self, resource: Resource) -> u64 {
        match resource {
            Resource::Requests => self.requests,
            Resource::Tokens => self.input.saturating_add(self.output),
            Resource::InputTokens => self.input,
            Resource::OutputTokens => self.output,
            Resource::GpuTime => self.gpu_ms,
            Resource::PulledBytes => self.pulled,
        }
    }

    fn each(&mut self, other: &Self, change: impl Fn(u64, u64) -> u64) {
        self.requests = change(self.requests, other.requests);
        self.input = change(self.input, other.input);
        self.output = change(self.output, other.output);
        self.gpu_ms = change(self.gpu_ms, other.gpu_ms);
        self.pulled = change(self.pulled, other.pulled);
    }
}

/// Counters stand at their end rather than to begin anew: a limit is never forgotten.
impl AddAssign for Amounts {
    fn add_assign(&mut self, other: Self) {
        self.each(&other, u64::saturating_add);
    }
}

impl SubAssign for Amounts {
    fn sub_assign(&mut self, other: Self) {
        self.each(&other, u64::saturating_sub);
    }
}

/// An amount that a request wants of something that can be cut off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// None at all.
    #[default]
    Nothing,
    /// Exactly this, or nothing.
    Exactly(u64),
    /// At most this; it may be limited to less.
    AtMost(u64),
    /// Nobody has said how much; it may be limited.
    Unsaid,
}

impl Wanted {
    /// Returns the least that is of any use.
    const fn least(self) -> u64 {
        match self {
            Self::Nothing | Self::AtMost(0) => 0,
            Self::Exactly(amount) => amount,
            Self::AtMost(_) | Self::Unsaid => 1,
        }
    }

    /// Returns what is granted of it where at most `cap` can be, and `unsaid` stands for what was
    /// not said. `None` is no limit at all.
    pub(crate) fn granted(self, cap: Option<u64>, unsaid: u64) -> Option<u64> {
        match (self, cap) {
            (Self::Nothing, _) => Some(0),
            (Self::Exactly(amount), _) => Some(amount),
            (Self::AtMost(amount), cap) => Some(cap.map_or(amount, |cap| cap.min(amount))),
            (Self::Unsaid, cap) => cap.map(|cap| cap.min(unsaid)),
        }
    }
}

/// What a request will need, as far as that can be told before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// The most tokens that the prompt can have. A prompt that turns out longer is charged in
    /// full, so an estimate that is too low can overspend by the difference.
    pub input: u64,
    /// The tokens of the answer.
    pub output: Wanted,
    /// The GPU time in milliseconds, `None` where no model runs. It cannot be cut off: with an
    /// estimate of 0, requests at the same time can overspend by what they take.
    pub gpu_ms: Option<u64>,
    /// The bytes to pull from a registry.
    pub pulled: Wanted,
}

impl Estimate {
    /// Returns the least of a resource that the request cannot do without.
    fn least(&self, resource: Resource) -> u64 {
        match resource {
            Resource::Requests => 1,
            Resource::Tokens => self.input.saturating_add(self.output.least()),
            Resource::InputTokens => self.input,
            Resource::OutputTokens => self.output.least(),
            Resource::GpuTime => self.gpu_ms.map_or(0, |estimate| estimate.max(1)),
            Resource::PulledBytes => self.pulled.least(),
        }
    }
}

/// The most of what can be cut off that the limits have room for; `None` where none limits it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) output: Option<u64>,
    pub(crate) pulled: Option<u64>,
}

impl Room {
    pub(crate) fn narrow(&mut self, other: Self) {
        let narrower = |one: Option<u64>, other| one.into_iter().chain(other).min();
        self.output = narrower(self.output, other.output);
        self.pulled = narrower(self.pulled, other.pulled);
    }
}

/// What was used in one window.
#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    window: Window,
    used: Amounts,
}

/// The account of one subject in one quota.
#[derive(Debug, Default)]
pub(crate) struct Account {
    spent: [Spent; 3],
    /// What is held for requests under way. It counts in the windows that are in force, also where
    /// a request began before them, for it is small, and an account is read from memory.
    held: Amounts,
    bucket: Bucket,
    running: u32,
    /// Something was used that the ledger has not been told of.
    pub(crate) is_dirty: bool,
}

/// The windows in which a request was admitted, by their first seconds. What is settled later belongs to them.
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

#[cfg(test)]
mod tests;
