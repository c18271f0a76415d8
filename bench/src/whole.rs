//! Whole requests: Stockade beside the other gateways, in one run.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::load::{self, Times, upstream};
use crate::machine::{monotonic, processors};
use crate::memory::{self, Memory};
use crate::peers::{Gateway, Peer};
use crate::process::Process;
use crate::table::{Goal, Row, Table};

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Requests of one caller.
    pub requests: usize,
    /// For how long many callers ask.
    pub span: Duration,
    /// Streams of each of ten callers.
    pub streams: usize,
    /// Connections that are held open.
    pub held: usize,
    /// Rates of the load curve, requests per second.
    pub rates: &'static [f64],
}

impl Effort {
    /// Under two minutes for everything.
    pub const QUICK: Self = Self {
        requests: 8_000,
        span: Duration::from_millis(1_500),
        streams: 5,
        held: 500,
        rates: &[1_000.0, 3_000.0],
    };
    /// As much as the noise asks for.
    pub const FULL: Self = Self {
        requests: 50_000,
        span: Duration::from_secs(5),
        streams: 20,
        held: 2_000,
        rates: &[500.0, 1_000.0, 2_000.0, 4_000.0, 6_000.0, 8_000.0, 10_000.0],
    };
}

/// What was found of one gateway.
#[derive(Clone, Debug)]
pub struct Found {
    /// Which.
    pub peer: Peer,
    /// Of one caller, everything on one processor, in microseconds.
    pub alone: f64,
    /// Processor time of the gateway per request, in microseconds.
    pub processor: f64,
    /// 99th percentile of the lateness of first and later chunks, in milliseconds.
    pub late: (f64, f64),
    /// Resident memory.
    pub memory: Memory,
    /// For each rate, the median and the 99th percentile in milliseconds.
    pub curve: Vec<(f64, f64, f64)>,
}

/// The upstream of all, a program of its own, so that its time is not the load's.
pub struct Upstream {
    /// Where it listens.
    pub address: SocketAddr,
    _process: Process,
}

