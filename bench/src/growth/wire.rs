//! Growth on the wire: bodies, and streams that are open at the same time.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::columns::{
    BODY_FLOOR, BODY_MEMORY, BODY_NONE, BODY_OURS, CHUNK_FLOOR, CHUNK_HIGH, CHUNK_MEDIAN,
    CHUNK_PROCESSOR, STREAM_FLOOR, STREAM_MEMORY,
};
use crate::load::held::{Held, OPEN};
use crate::load::{self, Target, unary};
use crate::peers::{Gateway, Peer};
use crate::process::Process;
use crate::whole::Bench;

pub(super) const BODIES: &[&str] = &[BODY_OURS, BODY_FLOOR, BODY_NONE, BODY_MEMORY];

/// Requests of one size send this much together.
const TRAFFIC: u32 = 128 << 20;

/// One request with so large a body, through Stockade, through the floor, and without any.
pub(super) fn body(bench: &Bench, bytes: u32) -> anyhow::Result<Vec<f64>> {
    let requests = (TRAFFIC / bytes).clamp(5, 1_000) as usize;
    let median = |target: Target| {
        let times = unary::of_size(target, bench.first, bytes as usize, requests)?;
        anyhow::Ok(load::milliseconds(&times, 0.5))
    };
    let ours = Gateway::start(Peer::Stockade, bench.upstream(), bench.last)?;
    let stockade = median(ours.target)?;
    let most = ours.process.most_resident()? / 1_024.0;
    drop(ours);
    let floor = Gateway::start(Peer::Floor, bench.upstream(), bench.last)?;
    let least = median(floor.target)?;
    Ok(vec![stockade, least, median(Target::native(bench.upstream()))?, most])
}

pub(super) const STREAMS: &[&str] =
    &[CHUNK_MEDIAN, CHUNK_HIGH, CHUNK_PROCESSOR, STREAM_MEMORY, CHUNK_FLOOR, STREAM_FLOOR];

/// So many open streams with a chunk a second each, through Stockade and through the floor.
pub(super) fn streams(bench: &Bench, count: u32, span: Duration) -> anyhow::Result<Vec<f64>> {
    let ours = hold(bench, Peer::Stockade, count, span)?;
    let floor = hold(bench, Peer::Floor, count, span)?;
    Ok(vec![ours.median, ours.high, ours.processor, ours.memory, floor.high, floor.memory])
}

/// The figures of streams held open.
struct Holding {
    /// Lateness in milliseconds.
    median: f64,
    high: f64,
    /// Percent of a processor that the gateway takes.
    processor: f64,
    /// KiB of the gateway's memory for each stream.
    memory: f64,
}

/// Streams must all be open after this time.
const PATIENCE: Duration = Duration::from_mins(2);

#[expect(clippy::cast_precision_loss, reason = "nanoseconds of seconds")]
fn hold(bench: &Bench, peer: Peer, count: u32, span: Duration) -> anyhow::Result<Holding> {
    let gateway = Gateway::start(peer, bench.upstream(), bench.last)?;
    let idle = gateway.process.resident()?;
    let log = bench.directory().join("held");
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["hold", "--streams", &count.to_string()]);
    command.args(["--seconds", &span.as_secs_f64().to_string()]);
    command.arg("--target").arg(gateway.target.address.to_string());
    let mut callers = Process::start(&mut command, bench.first, &log)?;
    callers.says(&log, PATIENCE, |said| said.lines().find(|&line| line == OPEN).map(|_| ()))?;
    let (before, started) = (gateway.process.processor_time()?, Instant::now());
    let memory = gateway.process.resident()?;
    let held: Held = callers
        .says(&log, span + PATIENCE, |said| {
            said.lines().find_map(|line| serde_json::from_str(line).ok())
        })
        .with_context(|| format!("{} with {count} streams", peer.name()))?;
    let elapsed = started.elapsed();
    let used = gateway.process.processor_time()?.saturating_sub(before);
    Ok(Holding {
        median: held.median as f64 / 1e6,
        high: held.high as f64 / 1e6,
        processor: used.as_secs_f64() * 100.0 / elapsed.as_secs_f64(),
        memory: (memory - idle) / f64::from(count),
    })
}
