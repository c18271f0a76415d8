//! Log lines that strangers can cause: a few are written, the others counted.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lines of one kind in one window.
const MOST: u32 = 10;
const WINDOW: Duration = Duration::from_mins(1);

/// Lets ten lines of a kind through in a minute.
#[derive(Debug, Default)]
pub(crate) struct Bounded(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    window: Option<Instant>,
    written: u32,
    left_out: u64,
}

impl Bounded {
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
        let (bounded, start) = (Bounded::default(), Instant::now());
        for _ in 0..MOST {
            assert_eq!(bounded.admit_at(start), Some(0));
        }
        for second in 0..60 {
            assert_eq!(bounded.admit_at(start + Duration::from_secs(second)), None);
        }
        assert_eq!(bounded.admit_at(start + WINDOW), Some(60));
        assert_eq!(bounded.admit_at(start + WINDOW), Some(0));
    }
}
