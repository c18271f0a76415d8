//! Reloads under load: keys, policies and settings change together, again and again, and
//! every request must be judged by exactly one configuration.
//!
//! Two configurations take turns. In one the caller is in a group that may use one model, in the
//! other in one that may use another, by a policy of another name, beside which the first has a
//! second one; a further key changes with them. The lines of record tell which group, generation,
//! model and answer belonged together; a request judged by parts of both is seen there. The
//! caller's own key is good in both: one that is not is refused as soon as the change is read.

mod judged;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use sha2::{Digest as _, Sha256};

use crate::load::client::{Connection, chat};
use crate::peers::site::free_address;
use crate::peers::{self, KEY};
use crate::process::Process;

/// The models that take turns.
const MODELS: [&str; 2] = ["llama3.2:3b", "qwen3:8b"];

/// The model that may be used in a turn.
const fn model_of(turn: u32) -> &'static str {
    MODELS[turn as usize % 2]
}

/// Callers that ask all the time.
const CALLERS: usize = 8;

/// A configuration that is written must be in force after this time.
const PATIENCE: Duration = Duration::from_secs(30);

/// The result of a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Soaked {
    /// Configurations that came into force.
    pub reloads: u32,
    /// Answers to all callers.
    pub requests: u64,
    /// Answers that were neither 200 nor 403, or did not come.
    pub failed: u64,
    /// Requests that were judged by parts of two configurations.
    pub mixed: u64,
    /// Resident memory in KiB per reload, over the second half of the run.
    pub memory_slope: f64,
    /// Open files more at the end than in the middle.
    pub descriptors: i64,
}

/// The end of a run.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// After so many reloads and so many requests, whichever comes last.
    Counts {
        /// Reloads.
        reloads: u32,
        /// Requests.
        requests: u64,
    },
    /// After so long.
    Time(Duration),
}

impl Until {
    /// Returns the part of the run that is over, from 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "counts of requests")]
    fn progress(self, run: &Run, turn: u32) -> f64 {
        match self {
            Self::Counts { reloads, requests } => {
                let answers = run.answers.load(Ordering::Relaxed);
                let asked = answers as f64 / requests.max(1) as f64;
                (f64::from(turn) / f64::from(reloads.max(1))).min(asked)
            }
            Self::Time(span) => run.started.elapsed().as_secs_f64() / span.as_secs_f64().max(0.001),
        }
    }
}

/// A run, as its callers and the one who reloads see it.
struct Run {
    listen: SocketAddr,
    upstream: SocketAddr,
    started: Instant,
    over: AtomicBool,
    answers: AtomicU64,
    failures: AtomicU64,
}

/// Reloads under load.
///
/// # Errors
/// Where the gateway does not start, or does not take a configuration.
pub fn run(upstream: SocketAddr, until: Until) -> anyhow::Result<Soaked> {
    let directory = tempfile::tempdir()?;
    let run = Run {
        listen: free_address()?,
        upstream,
        started: Instant::now(),
        over: AtomicBool::new(false),
        answers: AtomicU64::new(0),
        failures: AtomicU64::new(0),
    };
    let path = directory.path().join("stockade.yaml");
    fs::write(&path, run.configuration(0))?;
    let (process, said) = Process::heard(&mut peers::stockade(&path)?)?;
    let mut soaked = std::thread::scope(|scope| {
        let judge = scope.spawn(|| judged::mixed(said));
        let reloaded = run.under_load(&path, &process, until);
        // The judge has read everything when the gateway has ended.
        drop(process);
        let mixed = judge.join().ok().context("the judge panicked")?;
        anyhow::Ok(Soaked { mixed: mixed?, ..reloaded? })
    })?;
    soaked.requests = run.answers.into_inner();
    soaked.failed = run.failures.into_inner();
    Ok(soaked)
}

impl Run {
    /// The configuration of a turn. The settings differ every time, so that policies are
    /// configured and compiled anew as well.
    fn configuration(&self, turn: u32) -> String {
        let model = model_of(turn);
        let digest = hex::encode(Sha256::digest(KEY));
        let other = hex::encode(Sha256::digest(turn.to_string()));
        let (policy, second) =
            if turn.is_multiple_of(2) { ("models", SECOND) } else { ("access", "") };
        format!(
            "listen: {}\nupstream: {{ url: \"http://{}\" }}\nlog: {{ format: json \
             }}\nusers:\n  alice:\n    groups: [turn-{turn}]\n    keys:\n      - {{ id: steady, \
             sha256: \"sha256:{digest}\" }}\n      - {{ id: key-{turn}, sha256: \
             \"sha256:{other}\" }}\nbindings:\n  - name: turn {turn}\n    subjects: {{ groups: \
             [turn-{turn}] }}\n    \
             policy: {policy}\n    settings: {{ allow: [\"{model}\", \"turn-{turn}/*\"] \
             }}\n{second}policies:\n  {policy}: {{ module: builtin/model-access }}\n{more}",
            self.listen,
            self.upstream,
            more =
                if second.is_empty() { "" } else { "  caps: { module: builtin/request-caps }\n" },
        )
    }

