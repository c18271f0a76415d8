//! Streamed answers: how late their chunks come after the upstream sent them, and how long
//! a caller waits for the first one and for the next.

use std::time::{Duration, Instant};

use anyhow::ensure;

use super::client::Connection;
use super::schedule::{AtRate, Schedule};
use super::{Target, Times, all, nanoseconds, times, upstream};
use crate::machine::{self, monotonic};

/// The lateness of chunks, against the time of their sending that stands in them.
pub struct Lateness {
    /// The first chunk of each answer.
    pub first: Times,
    /// Each further chunk.
    pub later: Times,
}

/// The waits of callers of an open loop.
pub struct Waits {
    /// From when the request was due to its first byte.
    pub first_byte: Times,
    /// Between a chunk and the next. A gap of several of the upstream's pauses stands for
    /// the chunks that should have come meanwhile, too.
    pub gap: Times,
}

/// Reads so many streamed answers, several at a time.
///
/// # Errors
/// Where one fails, or lacks a chunk.
pub fn lateness(
    target: Target,
    processor: usize,
    callers: usize,
    each: usize,
) -> anyhow::Result<Lateness> {
    let request = target.chat(upstream::IN_CHUNKS, true);
    let caller = || {
        let mut late = Lateness { first: times()?, later: times()? };
        let mut connection = Connection::open(target.address)?;
        for _ in 0..each {
            read(&mut connection, &request, |number, sent| {
                let times = if number == 0 { &mut late.first } else { &mut late.later };
                times.saturating_record(monotonic().saturating_sub(sent).max(1));
            })?;
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

/// Streams begun at a fixed rate.
///
/// # Errors
/// Where one fails, or lacks a chunk.
pub fn at_rate(
    target: Target,
    processor: usize,
    rate: f64,
    span: Duration,
) -> anyhow::Result<AtRate<Waits>> {
    let request = target.chat(upstream::IN_CHUNKS, true);
    machine::pinned(processor, || {
        let schedule = Schedule::new(rate, span);
        let caller = || {
            let mut waits = Waits { first_byte: times()?, gap: times()? };
            let mut connection = Connection::open(target.address)?;
            while let Some(due) = schedule.next() {
                wait_for(&mut connection, &request, due, &mut waits)?;
            }
            Ok(waits)
        };
        let mut whole = Waits { first_byte: times()?, gap: times()? };
        for part in all(at_once(rate), caller)? {
            whole.first_byte.add(part.first_byte)?;
            whole.gap.add(part.gap)?;
        }
        let kept_up = schedule.settle(&mut whole.first_byte);
        Ok(AtRate { times: whole, kept_up })
    })
}

/// Twice the streams that are open at this rate, so that a stream rarely waits for a caller.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some hundreds")]
fn at_once(rate: f64) -> usize {
    let open = rate * f64::from(upstream::CHUNKS) * upstream::GAP.as_secs_f64();
    (open * 2.0).clamp(16.0, 512.0) as usize
}

fn wait_for(
    connection: &mut Connection,
    request: &[u8],
    due: Instant,
    waits: &mut Waits,
) -> anyhow::Result<()> {
    let mut before = due;
    read(connection, request, |number, _sent| {
        let now = Instant::now();
        let waited = nanoseconds(now.saturating_duration_since(before)).max(1);
        before = now;
        if number == 0 {
            waits.first_byte.saturating_record(waited);
        } else {
            // It fails only where the histogram does not reach so far: a lost minute.
            waits.gap.record_correct(waited, nanoseconds(upstream::GAP)).ok();
        }
    })
}

/// Reads one streamed answer; each chunk is told with its number and its stamp.
fn read(
    connection: &mut Connection,
    request: &[u8],
    mut chunk: impl FnMut(u32, u64),
) -> anyhow::Result<()> {
    let mut seen = 0;
    let mut line = Vec::new();
    let status = connection.ask_in_parts(request, |part| {
        for &byte in part {
            line.push(byte);
            if byte == b'\n' {
                if let Some(sent) = stamp(&line) {
                    chunk(seen, sent);
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

/// The time in a chunk that the upstream made, in Ollama's form or in OpenAI's.
pub(super) fn stamp(line: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(line).ok()?;
    text.split_once("\"content\":\"")?.1.split_once('"')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_chunk_says_when_it_was_sent() {
        let line = b"{\"message\":{\"role\":\"assistant\",\"content\":\"1234\"},\"done\":false}\n";
        assert_eq!(super::stamp(line), Some(1234));
        let event = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"77\"}}]}\n";
        assert_eq!(super::stamp(event), Some(77));
        assert_eq!(super::stamp(b"{\"error\":\"no\"}\n"), None);
    }
}
