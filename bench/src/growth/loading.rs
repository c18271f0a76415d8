//! The time for a configuration to come into force: cold, and after one changed line.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{anyhow, ensure};
use stockade_control::reload::{Reload, Reloader, Watch};
use stockade_core::SystemClock;
use stockade_engine::Engine;

use crate::scenario;

/// Changes that are made; the fastest counts, since the others waited for the processor.
const CHANGES: u32 = 3;

/// A change must be in force after this time.
const PATIENCE: Duration = Duration::from_mins(1);

/// The times that a configuration takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loading {
    /// From nothing to the first generation.
    pub(super) cold: Duration,
    /// From being told of the changed file to the new generation in force, soon after
    /// another change.
    pub(super) edit: Duration,
    /// From the changed file to the new generation in force, with the file watched as
    /// `serve` watches it, and long after any other change.
    pub(super) live: Duration,
}

/// Loads a configuration, then changes a piece of it.
pub(super) fn loading(text: &str, piece: &str) -> anyhow::Result<Loading> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("stockade.yaml");
    fs::write(&path, text)?;
    let started = Instant::now();
    let engine = Arc::new(scenario::serving_engine()?);
    let reloader = Reloader::start(&path, Arc::clone(&engine), Arc::new(SystemClock))
        .map_err(|errors| anyhow!("{errors:?}"))?;
    let cold = started.elapsed();
    let edit = fastest(|change| edit(&reloader, &path, &changed(text, piece, change)?))?;
    let live = live(&engine, Arc::new(reloader), &path, |change| changed(text, piece, change))?;
    Ok(Loading { cold, edit, live })
}

fn changed(text: &str, piece: &str, change: u32) -> anyhow::Result<String> {
    let changed = text.replacen(piece, &format!("{piece}x{change}"), 1);
    ensure!(changed != text, "there is no {piece} to change");
    Ok(changed)
}

fn fastest(mut take: impl FnMut(u32) -> anyhow::Result<Duration>) -> anyhow::Result<Duration> {
    let mut fastest = Duration::MAX;
    for change in 0..CHANGES {
        fastest = fastest.min(take(change)?);
    }
    Ok(fastest)
}

fn edit(reloader: &Reloader, path: &Path, changed: &str) -> anyhow::Result<Duration> {
    fs::write(path, changed)?;
    let started = Instant::now();
    let outcome = reloader.reload();
    let took = started.elapsed();
    ensure!(matches!(outcome, Reload::Swapped(_)), "the change was not taken");
    Ok(took)
}

fn live(
    engine: &Engine,
    reloader: Arc<Reloader>,
    path: &Path,
    changed: impl Fn(u32) -> anyhow::Result<String>,
) -> anyhow::Result<Duration> {
    let mut status = reloader.current().status();
    let _watch = Watch::start(reloader)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    fastest(|change| {
        let changed = changed(CHANGES + change)?;
        status.mark_unchanged();
        engine.rest();
        let started = Instant::now();
        fs::write(path, changed)?;
        runtime.block_on(async { tokio::time::timeout(PATIENCE, status.changed()).await })??;
        let took = started.elapsed();
        ensure!(status.borrow().rejected.is_none(), "the change was rejected");
        Ok(took)
    })
}
