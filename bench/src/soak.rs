//! Reloads under load: keys, policies and settings change together, again and again, and
//! every request must be judged by exactly one configuration.
//!
//! Two configurations take turns. One key belongs to alice, who may use one model, or to
//! bob, who may use another. The lines of record tell which user, generation, model and
//! answer belonged together; a request judged by parts of both is seen there.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::load::client::{Connection, chat};
use crate::peers::{KEY, free_address};
use crate::process::Process;

/// The users that take turns, and the model of each.
const TURNS: [(&str, &str); 2] = [("alice", "llama3.2:3b"), ("bob", "qwen3:8b")];

/// Callers that ask all the time.
const CALLERS: usize = 8;

/// A configuration that is written must be in force after this time.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came of it.
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
    /// Resident memory in KiB per reload, from the middle of the run to its end.
    pub memory_slope: f64,
    /// Open files more at the end than in the middle.
    pub descriptors: i64,
}

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// After so many reloads.
    Reloads(u32),
    /// After so long.
    Time(Duration),
}

impl Until {
    /// How much of the run is over, from 0 to 1.
    fn progress(self, reloads: u32, started: Instant) -> f64 {
        match self {
            Self::Reloads(all) => f64::from(reloads) / f64::from(all.max(1)),
            Self::Time(span) => started.elapsed().as_secs_f64() / span.as_secs_f64().max(0.001),
        }
    }
}

/// Reload under load.
///
/// # Errors
/// Where the gateway does not start, or does not take a configuration.
pub fn run(upstream: SocketAddr, until: Until) -> anyhow::Result<Soaked> {
    let directory = tempfile::tempdir()?;
    let listen = free_address()?;
    let path = directory.path().join("stockade.yaml");
    fs::write(&path, configuration(listen, upstream, 0))?;
    let log = directory.path().join("output");
    let mut command = Command::new(std::env::current_exe()?.with_file_name("stockade"));
    let process = Process::unpinned(command.arg("serve").arg("--config").arg(&path), &log)?;
    in_force(listen, 0)?;
    let over = AtomicBool::new(false);
    let mut soaked = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(|| call(listen, &over))).collect();
        let reloaded = reload(&path, listen, upstream, &process, until);
        over.store(true, Ordering::Relaxed);
        let mut soaked = reloaded?;
        for caller in callers {
            let (requests, failed) = caller.join().ok().context("a caller panicked")?;
            soaked.requests += requests;
            soaked.failed += failed;
        }
        anyhow::Ok(soaked)
    })?;
    drop(process);
    soaked.mixed = mixed(&fs::read_to_string(&log)?)?;
    Ok(soaked)
}

/// The configuration of a turn. The settings differ every time, so that policies are
/// configured and compiled anew as well.
fn configuration(listen: SocketAddr, upstream: SocketAddr, turn: u32) -> String {
    let (user, model) = TURNS[turn as usize % 2];
    let digest = hex::encode(Sha256::digest(KEY));
    format!(
        "listen: {listen}\nupstream: {{ url: \"http://{upstream}\" }}\nlog: {{ format: json \
         }}\nusers:\n  {user}:\n    keys: [{{ id: key-{turn}, sha256: \"sha256:{digest}\" \
         }}]\npolicies:\n  models: {{ module: builtin/model-access }}\nbindings:\n  - name: turn \
         {turn}\n    subjects: {{ users: [{user}] }}\n    policy: models\n    settings: {{ allow: \
         [\"{model}\", \"turn-{turn}/*\"] }}\n"
    )
}

