//! The cost of one decision: each is timed by itself.

use std::sync::Barrier;
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use hdrhistogram::Histogram;

use crate::machine;
use crate::scenario::Question;

/// Decisions before anything is measured: slots, caches and branch predictors settle.
const WARM_UP: usize = 2_000;

/// Longer counts as this: ten seconds in nanoseconds.
pub(crate) const LONGEST: u64 = 10_000_000_000;

/// Measures the time of decisions, in nanoseconds, on one pinned thread.
///
/// # Errors
/// Where the question is not answered with yes: what is measured must be the whole way.
pub fn latency(question: &Question, decisions: usize) -> anyhow::Result<Histogram<u64>> {
    let processors = machine::processors();
    let last = *processors.last().context("no processor to run on")?;
    machine::pinned(last, || {
        ask(question, WARM_UP)?;
        let mut histogram = Histogram::new_with_bounds(1, LONGEST, 3)?;
        for _ in 0..decisions {
            let started = Instant::now();
            question.decide()?;
            histogram.saturating_record(nanoseconds(started.elapsed()));
        }
        Ok(histogram)
    })
}

/// Counts the decisions a second of so many threads, each on a processor of its own.
///
/// # Errors
/// Where a thread cannot run.
pub fn throughput(question: &Question, threads: usize, span: Duration) -> anyhow::Result<f64> {
    let processors = machine::processors();
    let barrier = Barrier::new(threads);
    let counted: Vec<_> = std::thread::scope(|scope| {
        let start = |thread: usize| {
            let (barrier, processor) = (&barrier, processors[thread % processors.len()]);
            scope.spawn(move || count(question, processor, barrier, span))
        };
        let running: Vec<_> = (0..threads).map(start).collect();
        running.into_iter().map(ScopedJoinHandle::join).collect()
    });
    let mut rate = 0.0;
    for thread in counted {
        rate += thread.ok().context("a measuring thread panicked")??;
    }
    Ok(rate)
}

fn count(
    question: &Question,
    processor: usize,
    barrier: &Barrier,
    span: Duration,
) -> anyhow::Result<f64> {
    machine::pin(processor);
    ask(question, WARM_UP)?;
    barrier.wait();
    let started = Instant::now();
    let mut batches = 0_u32;
    while started.elapsed() < span {
        ask(question, 100)?;
        batches += 1;
    }
    Ok(f64::from(batches) * 100.0 / started.elapsed().as_secs_f64())
}

/// Decides as often as told.
///
/// # Errors
/// Where the answer is no.
pub fn ask(question: &Question, decisions: usize) -> anyhow::Result<()> {
    for _ in 0..decisions {
        question.decide()?;
    }
    Ok(())
}

pub(crate) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
