/// A value that must not be printed.
///
/// It has no `Debug`, `Display` or `Serialize`, so that a secret cannot slip into a
/// log line by being part of something else. Where it is used, the code says
/// [`expose`](Self::expose), which is easy to search for.
///
/// ```compile_fail
/// println!("{:?}", stockade_core::Secret::new("sk-local-…"));
/// ```
#[derive(Clone)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps a secret.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The secret itself.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}