    /// Waits until the configuration of a turn is what a caller meets.
    fn in_force(&self, turn: u32) -> anyhow::Result<()> {
        let request = ask_for(model_of(turn));
        let started = Instant::now();
        loop {
            let status = Connection::open(self.listen).and_then(|mut to| to.ask(&request));
            if matches!(status, Ok(200)) {
                return Ok(());
            }
            if started.elapsed() > PATIENCE {
                bail!("turn {turn} is not in force after {PATIENCE:?}: {status:?}");
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn under_load(&self, path: &Path, process: &Process, until: Until) -> anyhow::Result<Soaked> {
        self.in_force(0)?;
        std::thread::scope(|scope| {
            for _ in 0..CALLERS {
                scope.spawn(|| self.call());
            }
            let reloaded = self.reload(path, process, until);
            self.over.store(true, Ordering::Relaxed);
            reloaded
        })
    }

    fn reload(&self, path: &Path, process: &Process, until: Until) -> anyhow::Result<Soaked> {
        let (mut memory, mut descriptors) = (Vec::new(), Vec::new());
        let mut turn = 0;
        while until.progress(self, turn) < 1.0 {
            turn += 1;
            // As editors and ConfigMaps do it: whole, or not at all.
            let next = path.with_extension("next");
            fs::write(&next, self.configuration(turn))?;
            fs::rename(&next, path)?;
            self.in_force(turn)?;
            if until.progress(self, turn) >= 0.5 {
                memory.push((f64::from(turn), process.resident()?));
                descriptors.push(process.descriptors()?);
            }
        }
        let (memory_slope, descriptors) = (slope(&memory), more(&descriptors)?);
        Ok(Soaked { reloads: turn, memory_slope, descriptors, ..Soaked::default() })
    }

    /// Asks for both models in turn.
    fn call(&self) {
        let requests = MODELS.map(ask_for);
        let mut connection = None;
        for request in requests.iter().cycle() {
            if self.over.load(Ordering::Relaxed) {
                break;
            }
            if connection.is_none() {
                connection = Connection::open(self.listen).ok();
            }
            let status = connection.as_mut().map(|to| to.ask(request));
            self.answers.fetch_add(1, Ordering::Relaxed);
            if !matches!(status, Some(Ok(200 | 403))) {
                self.failures.fetch_add(1, Ordering::Relaxed);
                connection = None;
            }
        }
    }
}

/// A policy that stands in every second configuration. It refuses nothing of what is asked.
const SECOND: &str =
    "  - { name: caps, subjects: everyone, policy: caps, settings: { images: 4 } }\n";

fn ask_for(model: &str) -> Vec<u8> {
    chat("/api/chat", KEY, model, "hello", false)
}

/// Returns the slope of the straight line that is the nearest to all the points.
#[expect(clippy::cast_precision_loss, reason = "a run has thousands of points")]
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len().max(1) as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let together: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let spread: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    if spread > 0.0 { together / spread } else { 0.0 }
}

/// Counts how many files more are open at the end than at the beginning. The fewest of several
/// readings: connections come and go.
fn more(readings: &[usize]) -> anyhow::Result<i64> {
    let several = readings.len().div_ceil(10);
    let fewest = |some: &[usize]| some.iter().copied().min().context("no reload was made");
    let before = fewest(&readings[..several])?;
    let after = fewest(&readings[readings.len() - several..])?;
    Ok(i64::try_from(after)? - i64::try_from(before)?)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_leaked_file_is_seen_among_connections() {
        let leaking: Vec<usize> = (0..40).map(|turn| 20 + turn / 20 + turn % 2 * 5).collect();
        assert_eq!(super::more(&leaking).unwrap(), 1);
        let steady: Vec<usize> = (0..40).map(|turn| 20 + turn % 2 * 5).collect();
        assert_eq!(super::more(&steady).unwrap(), 0);
        assert!(super::more(&[]).is_err());
    }

    #[test]
    fn a_slope_is_seen_through_noise() {
        let noisy = |x: f64, noise: f64| (x, 100.0 + 2.0 * x + noise);
        let points = [noisy(1.0, 1.0), noisy(2.0, -1.0), noisy(3.0, -1.0), noisy(4.0, 1.0)];
        assert!((super::slope(&points) - 2.0).abs() < 1e-9);
        assert!(super::slope(&[(1.0, 5.0)]).abs() < 1e-9);
        assert!(super::slope(&[]).abs() < 1e-9);
    }
}
