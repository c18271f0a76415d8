//! `cargo xtask bench`: every number that the design promises, measured.

mod output;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use stockade_bench::growth::Curve;
use stockade_bench::load::{Target, held};
use stockade_bench::peers::{KEY, floor};
use stockade_bench::report::Report;
use stockade_bench::soak::Until;
use stockade_bench::whole::{self, Bench, Outcome};
use stockade_bench::{decisions, machine, parts};

/// Measure what Stockade costs.
#[derive(Parser)]
#[command(name = "cargo xtask bench")]
struct Arguments {
    #[command(flatten)]
    run: Run,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Args)]
struct Run {
    /// Measure for shorter, under two minutes altogether.
    #[arg(long, global = true)]
    quick: bool,
    /// Write the figures as JSON to this file.
    #[arg(long, global = true, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the figures into this page, between its two marks, and the plots beside it.
    #[arg(long, global = true, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Part {
    /// Only bare decisions, beside other policy engines.
    Decisions,
    /// Only the audit log.
    Audit,
    /// Only how everything grows.
    Growth,
    /// Only quotas and the ledger of what was used.
    Quotas,
    /// Only whole requests, beside the other gateways.
    Whole,
    /// Only replay.
    Replay,
    /// Reload under load for some minutes.
    Soak {
        /// For how long.
        #[arg(long, default_value_t = 10.0)]
        minutes: f64,
    },
    /// Make decisions and nothing else, for strace to watch.
    #[command(hide = true)]
    Decide {
        /// Number of decisions.
        #[arg(long)]
        decisions: usize,
    },
    /// Be the upstream of the other measurements.
    #[command(hide = true)]
    Upstream,
    /// Be the least gateway that hyper allows.
    #[command(hide = true)]
    Floor {
        /// Address to listen on.
        #[arg(long)]
        listen: SocketAddr,
        /// Address to forward to.
        #[arg(long)]
        upstream: SocketAddr,
    },
    /// Be the callers of many streams at the same time.
    #[command(hide = true)]
    Hold {
        /// The gateway.
        #[arg(long)]
        target: SocketAddr,
        /// Number of streams.
        #[arg(long)]
        streams: usize,
        /// For how long, once all are open.
        #[arg(long)]
        seconds: f64,
    },
}

fn main() -> anyhow::Result<()> {
    let Arguments { run, part } = Arguments::parse();
    match part {
        Some(Part::Decide { decisions }) => decisions::ask(&parts::question()?, decisions),
        Some(Part::Upstream) => whole::serve_upstream(),
        Some(Part::Floor { listen, upstream }) => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(floor::serve(listen, upstream, KEY)),
        Some(Part::Hold { target, streams, seconds }) => {
            held::run(Target::native(target), streams, Duration::from_secs_f64(seconds))
        }
        Some(Part::Soak { minutes }) => soak(minutes),
        Some(Part::Replay) => replay(run.quick),
        Some(
            part @ (Part::Audit | Part::Decisions | Part::Growth | Part::Quotas | Part::Whole),
        ) => measure(&run, Some(&part)),
        None => measure(&run, None),
    }
}

/// The results, for the tables and for the plots.
struct Measured {
    report: Report,
    outcomes: Vec<Outcome>,
    curves: Vec<Curve>,
}

fn measure(run: &Run, only: Option<&Part>) -> anyhow::Result<()> {
    let mut report = Report::new(machine::facts());
    let bench = Bench::start()?;
    let (mut outcomes, mut curves) = (Vec::new(), Vec::new());
    if matches!(only, None | Some(Part::Decisions)) {
        parts::decide(&mut report, run.quick);
    }
    if matches!(only, None | Some(Part::Quotas)) {
        parts::quotas(&mut report, run.quick);
    }
    if matches!(only, None | Some(Part::Audit)) {
        parts::audit(&mut report, run.quick);
    }
    if matches!(only, None | Some(Part::Whole)) {
        outcomes = parts::request(&mut report, &bench, run.quick);
        parts::shipped(&mut report, &bench, run.quick);
    }
    if matches!(only, None | Some(Part::Growth)) {
        curves = parts::grow(&mut report, &bench, run.quick);
    }
    if only.is_none() {
        parts::replay(&mut report, run.quick);
        let (reloads, requests) = if run.quick { (60, 10_000) } else { (1_000, 100_000) };
        parts::soak(&mut report, &bench, Until::Counts { reloads, requests });
    }
    output::write(run, only.is_some(), &Measured { report, outcomes, curves })
}

fn replay(quick: bool) -> anyhow::Result<()> {
    let mut report = Report::new(machine::facts());
    parts::replay(&mut report, quick);
    output::print(&report.measured())
}

fn soak(minutes: f64) -> anyhow::Result<()> {
    let mut report = Report::new(machine::facts());
    let span = Duration::from_secs_f64(minutes * 60.0);
    parts::soak(&mut report, &Bench::start()?, Until::Time(span));
    output::print(&report.measured())?;
    anyhow::ensure!(report.measured().kept(), "what is promised does not hold");
    Ok(())
}
