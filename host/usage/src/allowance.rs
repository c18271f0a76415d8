//! The used part of one limit, and the rest.

use stockade_core::UnixTime;

use crate::quota::{Period, Resource};

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

/// The time from which something that was refused can work again.
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
    /// The usage.
    pub used: u64,
    /// The amounts that are held for requests under way.
    pub held: u64,
    /// The least that the request needs, where one was refused.
    pub needed: u64,
    /// The time at which there is room again: for a request that was refused, when it can work;
    /// otherwise when the whole limit is there again.
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
    pub(crate) fn refusing(self, needed: u64) -> Self {
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
    pub(crate) fn worse(self, other: Option<Self>) -> Self {
        other.filter(|other| other.again >= self.again).unwrap_or(self)
    }
}
