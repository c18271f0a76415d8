//! The usage of the last minute, which policies are told of. It is kept in memory only.
//!
//! The minute slides, for one of the calendar would let twice as much pass around its end, and
//! would forget an answer that took longer. It is kept in slots, so it is a minute and up to ten
//! seconds.

use stockade_core::UnixTime;

use crate::amounts::Amounts;

/// The seconds of a slot.
const SECONDS: u64 = 10;
/// The slots of a whole minute, and the one that has begun.
const SLOTS: usize = 7;

/// What was used in the last minute.
#[derive(Debug, Default)]
pub(crate) struct LastMinute([Slot; SLOTS]);

/// The usage in ten seconds.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// How many slots were before it since the beginning of time.
    number: u64,
    used: Amounts,
}

impl LastMinute {
    /// Counts what is used at a moment.
    pub(super) fn add(&mut self, used: Amounts, now: UnixTime) {
        let slot = self.slot(now);
        let number = number(now);
        if slot.number != number {
            *slot = Slot { number, used: Amounts::default() };
        }
        slot.used += used;
    }

    /// Counts something less that was counted at a moment.
    pub(super) fn remove(&mut self, used: Amounts, then: UnixTime) {
        let slot = self.slot(then);
        if slot.number == number(then) {
            slot.used -= used;
        }
    }

    /// Returns what was used in the minute before a moment.
    pub(super) fn used(&self, now: UnixTime) -> Amounts {
        let number = number(now);
        let is_late = |slot: &&Slot| number.abs_diff(slot.number) < SLOTS as u64;
        let mut sum = Amounts::default();
        for slot in self.0.iter().filter(is_late) {
            sum += slot.used;
        }
        sum
    }

    fn slot(&mut self, at: UnixTime) -> &mut Slot {
        let place = usize::try_from(number(at) % SLOTS as u64);
        &mut self.0[place.unwrap_or_default()]
    }
}

const fn number(at: UnixTime) -> u64 {
    at.as_secs() / SECONDS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::from_secs(1_800_000_000 + seconds)
    }

    const fn tokens(output: u64) -> Amounts {
        Amounts { requests: 0, input: 0, output, gpu_ms: 0, pulled: 0 }
    }

    #[test]
    fn what_is_used_counts_for_a_minute_and_at_most_ten_seconds_more() {
        for began in 0..30 {
            let mut minute = LastMinute::default();
            minute.add(tokens(7), at(began));
            assert_eq!(minute.used(at(began + 60)), tokens(7), "{began}");
            assert_eq!(minute.used(at(began + 70)), Amounts::default(), "{began}");
        }
    }

    #[test]
    fn each_second_adds_to_what_is_left_of_those_before() {
        let mut minute = LastMinute::default();
        for second in 0..600 {
            minute.add(tokens(1), at(second));
            let used = minute.used(at(second)).output;
            assert!((61..=70).contains(&used) || used == second + 1, "{second}: {used}");
        }
    }

    #[test]
    fn what_came_to_nothing_is_given_back_where_it_was_counted() {
        let mut minute = LastMinute::default();
        minute.add(tokens(7), at(0));
        minute.add(tokens(5), at(25));
        minute.remove(tokens(7), at(0));
        assert_eq!(minute.used(at(26)), tokens(5));
        minute.remove(tokens(5), at(25 + 70));
        assert_eq!(minute.used(at(26)), tokens(5), "that slot is another one's");
    }

    #[test]
    fn a_clock_that_is_set_back_counts_on() {
        let mut minute = LastMinute::default();
        minute.add(tokens(7), at(100));
        assert_eq!(minute.used(at(70)), tokens(7));
        minute.add(tokens(5), at(70));
        assert_eq!(minute.used(at(100)), tokens(12));
    }
}
