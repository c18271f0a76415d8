//! The processor that a thread runs on.

/// The number of the processor that this thread runs on; a moment later it may be another.
#[cfg(target_os = "linux")]
pub(crate) fn current() -> usize {
    rustix::thread::sched_getcpu()
}

/// Not known here.
#[cfg(not(target_os = "linux"))]
pub(crate) const fn current() -> usize {
    0
}
