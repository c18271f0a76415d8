//! Reads large bodies, but not on the threads that serve everybody.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::body::memory::Share;
use crate::refused::Refused;

/// Bodies up to this many bytes are read where they arrive: it takes less than a
/// millisecond, whatever is in them.
const SMALL: u64 = 64 << 10;

/// Reads and copies large bodies, as many at a time as half of the processors can.
#[derive(Clone)]
pub(crate) struct Readers(Arc<Semaphore>);

impl Readers {
    pub(crate) fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Semaphore::new(processors.div_ceil(2))))
    }

    /// Does what takes long if there are so many bytes. One user waits for the user's own bodies
    /// first, and the place is kept to the end of the work, also if its caller hangs up.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        bytes: u64,
        share: &Share,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refused> {
        if bytes <= SMALL {
            return Ok(work());
        }
        let own = share.reading().acquire_owned().await;
        let place = self.0.clone().acquire_owned().await;
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop((own, place));
            done
        });
        done.await.map_err(|_| Refused::failed())
    }
}
