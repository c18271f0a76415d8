//! Checks passwords: few at a time, because each one takes a processor and megabytes of memory for
//! tens of milliseconds.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use stockade_authn::{PasswordCheck, PasswordChecked, PasswordMemory};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::refused::Refused;
use crate::surplus::Surplus;

/// The time that a caller waits for a slot.
const PATIENCE: Duration = Duration::from_secs(5);
/// The time that the memory of the last check is kept for the next one.
const KEPT: Duration = Duration::from_secs(10);

pub(crate) struct PasswordChecks {
    slots: Arc<Semaphore>,
    bench: Arc<Bench>,
}

/// The memory that is used again, at most one for each slot.
struct Bench {
    memories: Mutex<Vec<PasswordMemory>>,
    /// The end of the last check, in milliseconds since the start.
    last: AtomicU64,
    start: Instant,
    /// True if somebody waits for there to be no more checks.
    tidied: AtomicBool,
    surplus: Arc<Surplus>,
}

impl PasswordChecks {
    pub(crate) fn new(surplus: Arc<Surplus>) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let bench = Bench {
            memories: Mutex::default(),
            last: AtomicU64::new(0),
            start: Instant::now(),
            tidied: AtomicBool::new(false),
            surplus,
        };
        Self { slots: Arc::new(Semaphore::new(processors.div_ceil(2))), bench: Arc::new(bench) }
    }

    /// `wait` is asked once it is this one's turn: others may have failed meanwhile.
    pub(crate) async fn run(
        &self,
        check: PasswordCheck,
        wait: impl FnOnce() -> Option<Duration>,
    ) -> Result<PasswordChecked, Refused> {
        let slot = tokio::time::timeout(PATIENCE, self.slots.clone().acquire_owned()).await;
        let Ok(Ok(slot)) = slot else {
            return Err(Refused::busy());
        };
        if let Some(wait) = wait() {
            return Err(Refused::throttled(wait));
        }
        let checked = self.on_thread(check, slot).await.ok_or_else(Refused::busy);
        self.tidy_later();
        checked
    }

    /// A thread for each check costs nothing beside it, and leaves nothing behind. The slot
    /// is taken until the check ends, also if its caller has gone.
    async fn on_thread(
        &self,
        check: PasswordCheck,
        slot: OwnedSemaphorePermit,
    ) -> Option<PasswordChecked> {
        let (done, checked) = oneshot::channel();
        let bench = self.bench.clone();
        let thread = std::thread::Builder::new().name("password".to_owned());
        let spawned = thread.spawn(move || {
            let checked = bench.run(check);
            drop(slot);
            done.send(checked).ok();
        });
        spawned.ok()?;
        checked.await.ok()
    }

    fn tidy_later(&self) {
        if !self.bench.tidied.swap(true, Ordering::AcqRel) {
            tokio::spawn(self.bench.clone().tidy());
        }
    }
}

impl Bench {
    fn run(&self, check: PasswordCheck) -> PasswordChecked {
        let mut memory = self.lock().pop().unwrap_or_default();
        let checked = check.run(&mut memory);
        self.lock().push(memory);
        self.last.store(self.now(), Ordering::Release);
        checked
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Free the memory once there was no check for a while.
    async fn tidy(self: Arc<Self>) {
        loop {
            tokio::time::sleep(KEPT).await;
            let idle = self.now().saturating_sub(self.last.load(Ordering::Acquire));
            if u128::from(idle) >= KEPT.as_millis() {
                break;
            }
        }
        self.tidied.store(false, Ordering::Release);
        let memories = std::mem::take(&mut *self.lock());
        let bytes = memories.iter().map(|memory| memory.bytes() as u64).sum();
        drop(memories);
        self.surplus.freed(bytes);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<PasswordMemory>> {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
