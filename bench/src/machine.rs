//! The machine that measures.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

/// The processors that this process may use.
pub fn processors() -> Vec<usize> {
    let Ok(set) = sched_getaffinity(None) else { return vec![0] };
    (0..CpuSet::MAX_CPU).filter(|&processor| set.is_set(processor)).collect()
}

/// Keep this thread, and what it starts, on one processor, so that what is measured is not
/// the scheduler. Where that is not allowed, it is measured unpinned.
pub fn pin(processor: usize) {
    let mut set = CpuSet::new();
    set.set(processor);
    sched_setaffinity(None, &set).ok();
}

/// Do something on one processor, and be free again.
pub fn pinned<T>(processor: usize, act: impl FnOnce() -> T) -> T {
    let before = sched_getaffinity(None);
    pin(processor);
    let done = act();
    if let Ok(before) = before {
        sched_setaffinity(None, &before).ok();
    }
    done
}

/// Nanoseconds of a clock that all processes of this machine share.
pub fn monotonic() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}
