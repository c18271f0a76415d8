//! What a large configuration costs: loading it, changing one line of it, deciding by it.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};
use stockade::reload::{Reload, Reloader, Watch};
use stockade_core::SystemClock;

use crate::scenario;

/// How long a configuration takes to load, cold and after one changed line.
#[derive(Clone, Copy, Debug)]
pub struct Loading {
    /// From nothing to the first generation.
    pub cold: Duration,
    /// From the changed file to the new generation in force.
    pub edit: Duration,
}

/// Load as many bindings, then change the settings of one.
///
/// # Errors
/// Where one of the two does not load.
pub fn loading(bindings: usize) -> anyhow::Result<Loading> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("stockade.yaml");
    let text = scenario::many_bindings(bindings, 1);
    fs::write(&path, &text)?;
    let started = Instant::now();
    let engine = Arc::new(scenario::engine()?);
    let reloader = Reloader::start(&path, engine, Arc::new(SystemClock))
        .map_err(|errors| anyhow!("{errors:?}"))?;
    let cold = started.elapsed();
    Ok(Loading { cold, edit: edit(&reloader, &path, &text, bindings / 2)? })
}

/// The fastest of three changes: the others waited for the processor.
fn edit(reloader: &Reloader, path: &Path, text: &str, binding: usize) -> anyhow::Result<Duration> {
    let mut fastest = None;
    for attempt in 0..3 {
        let changed = text.replace(&format!("team-{binding}/"), &format!("team-x{attempt}/"));
        ensure!(changed != text, "no binding to change");
        fs::write(path, changed)?;
        let started = Instant::now();
        let outcome = reloader.reload();
        let took = started.elapsed();
        ensure!(matches!(outcome, Reload::Swapped(_)), "the change was not taken");
        fastest = Some(fastest.map_or(took, |best: Duration| best.min(took)));
    }
    fastest.context("no change was made")
}

/// How long after a write to the file the new generation is in force, with the file
/// watched as `serve` watches it. The fastest of five.
///
/// # Errors
/// Where a change is not taken.
pub fn live() -> anyhow::Result<Duration> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("stockade.yaml");
    let text = scenario::many_bindings(10, 1);
    fs::write(&path, &text)?;
    let engine = Arc::new(scenario::engine()?);
    let reloader = Reloader::start(&path, engine, Arc::new(SystemClock))
        .map_err(|errors| anyhow!("{errors:?}"))?;
    let mut status = reloader.current().status();
    let reloader = Arc::new(reloader);
    let _watch = Watch::start(Arc::clone(&reloader))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let mut fastest = Duration::MAX;
    for attempt in 0..5 {
        status.mark_unchanged();
        let changed = text.replace("team-3/", &format!("team-x{attempt}/"));
        let started = Instant::now();
        fs::write(&path, changed)?;
        let limit = Duration::from_secs(10);
        runtime.block_on(async { tokio::time::timeout(limit, status.changed()).await })??;
        fastest = fastest.min(started.elapsed());
        ensure!(status.borrow().rejected.is_none(), "the change was rejected");
    }
    Ok(fastest)
}