/// Start the upstream on one processor.
///
/// # Errors
/// Where it does not start.
pub fn start_upstream(directory: &Path, processor: usize) -> anyhow::Result<Upstream> {
    let log = directory.join("upstream");
    let mut command = Command::new(std::env::current_exe()?);
    let mut process = Process::start(command.arg("upstream"), processor, &log)?;
    let limit = monotonic() + 10_000_000_000;
    loop {
        let said = std::fs::read_to_string(&log)?;
        if let Some(address) = said.lines().next().and_then(|line| line.parse().ok()) {
            return Ok(Upstream { address, _process: process });
        }
        ensure!(process.alive() && monotonic() < limit, "the upstream does not start: {said}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Measure every gateway that can be; of the others, why not.
///
/// # Errors
/// Where not even the upstream starts.
pub fn measure(
    effort: Effort,
    peers: &[Peer],
    progress: impl Fn(&str),
) -> anyhow::Result<Vec<(Peer, anyhow::Result<Found>)>> {
    let directory = tempfile::tempdir()?;
    let processors = processors();
    let (first, last) =
        (*processors.first().context("no processor")?, *processors.last().context("none")?);
    let upstream = start_upstream(directory.path(), first)?;
    let mut found = Vec::new();
    for &peer in peers {
        progress(&format!("whole requests: {}", peer.name()));
        found.push((peer, one(peer, upstream.address, (first, last), effort)));
    }
    Ok(found)
}

fn one(
    peer: Peer,
    upstream: SocketAddr,
    (first, last): (usize, usize),
    effort: Effort,
) -> anyhow::Result<Found> {
    let alone = {
        let gateway = Gateway::start(peer, upstream, first)?;
        load::one_caller(gateway.address, first, effort.requests)?
    };
    let gateway = Gateway::start(peer, upstream, last)?;
    let processor = per_request(&gateway, first, effort.span)?;
    let late = load::streams(gateway.address, first, 10, effort.streams)?;
    let curve = effort.rates.iter().map(|&rate| {
        let times = load::at_rate(gateway.address, first, rate, effort.span)?;
        Ok((rate, milliseconds(&times, 0.5), milliseconds(&times, 0.99)))
    });
    let curve = curve.collect::<anyhow::Result<Vec<_>>>()?;
    drop(gateway);
    let gateway = Gateway::start(peer, upstream, last)?;
    Ok(Found {
        peer,
        alone: milliseconds(&alone, 0.5) * 1_000.0,
        processor,
        late: (milliseconds(&late.first, 0.99), milliseconds(&late.later, 0.99)),
        memory: memory::measure(&gateway, effort.held)?,
        curve,
    })
}

#[expect(clippy::cast_precision_loss, reason = "thousands of requests")]
fn per_request(gateway: &Gateway, processor: usize, span: Duration) -> anyhow::Result<f64> {
    load::many_callers(gateway.address, processor, 32, span / 3)?;
    let before = gateway.process.processor_time()?;
    let answers = load::many_callers(gateway.address, processor, 32, span)?;
    let used = gateway.process.processor_time()?.saturating_sub(before);
    Ok(used.as_secs_f64() * 1e6 / answers as f64)
}

#[expect(clippy::cast_precision_loss, reason = "nanoseconds of milliseconds")]
fn milliseconds(times: &Times, quantile: f64) -> f64 {
    times.value_at_quantile(quantile) as f64 / 1e6
}

/// The rows of the table: our figures against the goals, and the others beside them.
pub fn rows(table: &mut Table, found: &[(Peer, anyhow::Result<Found>)]) {
    let of = |wanted: Peer| {
        found.iter().find_map(|(peer, found)| (*peer == wanted).then_some(found.as_ref().ok())?)
    };
    let envoy = of(Peer::Envoy).map_or(52.0, |envoy| envoy.alone);
    for (peer, found) in found {
        match found {
            Ok(found) if *peer == Peer::Stockade => our_rows(table, found, envoy),
            Ok(found) => their_rows(table, found),
            Err(error) => {
                let what = format!("whole request, {}", peer.name());
                table.push(Row::absent(what, Goal::None, "", format!("{error:#}")));
            }
        }
    }
    let what = "requests per CPU second, to nginx + njs";
    table.push(match (of(Peer::Stockade), of(Peer::Nginx)) {
        (Some(ours), Some(nginx)) => {
            Row::new(what, Goal::AtLeast(0.75), nginx.processor / ours.processor, "×")
        }
        _ => Row::absent(what, Goal::AtLeast(0.75), "×", "nginx is not here"),
    });
}

fn our_rows(table: &mut Table, found: &Found, envoy: f64) {
    let goal = Goal::AtMost;
    table.push(Row::new("whole request, same-core p50", goal(52.0), found.alone, "µs"));
    table.push(Row::new("whole request, p50 ahead of Envoy", goal(envoy), found.alone, "µs"));
    table.push(Row::new("whole request, CPU", goal(28.0), found.processor, "µs"));
    table.push(Row::new("first chunk after upstream's, p99", goal(1.0), found.late.0, "ms"));
    table.push(Row::new("later chunks after upstream's, p99", goal(1.0), found.late.1, "ms"));
    let idle = found.memory.idle / 1024.0;
    table.push(Row::new("memory, idle", goal(30.0), idle, "MiB"));
    table.push(Row::new("memory, idle connection", goal(12.0), found.memory.connection, "KiB"));
    table.push(Row::new("memory, open stream", goal(33.0), found.memory.stream, "KiB"));
    curve(table, found);
}

fn their_rows(table: &mut Table, found: &Found) {
    let name = found.peer.name();
    let mut row = |what: &str, figure, unit| {
        table.push(Row::new(format!("{name}: {what}"), Goal::None, figure, unit));
    };
    row("same-core p50", found.alone, "µs");
    row("CPU", found.processor, "µs");
    row("first chunk, p99", found.late.0, "ms");
    row("later chunks, p99", found.late.1, "ms");
    row("memory, idle", found.memory.idle / 1024.0, "MiB");
    row("memory, idle connection", found.memory.connection, "KiB");
    row("memory, open stream", found.memory.stream, "KiB");
    curve(table, found);
}

fn curve(table: &mut Table, found: &Found) {
    for &(rate, median, high) in &found.curve {
        let what = |quantile| format!("{}: {rate:.0}/s open loop, {quantile}", found.peer.name());
        table.push(Row::new(what("p50"), Goal::None, median, "ms"));
        table.push(Row::new(what("p99"), Goal::None, high, "ms"));
    }
}

/// Serve as the upstream until killed, and say where on standard output.
///
/// # Errors
/// Where it cannot listen.
pub fn serve_upstream() -> anyhow::Result<()> {
    use std::io::Write as _;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (listener, address) = upstream::listen().await?;
        writeln!(std::io::stdout(), "{address}")?;
        upstream::serve(listener).await
    })
}
