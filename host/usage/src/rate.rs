//! Requests per minute, smoothed: the generic cell rate algorithm.

use std::num::NonZeroU32;
use std::time::Duration;

use stockade_core::UnixTime;

const MINUTE: u64 = 60_000_000_000;

/// A number of requests in a minute, and how many of them may come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    per_minute: NonZeroU32,
    burst: NonZeroU32,
    /// Nanoseconds from one request to the next.
    interval: u64,
}

impl Rate {
    /// A rate.
    pub const fn new(per_minute: NonZeroU32, burst: NonZeroU32) -> Self {
        Self { per_minute, burst, interval: MINUTE / per_minute.get() as u64 }
    }

    /// Returns the number of requests in a minute.
    pub const fn per_minute(self) -> NonZeroU32 {
        self.per_minute
    }

    /// Returns the number of requests that may come at once.
    pub const fn burst(self) -> NonZeroU32 {
        self.burst
    }

    /// Returns the nanoseconds by which requests may come before their time.
    const fn tolerance(self) -> u64 {
        self.interval.saturating_mul(self.burst.get() as u64 - 1)
    }
}

/// The requests of one subject, as the time at which the next one would be due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// In nanoseconds since 1970.
    due: u64,
}

impl Bucket {
    /// Returns when the next request is due. It is never later than after a full burst, so that a
    /// clock that was set back, or a rate that was raised, makes nobody wait for longer.
    fn due(self, rate: Rate, now: u64) -> u64 {
        let latest = now.saturating_add(rate.tolerance()).saturating_add(rate.interval);
        self.due.clamp(now, latest)
    }

    /// Returns the time from which there is room for a request: `None` if there is now.
    pub(crate) fn again(self, rate: Rate, now: UnixTime) -> Option<UnixTime> {
        let (due, now) = (self.due(rate, nanoseconds(now)), nanoseconds(now));
        let early = due - now;
        let wait = early.saturating_sub(rate.tolerance());
        (wait > 0).then(|| UnixTime::from_duration(Duration::from_nanos(now + wait)))
    }

    /// Takes room for one request, also where there is none.
    pub(crate) fn take(&mut self, rate: Rate, now: UnixTime) {
        let now = nanoseconds(now);
        let next = Self { due: self.due(rate, now).saturating_add(rate.interval) };
        self.due = next.due(rate, now);
    }

    /// Gives the room for one request back.
    pub(crate) const fn give_back(&mut self, rate: Rate) {
        self.due = self.due.saturating_sub(rate.interval);
    }

    /// Returns how many requests there is room for now.
    pub(crate) fn left(self, rate: Rate, now: UnixTime) -> u64 {
        let (due, now) = (self.due(rate, nanoseconds(now)), nanoseconds(now));
        let latest = now.saturating_add(rate.tolerance());
        // A burst of all has one request for which nothing has to be early.
        latest.checked_sub(due).map_or(0, |room| room / rate.interval + 1)
    }

    /// Returns when the whole burst is there again.
    pub(crate) fn full_at(self, rate: Rate, now: UnixTime) -> UnixTime {
        UnixTime::from_duration(Duration::from_nanos(self.due(rate, nanoseconds(now))))
    }

    /// Tells whether nothing is taken, whatever the rate.
    pub(crate) fn is_full(self, now: UnixTime) -> bool {
        self.due <= nanoseconds(now)
    }
}

fn nanoseconds(time: UnixTime) -> u64 {
    u64::try_from(time.as_duration().as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(per_minute: u32, burst: u32) -> Rate {
        Rate::new(per_minute.try_into().unwrap(), burst.try_into().unwrap())
    }

    fn at(milliseconds: u64) -> UnixTime {
        UnixTime::from_duration(Duration::from_millis(1_800_000_000_000 + milliseconds))
    }

    #[test]
    fn a_burst_passes_at_once_and_then_one_by_one() {
        let (rate, mut bucket) = (rate(60, 3), Bucket::default());
        for left in [3, 2, 1] {
            assert_eq!((bucket.left(rate, at(0)), bucket.again(rate, at(0))), (left, None));
            bucket.take(rate, at(0));
        }
        assert_eq!((bucket.left(rate, at(0)), bucket.again(rate, at(0))), (0, Some(at(1_000))));
        assert_eq!(bucket.again(rate, at(350)), Some(at(1_000)));
        assert_eq!((bucket.left(rate, at(1_000)), bucket.again(rate, at(1_000))), (1, None));
        assert_eq!(bucket.full_at(rate, at(500)), at(3_000));
        assert!(!bucket.is_full(at(2_999)));
        assert!(bucket.is_full(at(3_000)));
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let (rate, mut bucket) = (rate(6, 1), Bucket::default());
        bucket.take(rate, at(0));
        assert_eq!(bucket.again(rate, at(0)), Some(at(10_000)));
        bucket.give_back(rate);
        assert_eq!(bucket.again(rate, at(0)), None);
    }

    #[test]
    fn a_clock_that_is_set_back_makes_nobody_wait_for_longer_than_a_burst() {
        let (rate, mut bucket) = (rate(60, 2), Bucket::default());
        bucket.take(rate, at(3_600_000));
        assert_eq!(bucket.again(rate, at(0)), Some(at(1_000)));
    }

    proptest! {
        #[test]
        fn no_minute_has_more_than_its_requests_and_a_burst(
            per_minute in 1..120_u32,
            burst in 1..40_u32,
            steps in proptest::collection::vec(0..5_000_u64, 1..300),
        ) {
            let (rate, mut bucket, mut now) = (rate(per_minute, burst), Bucket::default(), 0);
            let mut taken = Vec::new();
            for step in steps {
                now += step;
                if bucket.again(rate, at(now)).is_none() {
                    bucket.take(rate, at(now));
                    taken.push(now);
                }
                prop_assert!(bucket.left(rate, at(now)) <= u64::from(burst));
            }
            for (index, begin) in taken.iter().enumerate() {
                let in_minute = taken[index..].iter().filter(|at| **at < begin + 60_000).count();
                prop_assert!(in_minute <= (per_minute + burst) as usize);
            }
        }
    }
}
