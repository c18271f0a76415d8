//! `cargo xtask bench`: every number that the design promises, measured.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use stockade_bench::peers::{KEY, Peer, floor};
use stockade_bench::scenario::{Question, engine, generation, many_bindings, one_binding};
use stockade_bench::soak::Until;
use stockade_bench::table::{Goal, Row, Table};
use stockade_bench::whole::Effort;
use stockade_bench::{decisions, growth, machine, soak, syscalls, whole};
use stockade_core::Operation;
use stockade_engine::Engine;

/// Measure what Stockade costs.
#[derive(Parser)]
#[command(name = "cargo xtask bench")]
struct Arguments {
    /// Measure for shorter, under two minutes altogether.
    #[arg(long, global = true)]
    quick: bool,
    /// Write the table as JSON to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Subcommand)]
enum Part {
    /// Make decisions and nothing else, for strace to watch.
    #[command(hide = true)]
    Decide {
        /// How many.
        #[arg(long)]
        decisions: usize,
    },
    /// Be the upstream of the other measurements.
    #[command(hide = true)]
    Upstream,
    /// Be the least gateway that hyper allows.
    #[command(hide = true)]
    Floor {
        /// Where to listen.
        #[arg(long)]
        listen: SocketAddr,
        /// Where to forward.
        #[arg(long)]
        upstream: SocketAddr,
    },
    /// Only whole requests, beside the other gateways.
    Whole,
    /// Reload under load for some minutes.
    Soak {
        /// For how long.
        #[arg(long, default_value_t = 10.0)]
        minutes: f64,
    },
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    match arguments.part {
        Some(Part::Decide { decisions }) => probe(decisions),
        Some(Part::Upstream) => whole::serve_upstream(),
        Some(Part::Floor { listen, upstream }) => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(floor::serve(listen, upstream, KEY)),
        Some(Part::Whole) => {
            let mut table = Table::default();
            whole_rows(&mut table, arguments.quick)?;
            write!(std::io::stdout(), "{table}").context("cannot print the table")
        }
        Some(Part::Soak { minutes }) => {
            let mut table = Table::default();
            let span = Duration::from_secs_f64(minutes * 60.0);
            soak_rows(&mut table, Until::Time(span))?;
            write!(std::io::stdout(), "{table}")?;
            anyhow::ensure!(table.short() == 0, "what is promised does not hold");
            Ok(())
        }
        None => measure(&arguments),
    }
}

/// The decision that the goals speak of: settings with 200 groups.
fn question(engine: &Engine) -> anyhow::Result<Question> {
    Question::new(generation(engine, &one_binding(200))?, Operation::Pull, "llama3.2:3b")
}

fn probe(count: usize) -> anyhow::Result<()> {
    decisions::ask(&question(&engine()?)?, count)
}

fn measure(arguments: &Arguments) -> anyhow::Result<()> {
    let mut table = Table::default();
    decision_rows(&mut table, arguments.quick)?;
    growth_rows(&mut table, arguments.quick)?;
    whole_rows(&mut table, arguments.quick)?;
    soak_rows(&mut table, Until::Reloads(if arguments.quick { 60 } else { 1_000 }))?;
    write!(std::io::stdout(), "{table}")?;
    if let Some(path) = &arguments.json {
        let text = serde_json::to_string_pretty(&table)?;
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn whole_rows(table: &mut Table, quick: bool) -> anyhow::Result<()> {
    let effort = if quick { Effort::QUICK } else { Effort::FULL };
    let found = whole::measure(effort, &Peer::ALL, progress)?;
    whole::rows(table, &found);
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "counts of requests")]
fn soak_rows(table: &mut Table, until: Until) -> anyhow::Result<()> {
    progress("reloading under load");
    let directory = tempfile::tempdir()?;
    let processor = *machine::processors().first().context("no processor")?;
    let upstream = whole::start_upstream(directory.path(), processor)?;
    let soaked = soak::run(upstream.address, until)?;
    let mut row = |what: &str, goal, figure, unit| {
        table.push(Row::new(format!("reloads under load: {what}"), goal, figure, unit));
    };
    row("reloads", Goal::None, f64::from(soaked.reloads), "");
    row("requests", Goal::None, soaked.requests as f64, "");
    row("failed", Goal::AtMost(0.0), soaked.failed as f64, "");
    row("mixed", Goal::AtMost(0.0), soaked.mixed as f64, "");
    // An allocator's noise is a few KiB for each reload of a short run.
    row("memory per reload", Goal::AtMost(4.0), soaked.memory_slope, "KiB");
    row("more open files", Goal::AtMost(0.0), soaked.descriptors as f64, "");
    Ok(())
}

fn progress(text: &str) {
    // There is nobody to tell where standard error is gone.
    writeln!(std::io::stderr(), "bench: {text}").ok();
}

const MICROSECOND: f64 = 1_000.0;

#[expect(clippy::cast_precision_loss, reason = "nanoseconds of microseconds")]
fn microseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / MICROSECOND
}

fn decision_rows(table: &mut Table, quick: bool) -> anyhow::Result<()> {
    progress("one decision with a fresh instance");
    let (count, span) = if quick { (50_000, 1) } else { (500_000, 5) };
    let engine = engine()?;
    let question = question(&engine)?;
    let latency = decisions::latency(&question, count)?;
    let mut percentile = |quantile: f64, goal| {
        let figure = microseconds(latency.value_at_quantile(quantile));
        let name = format!("decision, 200-group settings, p{:.0}", quantile * 100.0);
        table.push(Row::new(name, goal, figure, "µs"));
    };
    percentile(0.5, Goal::AtMost(7.0));
    percentile(0.99, Goal::AtMost(15.0));
    let what = "decision, system calls";
    table.push(match syscalls::per_decision() {
        Ok(calls) => Row::new(what, Goal::AtMost(0.0), calls, ""),
        Err(error) => Row::absent(what, Goal::AtMost(0.0), "", error),
    });
    let span = Duration::from_secs(span);
    let one = decisions::throughput(&question, 1, span)?;
    let two = decisions::throughput(&question, 2, span)?;
    table.push(Row::new("decisions, two threads / one", Goal::AtLeast(1.7), two / one, "×"));
    Ok(())
}

fn growth_rows(table: &mut Table, quick: bool) -> anyhow::Result<()> {
    let count = if quick { 20_000 } else { 200_000 };
    let engine = engine()?;
    let median = |bindings: usize| {
        progress(&format!("decisions with {bindings} bindings"));
        let generation = generation(&engine, &many_bindings(bindings, 1))?;
        let question = Question::new(generation, Operation::Chat, "llama3.2:3b")?;
        let latency = decisions::latency(&question, count)?;
        anyhow::Ok(microseconds(latency.value_at_quantile(0.5)))
    };
    let one = median(1)?;
    let many = median(1_000)?;
    table.push(Row::new("decision, 1 binding, p50", Goal::None, one, "µs"));
    table.push(Row::new("decision, 1,000 bindings, p50", Goal::AtMost(2.0 * one), many, "µs"));
    progress("reloading");
    let live = growth::live()?.as_secs_f64() * 1_000.0;
    table.push(Row::new("10 bindings, edit of the file live", Goal::AtMost(250.0), live, "ms"));
    progress("loading 1,000 bindings");
    let loading = growth::loading(1_000)?;
    let edit = loading.edit.as_secs_f64() * 1_000.0;
    table.push(Row::new("1,000 bindings, one-line edit", Goal::AtMost(250.0), edit, "ms"));
    table.push(Row::new(
        "1,000 bindings, cold load",
        Goal::AtMost(10.0),
        loading.cold.as_secs_f64(),
        "s",
    ));
    Ok(())
}
