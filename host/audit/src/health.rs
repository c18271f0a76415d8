//! The state of writing: a line finds its place, or that is known before it is needed.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use stockade_core::UnixTime;

/// The reason why nothing can be recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// There is no room.
    #[error("the disk of the audit log is full")]
    Full,
    /// The file cannot be written.
    #[error("the audit log cannot be written: {0}")]
    Failing(String),
    /// Lines that were written do not reach the disk.
    #[error("the audit log does not reach the disk: {0}")]
    NotSynced(String),
    /// The disk does not answer in time.
    #[error("the disk of the audit log does not answer")]
    Stuck,
    /// The file is not at its place any more.
    #[error("the file of the audit log was removed")]
    Gone,
    /// There is another file at its place.
    #[error("the file of the audit log was replaced")]
    Replaced,
    /// Somebody else has written to the file.
    #[error("the file of the audit log was changed")]
    Changed,
}

impl Trouble {
    /// The word for it in lines and metrics.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Full => "disk-full",
            Self::Failing(_) => "failing",
            Self::NotSynced(_) => "not-synced",
            Self::Stuck => "stuck",
            Self::Gone => "removed",
            Self::Replaced => "replaced",
            Self::Changed => "changed",
        }
    }

    /// Returns what an error of a write or a reservation means.
    #[expect(clippy::needless_pass_by_value, reason = "it stands in the place of an error")]
    pub(crate) fn of(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::Full,
            _ => Self::Failing(error.to_string()),
        }
    }
}

/// Requests of which there is no line, because none could be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) reason: Trouble,
    pub(crate) from: UnixTime,
    pub(crate) requests: u64,
}

/// The state of writing, as threads that do not write see it.
pub(crate) struct Health {
    start: Instant,
    is_troubled: AtomicBool,
    trouble: Mutex<Option<Trouble>>,
    gap: Mutex<Option<Gap>>,
    /// The time when a write was begun, in milliseconds after the start and one; 0 between two.
    writing_since: AtomicU64,
    syncing_since: AtomicU64,
    deadline: AtomicU64,
}

/// A thing that may take too long.
#[derive(Clone, Copy)]
pub(crate) enum Step {
    Write,
    Sync,
}

impl Health {
    pub(crate) fn new(deadline: Duration) -> Self {
        let health = Self {
            start: Instant::now(),
            is_troubled: AtomicBool::new(false),
            trouble: Mutex::default(),
            gap: Mutex::default(),
            writing_since: AtomicU64::new(0),
            syncing_since: AtomicU64::new(0),
            deadline: AtomicU64::new(0),
        };
        health.set_deadline(deadline);
        health
    }

    pub(crate) fn set_deadline(&self, deadline: Duration) {
        let deadline = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX / 2);
        self.deadline.store(deadline, Ordering::Relaxed);
    }

    /// Returns the trouble, if there is any. It costs three loads where there is none.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        if self.is_troubled.load(Ordering::Acquire) {
            return lock(&self.trouble).clone();
        }
        let begun = [&self.writing_since, &self.syncing_since];
        let begun = begun.map(|since| since.load(Ordering::Relaxed));
        let oldest = begun.into_iter().filter(|since| *since > 0).min()?;
        let until = oldest.saturating_add(self.deadline.load(Ordering::Relaxed));
        (self.now() > until).then_some(Trouble::Stuck)
    }

    /// Notes how the last attempt went.
    pub(crate) fn set(&self, trouble: Option<Trouble>) {
        let mut kept = lock(&self.trouble);
        self.is_troubled.store(trouble.is_some(), Ordering::Release);
        *kept = trouble;
    }

    /// Counts a request of which there is no line.
    pub(crate) fn missed(&self, reason: Trouble, now: UnixTime) {
        let mut gap = lock(&self.gap);
        gap.get_or_insert(Gap { reason, from: now, requests: 0 }).requests += 1;
    }

    /// Takes the requests of which there is no line.
    pub(crate) fn take_gap(&self) -> Option<Gap> {
        lock(&self.gap).take()
    }

    /// Runs what may take too long, in sight of [`Health::trouble`].
    pub(crate) fn timed<T>(&self, step: Step, run: impl FnOnce() -> T) -> T {
        let since = match step {
            Step::Write => &self.writing_since,
            Step::Sync => &self.syncing_since,
        };
        since.store(self.now(), Ordering::Relaxed);
        let done = run();
        since.store(0, Ordering::Relaxed);
        done
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX / 2) + 1
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_does_not_answer_is_trouble() {
        let health = Health::new(Duration::ZERO);
        assert_eq!(health.trouble(), None);
        for step in [Step::Write, Step::Sync] {
            let during = health.timed(step, || {
                while health.trouble().is_none() {
                    std::thread::yield_now();
                }
                health.trouble()
            });
            assert_eq!(during, Some(Trouble::Stuck));
            assert_eq!(health.trouble(), None, "it has answered");
        }
    }

    #[test]
    fn what_is_missed_is_counted_from_the_first_on() {
        let health = Health::new(Duration::from_secs(1));
        let time = UnixTime::from_secs;
        health.missed(Trouble::Full, time(5));
        health.missed(Trouble::Stuck, time(6));
        let gap = Gap { reason: Trouble::Full, from: time(5), requests: 2 };
        assert_eq!((health.take_gap(), health.take_gap()), (Some(gap), None));
    }
}
