//! The audit log: what a line costs the request that it tells of, and how fast a log is proven.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use hdrhistogram::Histogram;
use stockade_audit::{AuditLog, AuditSettings, Kind, VerifyOptions, verify};
use stockade_core::SystemClock;

use crate::decisions::{LONGEST, nanoseconds};

/// The lines of a second, by two threads.
const LINES_PER_SECOND: u32 = 20_000;
const THREADS: u32 = 2;
/// The longest wait for the disk at the end.
const PATIENCE: Duration = Duration::from_mins(5);

/// The record of a usual request, 700 bytes.
fn record() -> String {
    format!(
        r#"{{"schema":1,"request":"req_00c0ffee00c0000000000001","generation":7,"user":"alice","operation":"chat","filler":"{}"}}"#,
        "x".repeat(580)
    )
}

fn open(directory: &Path) -> anyhow::Result<AuditLog> {
    let settings = AuditSettings::of(directory.join("audit"));
    Ok(AuditLog::open(settings, Arc::new(SystemClock))?)
}

/// Measures how long a request is held up by its line, in nanoseconds, while two threads write
/// 20,000 lines a second for so long.
///
/// # Errors
/// Where a line cannot be written.
pub fn lines(time: Duration) -> anyhow::Result<Histogram<u64>> {
    let directory = tempfile::tempdir()?;
    let log = open(directory.path())?;
    let record = record();
    let threads = thread::scope(|scope| {
        let writing = || paced(&log, record.as_bytes(), time);
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(writing)).collect();
        threads.into_iter().map(thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    let mut all = Histogram::new_with_bounds(1, LONGEST, 3)?;
    for thread in threads {
        let Ok(histogram) = thread else { bail!("a thread that writes lines panicked") };
        all.add(histogram?)?;
    }
    Ok(all)
}

/// Writes the lines of one thread, evenly.
fn paced(log: &AuditLog, record: &[u8], time: Duration) -> anyhow::Result<Histogram<u64>> {
    let mut histogram = Histogram::new_with_bounds(1, LONGEST, 3)?;
    let pause = Duration::from_secs(1) / (LINES_PER_SECOND / THREADS);
    let begin = Instant::now();
    let mut next = begin;
    while begin.elapsed() < time {
        if next > Instant::now() {
            // Sleeping takes longer than the pause.
            std::hint::spin_loop();
            continue;
        }
        next += pause;
        let started = Instant::now();
        log.reserve()?.write(Kind::Request, record);
        histogram.saturating_record(nanoseconds(started.elapsed()));
    }
    Ok(histogram)
}

/// Measures how many lines are proven in a second.
///
/// # Errors
/// Where a log of so many lines cannot be written, or is not proven.
pub fn proven(lines: u64) -> anyhow::Result<f64> {
    let directory = tempfile::tempdir()?;
    let log = open(directory.path())?;
    let record = record();
    for number in 1..=lines {
        log.reserve()?.write(Kind::Request, record.as_bytes());
        if number.is_multiple_of(20_000) && !log.flush(PATIENCE) {
            bail!("the disk does not take the log");
        }
    }
    let keys = vec![log.key().clone()];
    log.close();
    let options = VerifyOptions { keys, anchors: Vec::new() };
    let started = Instant::now();
    let proof = verify(&directory.path().join("audit"), &options)?;
    let took = started.elapsed().as_secs_f64();
    let count = u32::try_from(proof.lines).context("there are fewer lines")?;
    if !proof.holds() || u64::from(count) < lines {
        bail!("the log is not proven: {:?}", proof.findings.first());
    }
    Ok(f64::from(count) / took)
}
