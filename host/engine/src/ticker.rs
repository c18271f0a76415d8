//! The clock of deadlines: one tick of the engine's epoch each millisecond, while a guest runs.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::Duration;
use std::{io, thread};

use wasmtime::{Engine, EngineWeak};

use crossbeam_utils::CachePadded;

const TICK: Duration = Duration::from_millis(1);
/// Ticks without a guest before the clock stands still: a gateway that nobody uses does not
/// keep a processor awake, and one that is used does not wake the clock for each decision.
const IDLE_TICKS: u32 = 500;
/// A clock that stands still looks so often whether its engine is still there.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// An engine whose epoch advances. Guests run in no other.
#[derive(Clone)]
pub(crate) struct TickingEngine {
    engine: Engine,
    activity: Arc<Activity>,
}

/// The state that the thread that ticks shares with the guests.
#[derive(Debug, Default)]
struct Activity {
    guests: CachePadded<AtomicUsize>,
    stands_still: AtomicBool,
    clock: OnceLock<Thread>,
}

/// A guest that may run. While there is one, the clock ticks.
#[derive(Debug)]
pub(crate) struct Running(Arc<Activity>);

impl TickingEngine {
    /// Starts the thread that ticks. It holds the engine weakly and ends with it.
    ///
    /// It sleeps between ticks instead of keeping to a schedule: ticks that were missed
    /// while the machine was busy are not made up for, which would cut decisions short
    /// that had no chance to run.
    pub(crate) fn start(engine: Engine) -> io::Result<Self> {
        let activity = Arc::new(Activity::default());
        let (weak, shared) = (engine.weak(), Arc::clone(&activity));
        let clock = thread::Builder::new().name("policy-deadlines".to_owned());
        let clock = clock.spawn(move || tick(&weak, &shared))?;
        activity.clock.get_or_init(|| clock.thread().clone());
        Ok(Self { engine, activity })
    }

    /// Announces a guest.
    pub(crate) fn enter(&self) -> Running {
        self.activity.enter();
        Running(Arc::clone(&self.activity))
    }
}

impl Deref for TickingEngine {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        &self.engine
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.guests.fetch_sub(1, Ordering::SeqCst);
    }
}

fn tick(engine: &EngineWeak, activity: &Activity) {
    let mut idle = 0;
    while let Some(engine) = engine.upgrade() {
        engine.increment_epoch();
        drop(engine);
        idle = if activity.guests.load(Ordering::SeqCst) == 0 { idle + 1 } else { 0 };
        if idle < IDLE_TICKS {
            thread::sleep(TICK);
        } else if activity.stand_still() {
            idle = 0;
        }
    }
}

impl Activity {
    fn enter(&self) {
        self.guests.fetch_add(1, Ordering::SeqCst);
        if self.stands_still.load(Ordering::SeqCst)
            && self.stands_still.swap(false, Ordering::SeqCst)
            && let Some(clock) = self.clock.get()
        {
            clock.unpark();
        }
    }

    /// Waits for a guest, and tells whether one came. Either the guest sees that the clock stands
    /// still, or the clock sees the guest: each first writes and then reads.
    fn stand_still(&self) -> bool {
        self.stands_still.store(true, Ordering::SeqCst);
        if self.guests.load(Ordering::SeqCst) == 0 {
            thread::park_timeout(LONGEST_SLEEP);
        }
        !self.stands_still.swap(false, Ordering::SeqCst)
    }
}

/// In how many ticks a guest may be seen computing. The tick that is under way does not count, so that
/// a decision has at least the time that it was promised.
pub(crate) fn ticks(deadline: Duration) -> u64 {
    let whole = deadline.as_nanos().div_ceil(TICK.as_nanos());
    u64::try_from(whole).unwrap_or(u64::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::Ordering;
    use std::thread;
    use std::time::Duration;

    use super::{Activity, Running, ticks};

    #[test]
    fn a_clock_that_stands_still_is_woken_by_the_first_guest() {
        let activity = Arc::new(Activity::default());
        activity.clock.set(thread::current()).unwrap();
        activity.stands_still.store(true, Ordering::SeqCst);
        activity.enter();
        assert!(!activity.stands_still.load(Ordering::SeqCst));
        // It had not begun to wait yet, and is woken all the same.
        thread::park();
        activity.enter();
        drop(Running(Arc::clone(&activity)));
        assert_eq!(activity.guests.load(Ordering::SeqCst), 1);
        // While there is a guest it does not wait.
        assert!(!activity.stand_still());
    }

    #[test]
    fn a_deadline_is_never_shorter_than_promised() {
        assert_eq!(ticks(Duration::ZERO), 1);
        assert_eq!(ticks(Duration::from_micros(1)), 2);
        assert_eq!(ticks(Duration::from_millis(10)), 11);
        assert_eq!(ticks(Duration::MAX), u64::MAX);
    }
}
