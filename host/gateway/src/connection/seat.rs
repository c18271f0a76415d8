//! One connection, as far as it matters to whom else there is room for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

/// A request is under way.
const BUSY: u64 = u64::MAX;
/// It has to make room.
const EVICTED: u64 = u64::MAX - 1;

/// Since when a connection has no request under way, in milliseconds since the start; and
/// who is woken when it has to make room.
#[derive(Debug)]
pub(crate) struct Seat {
    state: AtomicU64,
    waker: AtomicWaker,
}

/// The state of a connection now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activity {
    Busy,
    IdleSince(u64),
}

impl Seat {
    pub(crate) const fn new(now: u64) -> Self {
        Self { state: AtomicU64::new(now), waker: AtomicWaker::new() }
    }

    /// A request has come; false where the connection ends before it.
    pub(crate) fn begin(&self) -> bool {
        let begun = self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| {
            (state != EVICTED).then_some(BUSY)
        });
        begun.is_ok()
    }

    /// Its answer is complete, or nobody wants it any more.
    pub(crate) fn end(&self, now: u64) {
        self.state.compare_exchange(BUSY, now, Ordering::AcqRel, Ordering::Relaxed).ok();
    }

    pub(crate) fn activity(&self) -> Activity {
        match self.state.load(Ordering::Acquire) {
            BUSY => Activity::Busy,
            since => Activity::IdleSince(since),
        }
    }

    /// Ends the connection, if it is idle still.
    pub(crate) fn evict(&self, since: u64) -> bool {
        let evicted =
            self.state.compare_exchange(since, EVICTED, Ordering::AcqRel, Ordering::Relaxed);
        if evicted.is_ok() {
            self.waker.wake();
        }
        evicted.is_ok()
    }

    /// Ready once the connection has to make room.
    pub(crate) fn poll_evicted(&self, context: &Context<'_>) -> Poll<()> {
        self.waker.register(context.waker());
        if self.state.load(Ordering::Acquire) == EVICTED { Poll::Ready(()) } else { Poll::Pending }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_idle_makes_room() {
        let seat = Seat::new(5);
        assert_eq!(seat.activity(), Activity::IdleSince(5));
        assert!(seat.begin());
        assert_eq!(seat.activity(), Activity::Busy);
        assert!(!seat.evict(5));
        seat.end(9);
        assert!(!seat.evict(5), "it was busy meanwhile");
        assert!(seat.evict(9));
        assert!(!seat.begin());
        seat.end(10);
        let context = Context::from_waker(std::task::Waker::noop());
        assert!(seat.poll_evicted(&context).is_ready());
    }
}
