//! The queue as it is told to people: who runs, who waits, and for how long yet.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde::Serialize;
use stockade_core::{ModelName, UserId};

use super::order::{Head, choose};
use super::queue::Queue;
use super::request::{Class, Ticket};

/// A place among those who wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// 1 for who is next.
    pub position: usize,
    /// The time until the turn, if turns take as long as usual and nobody goes before.
    pub expected: Duration,
}

/// A turn that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunningTurn {
    /// The user.
    pub user: UserId,
    /// The model.
    pub model: ModelName,
    /// The class.
    pub class: Class,
    /// The time since the turn began.
    pub running_ms: u64,
}

/// A request that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WaitingTurn {
    /// The user.
    pub user: UserId,
    /// The model.
    pub model: ModelName,
    /// The class.
    pub class: Class,
    /// 1 for who is next.
    pub position: usize,
    /// The time since it came.
    pub waited_ms: u64,
    /// The time until its turn, roughly.
    pub expected_ms: u64,
}

/// The whole queue at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QueueSnapshot {
    /// Requests that the upstream works on at once.
    pub slots: usize,
    /// Requests that may wait.
    pub length: usize,
    /// The turns under way, the oldest first.
    pub running: Vec<RunningTurn>,
    /// The requests that wait, in the order in which they will have their turns.
    pub waiting: Vec<WaitingTurn>,
    /// Recent GPU time of each user who is here, in milliseconds.
    pub recent_gpu_ms: Vec<(UserId, u64)>,
}

impl Queue {
    /// Returns the place of a request that waits, `None` where it has its turn or is gone.
    pub fn place(&self, ticket: Ticket, now: Instant) -> Option<Place> {
        if self.entries.get(&ticket)?.began.is_some() {
            return None;
        }
        let order = self.order(now, Some(ticket));
        let index = order.iter().position(|other| *other == ticket)?;
        Some(Place { position: index + 1, expected: self.expected(index) })
    }

    /// Returns the time that somebody would wait who came now, roughly.
    pub fn expected_wait(&self) -> Duration {
        if self.running() < self.settings.slots.get() && self.waiting() == 0 {
            return Duration::ZERO;
        }
        self.expected(self.waiting())
    }

    /// Describes the queue.
    pub fn snapshot(&self, now: Instant) -> QueueSnapshot {
        let began = |ticket: &Ticket| self.entries.get(ticket).and_then(|entry| entry.began);
        let mut running: Vec<_> =
            self.entries.keys().filter_map(|ticket| Some((began(ticket)?, *ticket))).collect();
        running.sort_unstable();
        let running = running.into_iter().filter_map(|(began, ticket)| {
            let request = self.entries.get(&ticket)?.request.clone();
            let running_ms = milliseconds(now.saturating_duration_since(began));
            let (user, model, class) = (request.user, request.model, request.class);
            Some(RunningTurn { user, model, class, running_ms })
        });
        let waiting =
            self.order(now, None).into_iter().enumerate().filter_map(|(index, ticket)| {
                let entry = self.entries.get(&ticket)?;
                Some(WaitingTurn {
                    user: entry.request.user.clone(),
                    model: entry.request.model.clone(),
                    class: entry.request.class,
                    position: index + 1,
                    waited_ms: milliseconds(now.saturating_duration_since(entry.joined)),
                    expected_ms: milliseconds(self.expected(index)),
                })
            });
        QueueSnapshot {
            slots: self.settings.slots.get(),
            length: self.settings.length,
            running: running.collect(),
            waiting: waiting.collect(),
            recent_gpu_ms: self.recent_of_all(now),
        }
    }

    fn recent_of_all(&self, now: Instant) -> Vec<(UserId, u64)> {
        let mut recent: Vec<_> = self
            .users
            .iter()
            .map(|(name, user)| {
                let time = Duration::try_from_secs_f64(self.recent(user, now));
                (name.clone(), milliseconds(time.unwrap_or_default()))
            })
            .collect();
        recent.sort_unstable();
        recent
    }

    /// Slots become free one after the other, each once in the time that a turn takes.
    fn expected(&self, before: usize) -> Duration {
        let slots = u32::try_from(self.settings.slots.get()).unwrap_or(u32::MAX);
        let turns = u32::try_from(before + 1).unwrap_or(u32::MAX);
        self.usual.saturating_mul(turns) / slots
    }

    /// Plays through who would get the next turns if nobody else came, up to a ticket or to the
    /// end.
    fn order(&self, now: Instant, up_to: Option<Ticket>) -> Vec<Ticket> {
        let mut rows: Vec<_> = self
            .users
            .values()
            .filter(|user| !user.waiting.is_empty())
            .map(|user| (self.recent(user, now), user.waiting.iter().peekable()))
            .collect();
        let mut loaded: HashSet<&ModelName> = self.loaded.iter().collect();
        let mut order = Vec::with_capacity(self.waiting());
        loop {
            let heads: Vec<_> = rows
                .iter_mut()
                .enumerate()
                .filter_map(|(row, (recent, waiting))| {
                    let (class, ticket) = **waiting.peek()?;
                    let entry = self.entries.get(&ticket)?;
                    let later = self.expected(order.len()).saturating_sub(self.expected(0));
                    let waited = self.waited_for_model(entry, now) + later;
                    let is_loaded = loaded.contains(&entry.request.model);
                    Some((row, Head { ticket, class, recent: *recent, waited, is_loaded }))
                })
                .collect();
            let only: Vec<_> = heads.iter().map(|(_, head)| *head).collect();
            let Some(chosen) = choose(&only, self.settings.switch_after) else { return order };
            let (row, head) = heads[chosen];
            rows[row].0 += self.usual.as_secs_f64();
            rows[row].1.next();
            if let Some(entry) = self.entries.get(&head.ticket).filter(|_| !head.is_loaded) {
                loaded = HashSet::from([&entry.request.model]);
            }
            order.push(head.ticket);
            if up_to == Some(head.ticket) {
                return order;
            }
        }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
