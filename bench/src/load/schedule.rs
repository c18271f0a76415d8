//! The times at which an open loop's requests are due: a fixed rate, whatever the answers do.
//!
//! A time counts from when its request was due, so a gateway that stalls is not spared the
//! requests that waited meanwhile. One that falls behind for too long is cut off, and what
//! was not even sent counts with the time that it has waited by then.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Times, nanoseconds};

/// The time that the last requests of a run may be behind. Enough for a hiccup of the machine, too
/// little for a queue that only grows.
const BEHIND: Duration = Duration::from_millis(1_500);

/// A run of requests at a fixed rate.
pub(super) struct Schedule {
    rate: f64,
    span: Duration,
    started: Instant,
    next: AtomicU64,
    cut_off: AtomicBool,
}

/// The figures at one rate.
pub struct AtRate<T> {
    /// The times.
    pub times: T,
    /// True if everything was sent that was due.
    pub kept_up: bool,
}

impl Schedule {
    pub(super) fn new(rate: f64, span: Duration) -> Self {
        // Wake up when it is time and not 50 µs later; threads inherit it.
        rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1)).ok();
        let started = Instant::now() + Duration::from_millis(50);
        let (next, cut_off) = (AtomicU64::new(0), AtomicBool::new(false));
        Self { rate, span, started, next, cut_off }
    }

    /// Takes the next request, and waits until it is due.
    pub(super) fn next(&self) -> Option<Instant> {
        let now = Instant::now();
        if now > self.started + self.span + BEHIND {
            self.cut_off.store(true, Ordering::Relaxed);
            return None;
        }
        let due = self.due(self.next.fetch_add(1, Ordering::Relaxed))?;
        std::thread::sleep(due.saturating_duration_since(now));
        Some(due)
    }

    #[expect(clippy::cast_precision_loss, reason = "a run has thousands of requests")]
    fn due(&self, turn: u64) -> Option<Instant> {
        let after = Duration::from_secs_f64(turn as f64 / self.rate);
        (after <= self.span).then(|| self.started + after)
    }

    /// Adds what was never sent, now that all callers have ended. Tells whether there was nothing
    /// to add.
    pub(super) fn settle(&self, times: &mut Times) -> bool {
        if !self.cut_off.load(Ordering::Relaxed) {
            return true;
        }
        let now = Instant::now();
        while let Some(due) = self.due(self.next.fetch_add(1, Ordering::Relaxed)) {
            times.saturating_record(nanoseconds(now.saturating_duration_since(due)));
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::times;

    #[test]
    fn requests_are_due_at_the_rate_until_the_span_is_over() {
        let schedule = Schedule::new(1_000.0, Duration::from_millis(2));
        let first = schedule.next().unwrap();
        assert_eq!(schedule.next().unwrap() - first, Duration::from_millis(1));
        assert_eq!(schedule.next().unwrap() - first, Duration::from_millis(2));
        assert!(schedule.next().is_none());
        let mut times = times().unwrap();
        assert!(schedule.settle(&mut times) && times.is_empty());
    }

    #[test]
    fn what_was_never_sent_counts_with_its_wait() {
        let mut schedule = Schedule::new(1_000.0, Duration::from_millis(9));
        schedule.started = Instant::now().checked_sub(Duration::from_secs(3)).unwrap();
        assert!(schedule.next().is_none());
        let mut times = times().unwrap();
        assert!(!schedule.settle(&mut times));
        assert_eq!(times.len(), 10);
        assert!(times.min() >= 2_900_000_000);
    }
}
