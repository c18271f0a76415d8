//! The clock of deadlines: one tick of the engine's epoch each millisecond.

use std::time::Duration;
use std::{io, thread};

use wasmtime::Engine;

const TICK: Duration = Duration::from_millis(1);

/// Start the thread that ticks. It holds the engine weakly and ends with it.
///
/// It sleeps between ticks instead of keeping to a schedule: ticks that were missed
/// while the machine was busy are not made up for, which would cut decisions short
/// that had no chance to run.
pub(crate) fn start(engine: &Engine) -> io::Result<()> {
    let engine = engine.weak();
    let tick = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(TICK);
        }
    };
    thread::Builder::new().name("policy-deadlines".to_owned()).spawn(tick)?;
    Ok(())
}

/// In how many ticks a guest may be seen computing. The tick that is under way does not count, so that
/// a decision has at least the time that it was promised.
pub(crate) fn ticks(deadline: Duration) -> u64 {
    let whole = deadline.as_nanos().div_ceil(TICK.as_nanos());
    u64::try_from(whole).unwrap_or(u64::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::ticks;
    use std::time::Duration;

    #[test]
    fn a_deadline_is_never_shorter_than_promised() {
        assert_eq!(ticks(Duration::ZERO), 1);
        assert_eq!(ticks(Duration::from_micros(1)), 2);
        assert_eq!(ticks(Duration::from_millis(10)), 11);
        assert_eq!(ticks(Duration::MAX), u64::MAX);
    }
}
