//! Steps that reading takes, counted in tests: reading must stay linear, and a clock in a
//! test would tell less about that than a count.

#[cfg(test)]
thread_local! {
    static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Counts steps: values, members or comparisons, or bytes that are searched.
#[cfg(test)]
pub(crate) fn step(steps: usize) {
    STEPS.set(STEPS.get() + steps);
}

/// Nothing is counted but in tests.
#[cfg(not(test))]
pub(crate) const fn step(_steps: usize) {}

/// Returns the number of steps that some work takes.
#[cfg(test)]
pub(crate) fn steps_of(work: impl FnOnce()) -> usize {
    let before = STEPS.get();
    work();
    STEPS.get() - before
}
