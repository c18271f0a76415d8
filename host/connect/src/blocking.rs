//! Work that may wait for a disk.

/// Does the work on a thread that may wait, and passes a panic on.
pub(crate) async fn blocking<T, E>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        // It is never aborted, so it has panicked.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
