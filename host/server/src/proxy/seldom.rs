//! Log lines about what may happen thousands of times a second.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long nothing more is said of what was said.
const QUIET: Duration = Duration::from_mins(1);

/// Says something at once, and then at most once a minute.
#[derive(Debug, Default)]
pub(super) struct Seldom(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    said: Option<Instant>,
    since: u64,
}

impl Seldom {
    /// How often it happened since it was said last, this time included, if it is to be said
    /// now.
    pub(super) fn happened(&self) -> Option<u64> {
        self.happened_at(Instant::now())
    }

    fn happened_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.since += 1;
        if state.said.is_some_and(|said| now.duration_since(said) < QUIET) {
            return None;
        }
        state.said = Some(now);
        Some(std::mem::take(&mut state.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_said_once_a_minute_with_how_often_it_was() {
        let (seldom, start) = (Seldom::default(), Instant::now());
        assert_eq!(seldom.happened_at(start), Some(1));
        for _ in 0..1000 {
            assert_eq!(seldom.happened_at(start + QUIET / 2), None);
        }
        assert_eq!(seldom.happened_at(start + QUIET), Some(1001));
        assert_eq!(seldom.happened_at(start + QUIET), None);
    }
}
