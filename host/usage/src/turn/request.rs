//! The words in which a queue is spoken with.

use std::num::NonZeroUsize;
use std::time::Duration;

use stockade_core::{ModelName, UserId};

/// A class of requests; the queue serves the first class that somebody waits in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Before everybody else.
    First,
    /// The usual one.
    #[default]
    Normal,
    /// Behind everybody else.
    Last,
}

/// The bounds of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    /// Requests that the upstream works on at once.
    pub slots: NonZeroUsize,
    /// Requests that may wait.
    pub length: usize,
    /// Requests of one user that may wait.
    pub per_user: usize,
    /// The time that a request may wait.
    pub wait: Duration,
    /// The time after which a model that is loaded no longer goes before another.
    pub switch_after: Duration,
    /// The time after which GPU time counts half.
    pub half_life: Duration,
}

impl QueueSettings {
    /// The usual bounds before an upstream that works on so many requests at once.
    pub const fn of(slots: NonZeroUsize) -> Self {
        Self {
            slots,
            length: 100,
            per_user: 20,
            wait: Duration::from_mins(5),
            switch_after: Duration::from_secs(20),
            half_life: Duration::from_mins(10),
        }
    }
}

/// A place in the queue; smaller ones came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(super) u64);

/// A request for a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnRequest {
    /// The user for whom it is.
    pub user: UserId,
    /// The model that will run.
    pub model: ModelName,
    /// The class.
    pub class: Class,
}

/// A queue that takes no further request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueueFull {
    /// As many requests wait as may.
    #[error("{0} requests are waiting already, and no more may")]
    Length(usize),
    /// As many requests of this user wait as may.
    #[error("{0} of your requests are waiting already, and no more may")]
    PerUser(usize),
}

/// The part of the upstream's time that a request which leaves has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnEnd {
    /// Nothing has run.
    Nothing,
    /// Nobody knows how much: the time since its turn began counts.
    Elapsed,
    /// GPU time, by the upstream's own account.
    Gpu(Duration),
}
