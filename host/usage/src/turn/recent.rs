//! Recent GPU time: what was used counts half after each half-life.

use std::time::{Duration, Instant};

/// GPU time in seconds that fades.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recent {
    seconds: f64,
    at: Instant,
}

impl Recent {
    pub(super) const fn none(now: Instant) -> Self {
        Self { seconds: 0.0, at: now }
    }

    /// Returns what is left of it now.
    pub(super) fn seconds(self, half_life: Duration, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.seconds * (-passed / half_life.as_secs_f64().max(0.001)).exp2()
    }

    pub(super) fn add(&mut self, time: Duration, half_life: Duration, now: Instant) {
        let seconds = self.seconds(half_life, now) + time.as_secs_f64();
        *self = Self { seconds, at: self.at.max(now) };
    }

    pub(super) fn raise_to(&mut self, least: f64, half_life: Duration, now: Instant) {
        let seconds = self.seconds(half_life, now).max(least);
        *self = Self { seconds, at: self.at.max(now) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_it_is_left_after_a_half_life() {
        let (start, minute) = (Instant::now(), Duration::from_mins(1));
        let mut recent = Recent::none(start);
        recent.add(Duration::from_secs(8), minute, start);
        recent.add(Duration::from_secs(4), minute, start + minute);
        assert!((recent.seconds(minute, start + 2 * minute) - 4.0).abs() < 1e-9);
        recent.raise_to(5.0, minute, start + 2 * minute);
        recent.raise_to(1.0, minute, start + 2 * minute);
        assert!((recent.seconds(minute, start + 3 * minute) - 2.5).abs() < 1e-9);
    }
}