/// Wait until the configuration of a turn is what a caller meets.
fn in_force(listen: SocketAddr, turn: u32) -> anyhow::Result<()> {
    let (_, model) = TURNS[turn as usize % 2];
    let request = chat(KEY, model, "hello", false);
    let started = Instant::now();
    loop {
        let status = Connection::open(listen).and_then(|mut to| to.ask(&request));
        if matches!(status, Ok(200)) {
            return Ok(());
        }
        if started.elapsed() > PATIENCE {
            bail!("turn {turn} is not in force after {PATIENCE:?}: {status:?}");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn reload(
    path: &Path,
    listen: SocketAddr,
    upstream: SocketAddr,
    process: &Process,
    until: Until,
) -> anyhow::Result<Soaked> {
    let started = Instant::now();
    let mut middle = None;
    let mut turn = 0;
    while until.progress(turn, started) < 1.0 {
        turn += 1;
        // As editors and ConfigMaps do it: whole, or not at all.
        let next = path.with_extension("next");
        fs::write(&next, configuration(listen, upstream, turn))?;
        fs::rename(&next, path)?;
        in_force(listen, turn)?;
        if middle.is_none() && until.progress(turn, started) >= 0.5 {
            middle = Some((turn, process.resident()?, process.descriptors()?));
        }
    }
    let (then, memory, descriptors) = middle.context("no reload was made")?;
    let reloads = f64::from(turn.saturating_sub(then).max(1));
    Ok(Soaked {
        reloads: turn,
        memory_slope: (process.resident()? - memory) / reloads,
        descriptors: i64::try_from(process.descriptors()?)? - i64::try_from(descriptors)?,
        ..Soaked::default()
    })
}

/// Ask for both models in turn; the number of answers and of failures.
fn call(listen: SocketAddr, over: &AtomicBool) -> (u64, u64) {
    let requests = TURNS.map(|(_, model)| chat(KEY, model, "hello", false));
    let (mut answers, mut failed) = (0, 0);
    let mut connection = None;
    for request in requests.iter().cycle() {
        if over.load(Ordering::Relaxed) {
            break;
        }
        if connection.is_none() {
            connection = Connection::open(listen).ok();
        }
        let status = connection.as_mut().map(|to| to.ask(request));
        answers += 1;
        if !matches!(status, Some(Ok(200 | 403))) {
            failed += 1;
            connection = None;
        }
    }
    (answers, failed)
}

/// What a line of record says of who was judged by what.
#[derive(Deserialize)]
struct Line {
    generation: Option<u64>,
    user: Option<String>,
    credential: Option<String>,
    models: Option<String>,
    status: Option<u16>,
    allowed_by: Option<String>,
}

/// How many lines do not fit together.
fn mixed(log: &str) -> anyhow::Result<u64> {
    let mut keys: HashMap<u64, String> = HashMap::new();
    let (mut judged, mut mixed) = (0_u64, 0);
    for line in log.lines() {
        let Ok(line) = serde_json::from_str::<Line>(line) else { continue };
        let (Some(generation), Some(user)) = (line.generation, &line.user) else { continue };
        judged += 1;
        let key = line.credential.clone().unwrap_or_default();
        let of_generation = keys.entry(generation).or_insert_with(|| key.clone());
        if *of_generation != key || !fits(user, &line) {
            mixed += 1;
        }
    }
    ensure!(judged > 0, "the gateway wrote no line of record");
    Ok(mixed)
}

/// Whether the answer is the one that this user's own configuration gives.
fn fits(user: &str, line: &Line) -> bool {
    let Some((_, own)) = TURNS.iter().find(|(name, _)| *name == user) else { return false };
    let asked_own = line.models.as_deref().is_some_and(|models| models.contains(own));
    let turn = line.credential.as_deref().and_then(|key| key.strip_prefix("key-"));
    let Some(turn) = turn else { return false };
    let allowed = line.allowed_by.as_deref();
    match line.status {
        Some(200) => asked_own && allowed.is_some_and(|by| by.contains(&format!("turn {turn}\""))),
        Some(403) => !asked_own,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::mixed;

    fn line(generation: u64, key: &str, user: &str, model: &str, answer: &str) -> String {
        format!(
            "{{\"generation\":{generation},\"credential\":\"{key}\",\"user\":\
             \"{user}\",\"models\":\"Use={model}\",{answer}}}\n"
        )
    }

    #[test]
    fn a_request_judged_by_parts_of_two_configurations_is_seen() {
        let allowed =
            |turn: u32| format!("\"status\":200,\"allowed_by\":\"[\\\"turn {turn}\\\"]\"");
        let denied = "\"status\":403";
        let alices = line(7, "key-4", "alice", "llama3.2:3b", &allowed(4))
            + &line(7, "key-4", "alice", "qwen3:8b", denied);
        assert_eq!(mixed(&alices).unwrap(), 0);
        // Her key of one turn, the bindings of another.
        assert_eq!(mixed(&line(7, "key-4", "alice", "llama3.2:3b", &allowed(2))).unwrap(), 1);
        assert_eq!(mixed(&line(7, "key-4", "alice", "llama3.2:3b", denied)).unwrap(), 1);
        assert_eq!(mixed(&line(7, "key-4", "alice", "qwen3:8b", &allowed(4))).unwrap(), 1);
        // Two keys in one generation.
        let bobs = line(7, "key-5", "bob", "qwen3:8b", &allowed(5));
        assert_eq!(mixed(&(alices + &bobs)).unwrap(), 1);
        assert!(mixed("").is_err());
    }
}
