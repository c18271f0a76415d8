//! `stockade policy bench`: how long decisions take, here and now. For a number that is the
//! same everywhere, `inspect` counts instructions.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use serde_json::{Value, json};
use stockade_core::Outcome;
use stockade_engine::{Engine, EngineConfig, PreparedPolicy};

use super::subject::{Asked, Subject, ask};
use crate::{Ending, Output};
use stockade_config::policy_tests::Case;

/// One in so many decisions more are made first, and not measured: slots, caches and branch
/// predictors settle.
const WARM_UP: u32 = 10;
/// Times are kept, so there is a most.
const MOST: i64 = 10_000_000;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    subject: Subject,
    /// The number of times that each case is decided.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=MOST))]
    decisions: u32,
}

/// The times that the decisions of one case took.
struct Measured<'a> {
    name: &'a str,
    p50: Duration,
    p99: Duration,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Ending> {
    let decisions = arguments.decisions;
    let cases = arguments.subject.needed_cases()?;
    let module = arguments.subject.module()?;
    let engine = Engine::new(EngineConfig::default())?;
    let mut asked = Asked::new(&engine, &module);
    let mut decided = Vec::new();
    for case in &cases.list {
        // With settings that are not accepted there is nothing to decide.
        if asked.accepting(case)?.is_some() {
            decided.push(case);
        }
    }
    ensure!(!decided.is_empty(), "no test has settings that the policy accepts");
    let mut progress = Progress::of(decided.len(), decisions);
    let mut measured = Vec::new();
    for case in decided {
        if let Some(policy) = asked.accepting(case)? {
            let times = measure(policy, case, decisions, |now| match progress.step(now) {
                Some(said) => output.note(said),
                None => Ok(()),
            })?;
            measured.push(Measured::of(&case.name, times));
        }
    }
    let mut text = String::from("      p50        p99  test\n");
    for Measured { name, p50, p99 } in &measured {
        writeln!(text, "{:>6.1} µs  {:>6.1} µs  {name}", microseconds(*p50), microseconds(*p99))?;
    }
    write!(text, "{decisions} decisions each, every one in a fresh instance")?;
    let list: Vec<_> = measured.iter().map(Measured::value).collect();
    output.answer(text, &json!({ "decisions": decisions, "tests": list }))?;
    Ok(Ending::Done)
}

/// Measures the time of each decision; `after` is told when it ended.
fn measure(
    policy: &PreparedPolicy,
    case: &Case,
    decisions: u32,
    mut after: impl FnMut(Instant) -> anyhow::Result<()>,
) -> anyhow::Result<Vec<Duration>> {
    for _ in 0..=decisions / WARM_UP {
        if let Outcome::Failure(failure) = ask(policy, case) {
            bail!("test {:?}: the policy fails: {failure}", case.name);
        }
    }
    let mut times = Vec::new();
    for _ in 0..decisions {
        let started = Instant::now();
        ask(policy, case);
        let ended = Instant::now();
        times.push(ended - started);
        after(ended)?;
    }
    Ok(times)
}

impl<'a> Measured<'a> {
    fn of(name: &'a str, mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |percent: usize| times[times.len() * percent / 100];
        Self { name, p50: at(50), p99: at(99) }
    }

    fn value(&self) -> Value {
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        json!({
            "name": self.name,
            "p50_ns": nanoseconds(self.p50), "p99_ns": nanoseconds(self.p99),
        })
    }
}

fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Says how far it is, once a second has passed and then each second.
struct Progress {
    all: u64,
    done: u64,
    said: Instant,
}

impl Progress {
    fn of(cases: usize, decisions: u32) -> Self {
        let all = u64::try_from(cases).unwrap_or(u64::MAX).saturating_mul(u64::from(decisions));
        Self { all, done: 0, said: Instant::now() }
    }

    fn step(&mut self, now: Instant) -> Option<String> {
        self.done += 1;
        if now.saturating_duration_since(self.said) < Duration::from_secs(1) {
            return None;
        }
        self.said = now;
        Some(format!("{} of {} decisions", self.done, self.all))
    }
}

#[cfg(test)]
mod tests {
    use super::{Measured, Progress};
    use std::time::Duration;

    #[test]
    fn the_median_and_the_slowest_in_a_hundred_are_told() {
        let times = |count| (1..=count).rev().map(Duration::from_micros).collect();
        let told = |measured: Measured<'_>| (measured.p50.as_micros(), measured.p99.as_micros());
        assert_eq!(told(Measured::of("x", times(1000))), (501, 991));
        assert_eq!(told(Measured::of("x", times(1))), (1, 1));
    }

    #[test]
    fn progress_is_told_each_second() {
        let mut progress = Progress::of(2, 3);
        let start = progress.said;
        let mut at = |milliseconds| progress.step(start + Duration::from_millis(milliseconds));
        assert_eq!(at(999), None);
        assert_eq!(at(1000).unwrap(), "2 of 6 decisions");
        assert_eq!(at(1999), None);
        assert_eq!(at(2000).unwrap(), "4 of 6 decisions");
    }
}
