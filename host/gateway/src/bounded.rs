//! Log lines that callers can cause, thousands of times a second: a few are written, the
//! others counted.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_mins(1);

/// Lets so many lines of a kind through in a minute.
#[derive(Debug, Default)]
pub(crate) struct Bounded<const MOST: u32 = 10>(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    window: Option<Instant>,
    written: u32,
    left_out: u64,
}

impl<const MOST: u32> Bounded<MOST> {
    /// How many lines were left out before this one, if it may be written.
    pub(crate) fn admit(&self) -> Option<u64> {
        self.admit_at(Instant::now())
    }

    fn admit_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.window.is_none_or(|begun| now.duration_since(begun) >= WINDOW) {
            state.window = Some(now);
            state.written = 0;
        }
        if state.written == MOST {
            state.left_out += 1;
            return None;
        }
        state.written += 1;
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_lines_a_minute_are_written_and_the_others_counted() {
        let (bounded, start) = (Bounded::<10>::default(), Instant::now());
        for _ in 0..10 {
            assert_eq!(bounded.admit_at(start), Some(0));
        }
        for second in 0..60 {
            assert_eq!(bounded.admit_at(start + Duration::from_secs(second)), None);
        }
        assert_eq!(bounded.admit_at(start + WINDOW), Some(60));
        assert_eq!(bounded.admit_at(start + WINDOW), Some(0));
    }

    #[test]
    fn one_thing_is_said_once_a_minute_with_how_often_it_was() {
        let (bounded, start) = (Bounded::<1>::default(), Instant::now());
        assert_eq!(bounded.admit_at(start), Some(0));
        for _ in 0..1000 {
            assert_eq!(bounded.admit_at(start + WINDOW / 2), None);
        }
        assert_eq!(bounded.admit_at(start + WINDOW), Some(1000));
        assert_eq!(bounded.admit_at(start + WINDOW), None);
    }
}
