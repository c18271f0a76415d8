//! Requests with one answer.

use std::time::{Duration, Instant};

use anyhow::ensure;

use super::client::Connection;
use super::schedule::{AtRate, Schedule};
use super::{Target, Times, all, nanoseconds, times};
use crate::machine;

/// Requests before anything is measured.
const WARM_UP: usize = 500;

/// One caller may take no longer than this: a slow gateway is known after fewer requests.
const PATIENCE: Duration = Duration::from_secs(12);

/// Callers of an open loop. More would be waiting for the same processor.
const CONNECTIONS: usize = 64;

/// One caller who asks again as soon as there is an answer, on one processor.
///
/// # Errors
/// Where a request fails.
pub fn one_caller(target: Target, processor: usize, requests: usize) -> anyhow::Result<Times> {
    let request = target.chat("hello", false);
    machine::pinned(processor, || {
        let mut connection = Connection::open(target.address)?;
        repeat(&mut connection, &request, WARM_UP)?;
        repeat(&mut connection, &request, requests)
    })
}

/// Measures the time of a request whose body has so many bytes.
///
/// # Errors
/// Where a request fails.
pub fn of_size(
    target: Target,
    processor: usize,
    bytes: usize,
    requests: usize,
) -> anyhow::Result<Times> {
    let request = super::client::chat_of(target, bytes)?;
    machine::pinned(processor, || {
        let mut connection = Connection::open(target.address)?;
        repeat(&mut connection, &request, 2)?;
        repeat(&mut connection, &request, requests)
    })
}

fn repeat(connection: &mut Connection, request: &[u8], requests: usize) -> anyhow::Result<Times> {
    let mut taken = times()?;
    let begun = Instant::now();
    for _ in 0..requests {
        let started = Instant::now();
        let status = connection.ask(request)?;
        taken.saturating_record(nanoseconds(started.elapsed()));
        ensure!(status == 200, "answered {status}");
        if begun.elapsed() > PATIENCE {
            break;
        }
    }
    Ok(taken)
}

/// Many callers who ask as soon as they have an answer; the number of answers.
///
/// # Errors
/// Where a request fails.
pub fn many_callers(
    target: Target,
    processor: usize,
    callers: usize,
    span: Duration,
) -> anyhow::Result<u64> {
    let request = target.chat("hello", false);
    let caller = || {
        let mut connection = Connection::open(target.address)?;
        let started = Instant::now();
        let mut answers = 0;
        while started.elapsed() < span {
            let status = connection.ask(&request)?;
            ensure!(status == 200, "answered {status}");
            answers += 1;
        }
        Ok(answers)
    };
    machine::pinned(processor, || Ok(all(callers, caller)?.into_iter().sum()))
}

/// Requests at a fixed rate.
///
/// # Errors
/// Where a request fails.
pub fn at_rate(
    target: Target,
    processor: usize,
    rate: f64,
    span: Duration,
) -> anyhow::Result<AtRate<Times>> {
    let request = target.chat("hello", false);
    machine::pinned(processor, || {
        let schedule = Schedule::new(rate, span);
        let caller = || {
            let mut connection = Connection::open(target.address)?;
            let mut taken = times()?;
            while let Some(due) = schedule.next() {
                let status = connection.ask(&request)?;
                taken.saturating_record(nanoseconds(due.elapsed()));
                ensure!(status == 200, "answered {status}");
            }
            Ok(taken)
        };
        let mut whole = times()?;
        for part in all(CONNECTIONS, caller)? {
            whole.add(part)?;
        }
        let kept_up = schedule.settle(&mut whole);
        Ok(AtRate { times: whole, kept_up })
    })
}
