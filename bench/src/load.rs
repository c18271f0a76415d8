//! Load: callers one after the other, many at once, at a given rate, and in streams.

pub mod client;
pub mod upstream;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use hdrhistogram::Histogram;

use self::client::{Connection, chat};
use crate::machine::{self, monotonic};
use crate::peers::{KEY, MODEL};

/// Requests before anything is measured.
const WARM_UP: usize = 500;

/// Longer counts as this: a minute in nanoseconds.
const LONGEST: u64 = 60_000_000_000;

/// Times in nanoseconds.
pub type Times = Histogram<u64>;

fn times() -> anyhow::Result<Times> {
    Ok(Times::new_with_bounds(1, LONGEST, 3)?)
}

/// One caller who asks again as soon as there is an answer, on one processor.
///
/// # Errors
/// Where a request fails.
pub fn one_caller(address: SocketAddr, processor: usize, requests: usize) -> anyhow::Result<Times> {
    machine::pinned(processor, || {
        let request = chat(KEY, MODEL, "hello", false);
        let mut connection = Connection::open(address)?;
        for _ in 0..WARM_UP {
            connection.ask(&request)?;
        }
        let mut taken = times()?;
        for _ in 0..requests {
            let started = Instant::now();
            let status = connection.ask(&request)?;
            taken.saturating_record(nanoseconds(started.elapsed()));
            ensure!(status == 200, "answered {status}");
        }
        Ok(taken)
    })
}

/// Many callers who ask as soon as they have an answer; the number of answers.
///
/// # Errors
/// Where a request fails.
pub fn many_callers(
    address: SocketAddr,
    processor: usize,
    callers: usize,
    span: Duration,
) -> anyhow::Result<u64> {
    let caller = || {
        let request = chat(KEY, MODEL, "hello", false);
        let mut connection = Connection::open(address)?;
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

/// Requests at a fixed rate, whatever the answers do. A time counts from when the request
/// was due, so a gateway that stalls is not spared the requests that waited meanwhile.
///
/// # Errors
/// Where a request fails.
pub fn at_rate(
    address: SocketAddr,
    processor: usize,
    rate: f64,
    span: Duration,
) -> anyhow::Result<Times> {
    const CONNECTIONS: usize = 64;
    let next = AtomicU64::new(0);
    let started = Instant::now() + Duration::from_millis(50);
    let caller = || {
        // Wake up when it is time and not 50 µs later.
        rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1)).ok();
        let request = chat(KEY, MODEL, "hello", false);
        let mut connection = Connection::open(address)?;
        let mut taken = times()?;
        loop {
            let turn = u32::try_from(next.fetch_add(1, Ordering::Relaxed))?;
            let after = Duration::from_secs_f64(f64::from(turn) / rate);
            if after > span {
                return Ok(taken);
            }
            let due = started + after;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let status = connection.ask(&request)?;
            taken.saturating_record(nanoseconds(due.elapsed()));
            ensure!(status == 200, "answered {status}");
        }
    };
    machine::pinned(processor, || {
        let mut whole = times()?;
        for part in all(CONNECTIONS, caller)? {
            whole.add(part)?;
        }
        Ok(whole)
    })
}

/// How late the chunks of streamed answers come, after the upstream sent them.
pub struct Lateness {
    /// The first chunk of each answer.
    pub first: Times,
    /// Each further chunk.
    pub later: Times,
}

/// Read so many streamed answers, several at a time.
///
/// # Errors
/// Where one fails, or lacks a chunk.
pub fn streams(
    address: SocketAddr,
    processor: usize,
    callers: usize,
    each: usize,
) -> anyhow::Result<Lateness> {
    let caller = || {
        let mut late = Lateness { first: times()?, later: times()? };
        let mut connection = Connection::open(address)?;
        for _ in 0..each {
            read_stream(&mut connection, &mut late)?;
        }
        Ok(late)
    };
    machine::pinned(processor, || {
        let mut whole = Lateness { first: times()?, later: times()? };
        for part in all(callers, caller)? {
            whole.first.add(part.first)?;
            whole.later.add(part.later)?;
        }
        Ok(whole)
    })
}

fn read_stream(connection: &mut Connection, late: &mut Lateness) -> anyhow::Result<()> {
    let mut seen = 0;
    let mut line = Vec::new();
    let request = chat(KEY, MODEL, upstream::IN_CHUNKS, true);
    let status = connection.ask_in_parts(&request, |part| {
        let now = monotonic();
        for &byte in part {
            line.push(byte);
            if byte == b'\n' {
                if let Some(sent) = stamp(&line) {
                    let times = if seen == 0 { &mut late.first } else { &mut late.later };
                    times.saturating_record(now.saturating_sub(sent).max(1));
                    seen += 1;
                }
                line.clear();
            }
        }
        true
    })?;
    ensure!(status == 200 && seen == upstream::CHUNKS, "answered {status} in {seen} chunks");
    Ok(())
}

/// The time in a chunk that the upstream made.
fn stamp(line: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(line).ok()?;
    text.split_once("\"content\":\"")?.1.split_once('"')?.0.parse().ok()
}

/// What so many threads make at the same time.
fn all<T: Send>(
    threads: usize,
    one: impl Fn() -> anyhow::Result<T> + Sync,
) -> anyhow::Result<Vec<T>> {
    let one = &one;
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        let done = running.into_iter().map(ScopedJoinHandle::join);
        done.map(|result| result.ok().context("a caller panicked")?).collect()
    })
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_chunk_says_when_it_was_sent() {
        let line = b"{\"message\":{\"role\":\"assistant\",\"content\":\"1234\"},\"done\":false}\n";
        assert_eq!(super::stamp(line), Some(1234));
        assert_eq!(super::stamp(b"{\"error\":\"no\"}\n"), None);
    }
}
