//! The parts of a run, each of which puts its figures into the report. What cannot be
//! measured is said there too, and does not keep the other parts from being measured.

mod audit;
mod figures;
mod quotas;
mod shipped;
mod yardsticks;

use std::io::Write as _;
use std::time::{Duration, Instant};

use stockade_core::{ModelName, Operation};

pub use self::audit::audit;
pub use self::figures::{growth_figure, latency_figure};
pub use self::quotas::quotas;
pub use self::shipped::shipped;
use crate::configurations::{five_policies, many_bindings, one_binding, own_policies, remembering};
use crate::growth::{self, Curve, Sizes};
use crate::peers::{MODEL, Peer};
use crate::promises::{Promise, number};
use crate::report::Report;
use crate::scenario::{Question, engine, generation};
use crate::soak::{self, Until};
use crate::whole::{self, Bench, Effort, Found, Outcome};
use crate::{decisions, load, replays, syscalls};

/// The number of times that one thread is compared with two; odd, for the median.
const COMPARISONS: usize = 5;

/// Tells the person at the terminal what is being measured.
pub fn progress(text: &str) {
    // There is nobody to tell where standard error is gone.
    writeln!(std::io::stderr(), "bench: {text}").ok();
}

/// The decision that the goals speak of: settings with 200 groups.
///
/// # Errors
/// Where it cannot be set up.
pub fn question() -> anyhow::Result<Question> {
    Question::new(generation(&engine()?, &one_binding(200))?, Operation::Pull, MODEL)
}

/// Bare decisions.
pub fn decide(report: &mut Report, quick: bool) {
    progress("one decision with a fresh instance");
    if let Err(error) = decided(report, quick) {
        let promises = [
            Promise::DecisionMedian,
            Promise::DecisionHigh,
            Promise::TwoThreads,
            Promise::FiveShipped,
            Promise::TenOwn,
            Promise::FiveRemembered,
            Promise::List,
            Promise::ListAgain,
        ];
        report.absent(&promises, &error);
    }
    report.figure(Promise::SystemCalls, syscalls::per_decision());
    progress("bare decisions of other policy engines");
    let count = if quick { 20_000 } else { 200_000 };
    report.grid(yardsticks::decisions(count, |bindings, fresh| {
        let text = many_bindings(bindings, 1);
        let text = if fresh { text } else { remembering(&text) };
        let question = generation(&engine()?, &text)?;
        let question = Question::new(question, Operation::Chat, MODEL)?;
        decisions::latency(&question, count)
    }));
}

fn decided(report: &mut Report, quick: bool) -> anyhow::Result<()> {
    let (count, milliseconds) = if quick { (50_000, 200) } else { (500_000, 1_000) };
    let question = question()?;
    let latency = decisions::latency(&question, count)?;
    report.figure(Promise::DecisionMedian, Ok(load::microseconds(&latency, 0.5)));
    report.figure(Promise::DecisionHigh, Ok(load::microseconds(&latency, 0.99)));
    let span = Duration::from_millis(milliseconds);
    report.figure(Promise::TwoThreads, two_threads(&question, span));
    report.figure(Promise::FiveShipped, median(&five_policies(), count));
    report.figure(Promise::TenOwn, median(&own_policies(10), count / 4));
    report.figure(Promise::FiveRemembered, median(&remembering(&five_policies()), count));
    match lists() {
        Ok((first, again)) => {
            report.figure(Promise::List, Ok(first));
            report.figure(Promise::ListAgain, Ok(again));
        }
        Err(error) => report.absent(&[Promise::List, Promise::ListAgain], &error),
    }
    Ok(())
}

/// The time of a decision about a chat, in microseconds.
fn median(text: &str, count: usize) -> anyhow::Result<f64> {
    let question = Question::new(generation(&engine()?, text)?, Operation::Chat, MODEL)?;
    Ok(load::microseconds(&decisions::latency(&question, count)?, 0.5))
}

/// The time of a list of which the caller may use one model in ten, in milliseconds: the first, and
/// the median of those after it.
fn lists() -> anyhow::Result<(f64, f64)> {
    let text = remembering(&five_policies());
    let question = Question::new(generation(&engine()?, &text)?, Operation::Chat, MODEL)?;
    let name = |number: usize| match number % 10 {
        0 => format!("team/model-{number}"),
        _ => format!("others/model-{number}"),
    };
    let parsed = (0..200).map(|number| ModelName::parse(&name(number)));
    let names =
        parsed.collect::<Result<Vec<_>, _>>().map_err(|error| anyhow::anyhow!("{error}"))?;
    let names: Vec<&ModelName> = names.iter().collect();
    let mut times = Vec::new();
    for _ in 0..201 {
        let started = Instant::now();
        anyhow::ensure!(question.list(&names) == 20, "another list was expected");
        times.push(started.elapsed().as_secs_f64() * 1_000.0);
    }
    let first = times.remove(0);
    times.sort_by(f64::total_cmp);
    Ok((first, times[times.len() / 2]))
}

