//! Spares callers a policy that always takes too long.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many time-outs in a row are no accident.
const MOST_IN_A_ROW: u32 = 5;
/// The time for which the policy is not asked then. After that one caller tries it.
const PAUSE: Duration = Duration::from_secs(1);

/// Counts the time-outs of one policy.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    in_a_row: AtomicU32,
    next_try: Mutex<Option<Instant>>,
}

/// The answer to whether a policy may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    /// It may.
    Ask,
    /// It timed out so many times in a row, and is not asked now.
    Spare(u32),
}

impl Breaker {
    /// Tells whether the policy may be asked at this moment.
    pub(crate) fn leave(&self) -> Leave {
        let in_a_row = self.in_a_row.load(Ordering::Relaxed);
        if in_a_row < MOST_IN_A_ROW {
            return Leave::Ask;
        }
        self.leave_at(Instant::now(), in_a_row)
    }

    fn leave_at(&self, now: Instant, in_a_row: u32) -> Leave {
        let mut next_try = self.next_try.lock().unwrap_or_else(PoisonError::into_inner);
        match *next_try {
            Some(at) if now < at => Leave::Spare(in_a_row),
            _ => {
                // Others wait for what comes of this one.
                *next_try = Some(now + PAUSE);
                Leave::Ask
            }
        }
    }

    /// Takes note of a time-out. Returns how many there were in a row if the policy is not
    /// asked from now on.
    pub(crate) fn timed_out(&self) -> Option<u32> {
        let in_a_row = self.in_a_row.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        (in_a_row >= MOST_IN_A_ROW).then(|| {
            let mut next_try = self.next_try.lock().unwrap_or_else(PoisonError::into_inner);
            *next_try = Some(Instant::now() + PAUSE);
            in_a_row
        })
    }

    /// Takes note of an answer.
    pub(crate) fn answered(&self) {
        if self.in_a_row.load(Ordering::Relaxed) != 0 {
            self.in_a_row.store(0, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{Breaker, Leave, MOST_IN_A_ROW, PAUSE};

    #[test]
    fn after_some_in_a_row_one_caller_tries_each_second() {
        let breaker = Breaker::default();
        for _ in 1..MOST_IN_A_ROW {
            assert_eq!(breaker.timed_out(), None);
        }
        assert_eq!(breaker.leave(), Leave::Ask);
        assert_eq!(breaker.timed_out(), Some(MOST_IN_A_ROW));
        assert_eq!(breaker.leave(), Leave::Spare(MOST_IN_A_ROW));
        let later = Instant::now() + PAUSE;
        assert_eq!(breaker.leave_at(later, MOST_IN_A_ROW), Leave::Ask);
        assert_eq!(breaker.leave_at(later, MOST_IN_A_ROW), Leave::Spare(MOST_IN_A_ROW));
        breaker.answered();
        assert_eq!(breaker.leave(), Leave::Ask);
    }

    #[test]
    fn an_answer_in_between_begins_the_count_anew() {
        let breaker = Breaker::default();
        for _ in 0..3 * MOST_IN_A_ROW {
            assert_eq!(breaker.timed_out(), None);
            breaker.answered();
        }
    }
}
