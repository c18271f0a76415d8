//! Whole requests: Stockade beside the other gateways, in one run.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;

use crate::configurations::{served, ten_policies};
use crate::load::streams::Lateness;
use crate::load::{self, Target, milliseconds, streams, unary, upstream};
use crate::machine::processors;
use crate::memory::{self, Memory};
use crate::peers::{Gateway, Peer};
use crate::process::Process;

/// The extent of a measurement.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Beside which others.
    pub peers: &'static [Peer],
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
    /// Rates of the load curve of streams, streams per second.
    pub stream_rates: &'static [f64],
}

impl Effort {
    /// Under two minutes for everything.
    pub const QUICK: Self = Self {
        peers: &Peer::FAST,
        requests: 6_000,
        span: Duration::from_millis(900),
        streams: 4,
        held: 500,
        rates: &[1_000.0, 4_000.0],
        stream_rates: &[50.0, 200.0],
    };
    /// As much as the noise asks for.
    pub const FULL: Self = Self {
        peers: &Peer::ALL,
        requests: 50_000,
        span: Duration::from_secs(5),
        streams: 20,
        held: 2_000,
        rates: &[
            250.0, 500.0, 1_000.0, 2_000.0, 4_000.0, 6_000.0, 8_000.0, 10_000.0, 12_000.0, 16_000.0,
        ],
        stream_rates: &[25.0, 50.0, 100.0, 200.0, 400.0, 800.0, 1_200.0],
    };
}

/// One point of a load curve.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    /// Requests per second.
    pub rate: f64,
    /// The median in milliseconds.
    pub median: f64,
    /// The 99th percentile in milliseconds.
    pub high: f64,
}

/// The figures of one gateway, or of none at all.
#[derive(Clone, Debug)]
pub struct Found {
    /// Of one caller, everything on one processor, in microseconds.
    pub alone: f64,
    /// Processor time of the gateway per request of 32 callers, everything on one processor,
    /// in microseconds.
    pub processor: Option<f64>,
    /// 99th percentile of the lateness of first and later chunks, in milliseconds.
    pub late: (f64, f64),
    /// Resident memory.
    pub memory: Option<Memory>,
    /// Requests with one answer, over their rate.
    pub unary: Vec<Point>,
    /// First bytes of streams, over their rate.
    pub first_byte: Vec<Point>,
    /// Gaps between chunks, over the rate of streams.
    pub gap: Vec<Point>,
    /// The figures that could not be measured, and why.
    pub missing: Vec<(&'static str, String)>,
}

/// The gateway of a measurement; none for comparison.
pub type Subject = Option<Peer>;

/// The figures, or why there are none.
pub type Outcome = (Subject, anyhow::Result<Found>);

/// An upstream and the processors: the load and the upstream have the first one, gateways
/// the last.
pub struct Bench {
    /// For the load and the upstream.
    pub first: usize,
    /// For the gateway.
    pub last: usize,
    upstream: SocketAddr,
    _process: Process,
    directory: tempfile::TempDir,
}

impl Bench {
    /// Starts the upstream, a program of its own, so that its time is not the load's.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn start() -> anyhow::Result<Self> {
        let processors = processors();
        let first = *processors.first().context("no processor")?;
        let last = *processors.last().context("no processor")?;
        let directory = tempfile::tempdir()?;
        let log = directory.path().join("upstream");
        let mut command = Command::new(std::env::current_exe()?);
        let mut process = Process::start(command.arg("upstream"), first, &log)?;
        let address = |said: &str| said.lines().next()?.parse().ok();
        let upstream = process
            .says(&log, Duration::from_secs(10), address)
            .context("the upstream does not start")?;
        Ok(Self { first, last, upstream, _process: process, directory })
    }

    /// The address of the upstream.
    pub fn upstream(&self) -> SocketAddr {
        self.upstream
    }

    /// For what programs of a measurement say.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }
}

/// Measures every gateway that can be; tells of the others why not.
pub fn measure(bench: &Bench, effort: Effort, progress: impl Fn(&str)) -> Vec<Outcome> {
    let others = effort.peers.iter().copied().map(Some);
    let subjects = others.chain([None]);
    let measured = subjects.map(|subject| {
        progress(&format!("whole requests: {}", name(subject)));
        let found = match subject {
            Some(peer) => one(bench, peer, effort),
            None => nothing(bench, effort),
        };
        (subject, found)
    });
    measured.collect()
}