/// The median of several comparisons, since a neighbour of the machine disturbs single ones.
fn two_threads(question: &Question, span: Duration) -> anyhow::Result<f64> {
    let mut ratios = Vec::new();
    for _ in 0..COMPARISONS {
        let one = decisions::throughput(question, 1, span)?;
        ratios.push(decisions::throughput(question, 2, span)? / one);
    }
    ratios.sort_by(f64::total_cmp);
    Ok(ratios[COMPARISONS / 2])
}

/// Measures how everything grows.
pub fn grow(report: &mut Report, bench: &Bench, quick: bool) -> Vec<Curve> {
    let sizes = if quick { Sizes::QUICK } else { Sizes::FULL };
    let curves = growth::measure(bench, sizes, progress);
    let bindings = |size: f64, column: &str| {
        let curve = curves.iter().find(|curve| curve.over == "bindings");
        curve.map_or_else(|| anyhow::bail!("it was not measured"), |curve| curve.at(size, column))
    };
    let ratio = bindings(1_000.0, growth::DECISION)
        .and_then(|many| Ok(many / bindings(1.0, growth::DECISION)?));
    report.figure(Promise::ThousandBindings, ratio);
    report.figure(Promise::Edit, bindings(1_000.0, growth::LIVE));
    let cold = bindings(1_000.0, growth::COLD).map(|milliseconds| milliseconds / 1_000.0);
    report.figure(Promise::ColdLoad, cold);
    for curve in &curves {
        report.grid(curve.grid());
    }
    curves
}

/// Whole requests, beside the other gateways.
pub fn request(report: &mut Report, bench: &Bench, quick: bool) -> Vec<Outcome> {
    let effort = if quick { Effort::QUICK } else { Effort::FULL };
    let outcomes = whole::measure(bench, effort, progress);
    let of = |peer: Peer| {
        let outcome = outcomes.iter().find(|(subject, _)| *subject == Some(peer));
        outcome.map_or_else(
            || anyhow::bail!("{} was not measured", peer.name()),
            |(_, found)| found.as_ref().map_err(|error| anyhow::anyhow!("{error:#}")),
        )
    };
    let ours = |figure: fn(&Found) -> Option<f64>| {
        figure(of(Peer::Stockade)?).ok_or_else(|| anyhow::anyhow!("it was not measured"))
    };
    let connection = |found: &Found| Some(found.memory?.connection);
    report.figure(Promise::RequestMedian, ours(|found| Some(found.alone)));
    report.figure(Promise::RequestProcessor, ours(|found| found.processor));
    report.figure(Promise::FirstChunk, ours(|found| Some(found.late.0)));
    report.figure(Promise::LaterChunks, ours(|found| Some(found.late.1)));
    report.figure(Promise::ConnectionMemory, ours(connection));
    report.figure(Promise::StreamMemory, ours(|found| Some(found.memory?.stream)));
    report.figure(Promise::IdleMemory, whole::idle_memory(bench));
    let envoy = of(Peer::Envoy).and_then(|envoy| Ok(of(Peer::Stockade)?.alone / envoy.alone));
    report.figure(Promise::BesideEnvoy, envoy);
    let nginx = of(Peer::Nginx).map(|nginx| nginx.processor.unwrap_or(f64::NAN));
    let ratio = nginx.and_then(|nginx| Ok(nginx / ours(|found| found.processor)?));
    report.figure(Promise::BesideNginx, ratio);
    report.grid(yardsticks::gateways(&outcomes, quick));
    for grid in yardsticks::curves(&outcomes) {
        report.grid(grid);
    }
    outcomes
}

/// A log judged by a candidate; a quick run judges a tenth of it.
pub fn replay(report: &mut Report, quick: bool) {
    progress("judging a million recorded requests again");
    let (lines, share) = if quick { (100_000, 10.0) } else { (1_000_000, 1.0) };
    report.figure(Promise::Replay, replays::seconds(lines).map(|seconds| seconds * share));
}

/// Reloads under load.
#[expect(clippy::cast_precision_loss, reason = "counts of requests and files")]
pub fn soak(report: &mut Report, bench: &Bench, until: Until) {
    progress("reloading under load");
    let promises = [Promise::Failed, Promise::Mixed, Promise::MemorySlope, Promise::Descriptors];
    let soaked = match soak::run(bench.upstream(), until) {
        Ok(soaked) => soaked,
        Err(error) => return report.absent(&promises, &error),
    };
    let counts = format!(
        "{} reloads, {} requests",
        number(f64::from(soaked.reloads)),
        number(soaked.requests as f64)
    );
    report.note(Promise::Failed, counts);
    report.figure(Promise::Failed, Ok(soaked.failed as f64));
    report.figure(Promise::Mixed, Ok(soaked.mixed as f64));
    report.figure(Promise::MemorySlope, Ok(soaked.memory_slope));
    report.figure(Promise::Descriptors, Ok(soaked.descriptors as f64));
}
