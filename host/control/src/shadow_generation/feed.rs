//! The way of records to the shadow generation: bounded, and no request waits for it.

use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Records that wait to be judged; some kilobytes each.
const MOST: usize = 1_024;

/// Takes the records of requests that are over, while there is a candidate.
#[derive(Debug, Default)]
pub struct ShadowFeed {
    /// True while somebody wants them.
    active: AtomicBool,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    lines: VecDeque<String>,
    dropped: u64,
    look: bool,
    end: bool,
}

/// What the thread is to do next.
pub(super) enum Next {
    /// Judge these.
    Lines(VecDeque<String>),
    /// Look at the configuration in force.
    Look,
    /// Time has passed.
    Nothing,
    /// Nothing more.
    End,
}

impl ShadowFeed {
    /// Tells whether somebody wants records.
    pub fn is_active(&self) -> bool {
        self.active.load(Ordering::Acquire)
    }

    /// Takes the record of a request that was judged, as JSON, if there is room; it never waits.
    pub fn offer(&self, record: String) {
        let mut queue = self.queue();
        if queue.lines.len() >= MOST {
            queue.dropped += 1;
            return;
        }
        queue.lines.push_back(record);
        drop(queue);
        self.changed.notify_one();
    }

    /// Returns the number of records for which there was no room since the last change of the
    /// candidate.
    pub(super) fn dropped(&self) -> u64 {
        self.queue().dropped
    }

    /// Takes what waits.
    pub(super) fn take(&self) -> VecDeque<String> {
        mem::take(&mut self.queue().lines)
    }

    /// Begins or ceases to take records. What waits was meant for another candidate.
    pub(super) fn set_active(&self, active: bool) {
        let mut queue = self.queue();
        queue.lines.clear();
        queue.dropped = 0;
        self.active.store(active, Ordering::Release);
    }

    pub(super) fn look(&self) {
        self.queue().look = true;
        self.changed.notify_one();
    }

    pub(super) fn end(&self) {
        self.active.store(false, Ordering::Release);
        self.queue().end = true;
        self.changed.notify_one();
    }

    /// Waits for something to do, at most for a time if one is given.
    pub(super) fn next(&self, patience: Option<Duration>) -> Next {
        let idle = |queue: &mut Queue| queue.lines.is_empty() && !queue.look && !queue.end;
        let queue = self.queue();
        let mut queue = match patience {
            None => self.changed.wait_while(queue, idle).unwrap_or_else(PoisonError::into_inner),
            Some(patience) => {
                let waited = self.changed.wait_timeout_while(queue, patience, idle);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        if queue.end {
            return Next::End;
        }
        if mem::take(&mut queue.look) {
            return Next::Look;
        }
        match mem::take(&mut queue.lines) {
            none if none.is_empty() => Next::Nothing,
            lines => Next::Lines(lines),
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_counted_and_nothing_is_kept_that_nobody_wants() {
        let feed = ShadowFeed::default();
        assert!(!feed.is_active());
        feed.set_active(true);
        for _ in 0..MOST + 7 {
            feed.offer(String::new());
        }
        assert_eq!((feed.dropped(), feed.take().len()), (7, MOST));
        feed.offer(String::new());
        assert!(matches!(feed.next(None), Next::Lines(lines) if lines.len() == 1));
        assert!(matches!(feed.next(Some(Duration::ZERO)), Next::Nothing));
        feed.look();
        assert!(matches!(feed.next(None), Next::Look));
        feed.end();
        assert!(!feed.is_active());
        assert!(matches!(feed.next(None), Next::End));
    }
}
