//! Wakes tasks for each new generation.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;

use futures_util::task::AtomicWaker;

/// The tasks that are to be woken. They come and go with connections, so that nothing is
/// locked for a request.
#[derive(Default)]
pub(super) struct Wakers(Mutex<Tasks>);

#[derive(Default)]
struct Tasks {
    next: u64,
    wakers: HashMap<u64, Arc<AtomicWaker>>,
}

impl Wakers {
    pub(super) fn wake(&self) {
        for waker in self.lock().wakers.values() {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Tasks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a connection's task look at what it has under way whenever there is a new
/// generation: at an answer that pauses, or a request that waits for Ollama. Those are
/// polled with the connection, so one of these is enough for all of them.
pub struct Wake {
    among: Arc<Wakers>,
    id: u64,
    waker: Arc<AtomicWaker>,
}

impl Wake {
    pub(super) fn new(among: &Arc<Wakers>) -> Self {
        let waker = Arc::new(AtomicWaker::new());
        let mut tasks = among.lock();
        let id = tasks.next;
        tasks.next += 1;
        tasks.wakers.insert(id, waker.clone());
        drop(tasks);
        Self { among: among.clone(), id, waker }
    }

    /// To be called each time that the task is polled, before it looks at the generation.
    pub fn register(&self, context: &Context<'_>) {
        self.waker.register(context.waker());
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        self.among.lock().wakers.remove(&self.id);
    }
}
