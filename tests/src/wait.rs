//! Waits for what must happen, but not for ever when it does not.

use std::time::Duration;

/// Long enough for a busy machine; a test that reaches it has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// The future's value.
///
/// # Panics
/// Where it does not come.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(elapsed) => panic!("waited in vain for {what}: {elapsed}"),
    }
}

/// Waits until a condition holds that nothing tells of: the runtime's other tasks run meanwhile.
///
/// # Panics
/// Where it never does.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    soon(what, waiting).await;
}