/// The name in the table.
pub fn name(subject: Subject) -> &'static str {
    subject.map_or("no gateway", Peer::name)
}

fn one(bench: &Bench, peer: Peer, effort: Effort) -> anyhow::Result<Found> {
    // Everything on one processor: waking another, of a virtual machine at least, costs more
    // than a gateway does, and who leaves it time to fall asleep would be charged for that.
    let (alone, processor) = {
        let gateway = Gateway::start(peer, bench.upstream, bench.first)?;
        let alone = unary::one_caller(gateway.target, bench.first, effort.requests)?;
        (alone, per_request(&gateway, bench.first, 32, effort.span)?)
    };
    let gateway = Gateway::start(peer, bench.upstream, bench.last)?;
    let late = streams::lateness(gateway.target, bench.first, 10, effort.streams)?;
    let mut found = Found {
        alone: load::microseconds(&alone, 0.5),
        processor: Some(processor),
        late: high(&late),
        memory: None,
        unary: Vec::new(),
        first_byte: Vec::new(),
        gap: Vec::new(),
        missing: Vec::new(),
    };
    if let Err(error) = curves(bench, gateway.target, effort, &mut found) {
        found.missing.push(("load", format!("{error:#}")));
    }
    drop(gateway);
    let gateway = Gateway::start(peer, bench.upstream, bench.last)?;
    match memory::measure(&gateway, effort.held) {
        Ok(memory) => found.memory = Some(memory),
        Err(error) => found.missing.push(("memory", format!("{error:#}"))),
    }
    Ok(found)
}

/// The load and the upstream without a gateway between them.
fn nothing(bench: &Bench, effort: Effort) -> anyhow::Result<Found> {
    let target = Target::native(bench.upstream);
    let alone = unary::one_caller(target, bench.first, effort.requests)?;
    let late = streams::lateness(target, bench.first, 10, effort.streams)?;
    let mut found = Found {
        alone: load::microseconds(&alone, 0.5),
        processor: None,
        late: high(&late),
        memory: None,
        unary: Vec::new(),
        first_byte: Vec::new(),
        gap: Vec::new(),
        missing: Vec::new(),
    };
    curves(bench, target, effort, &mut found)?;
    Ok(found)
}

/// Up to the first rate that it cannot keep up with.
fn curves(bench: &Bench, target: Target, effort: Effort, found: &mut Found) -> anyhow::Result<()> {
    for &rate in effort.rates {
        let at = unary::at_rate(target, bench.first, rate, effort.span)?;
        found.unary.push(Point::of(rate, &at.times));
        if !at.kept_up {
            break;
        }
    }
    for &rate in effort.stream_rates {
        let at = streams::at_rate(target, bench.first, rate, effort.span)?;
        found.first_byte.push(Point::of(rate, &at.times.first_byte));
        found.gap.push(Point::of(rate, &at.times.gap));
        if !at.kept_up {
            break;
        }
    }
    Ok(())
}

impl Point {
    fn of(rate: f64, times: &load::Times) -> Self {
        Self { rate, median: milliseconds(times, 0.5), high: milliseconds(times, 0.99) }
    }
}

fn high(late: &Lateness) -> (f64, f64) {
    (milliseconds(&late.first, 0.99), milliseconds(&late.later, 0.99))
}

/// MiB of Stockade with ten policies, after a few requests.
///
/// # Errors
/// Where it does not start.
pub fn idle_memory(bench: &Bench) -> anyhow::Result<f64> {
    let gateway = Gateway::configured(&served(&ten_policies()), bench.upstream, bench.last)?;
    Ok(gateway.process.resident()? / 1_024.0)
}

/// Processor time of a gateway per request of so many callers, in microseconds.
#[expect(clippy::cast_precision_loss, reason = "thousands of requests")]
pub(crate) fn per_request(
    gateway: &Gateway,
    processor: usize,
    callers: usize,
    span: Duration,
) -> anyhow::Result<f64> {
    unary::many_callers(gateway.target, processor, callers, span / 3)?;
    let before = gateway.process.processor_time()?;
    let answers = unary::many_callers(gateway.target, processor, callers, span)?;
    let used = gateway.process.processor_time()?.saturating_sub(before);
    Ok(used.as_secs_f64() * 1e6 / answers as f64)
}

/// Serves as the upstream until killed, and prints its address on standard output.
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
