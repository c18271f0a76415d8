//! Values that many threads write, kept apart from what they only read.

use std::ops::Deref;

/// A value that has its cache lines for itself: two, since processors fetch them in pairs.
/// Beside it would otherwise lie, by chance of allocation, what every decision reads.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Alone<T>(pub(crate) T);

impl<T> Deref for Alone<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
