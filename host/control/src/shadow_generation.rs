//! A whole candidate beside the generation in force: it judges the records of real requests, after
//! their answers and without any effect.
//!
//! One thread judges, from a queue of its own; what finds no room there is not judged, and counted.
//! The report is that of [replay](crate::replay).

mod candidate;
mod feed;
mod promote;
mod status;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use stockade_config::{self as config, ConfigErrors, LastRead};
use stockade_core::Clock;
use stockade_engine::Engine;

use crate::reload::Current;
use candidate::Candidate;
use feed::Next;
pub use feed::ShadowFeed;
pub use promote::{CannotPromote, Promoted};
pub use status::{CandidateStatus, ShadowStatus};

/// The time between two looks at a candidate that did not load.
const RETRY: Duration = Duration::from_secs(5);
/// Records that are judged before somebody else may look at the report.
const AT_ONCE: usize = 64;

/// The place of the candidate of a gateway, and the thread that asks it.
pub struct ShadowGeneration(Arc<Inner>);

struct Inner {
    engine: Arc<Engine>,
    clock: Arc<dyn Clock>,
    live: Arc<Current>,
    feed: Arc<ShadowFeed>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    candidate: Option<Candidate>,
    /// The candidate that the configuration in force named last.
    configured: Option<PathBuf>,
    /// One that did not load.
    failed: Option<Failed>,
}

struct Failed {
    path: PathBuf,
    errors: ConfigErrors,
    files: LastRead,
}

impl ShadowGeneration {
    /// Begins to judge what comes through a feed, as soon as there is a candidate: the one that the
    /// configuration in force names.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(
        (engine, clock): (Arc<Engine>, Arc<dyn Clock>),
        live: Arc<Current>,
        feed: Arc<ShadowFeed>,
    ) -> std::io::Result<Self> {
        let inner = Arc::new(Inner { engine, clock, live, feed, state: Mutex::default() });
        let runner = Arc::clone(&inner);
        thread::Builder::new().name("shadow".to_owned()).spawn(move || runner.run())?;
        Ok(Self(inner))
    }

    /// Looks whether the configuration in force names another candidate. Does not wait for it.
    pub fn follow(&self) {
        self.0.feed.look();
    }

    /// Puts a candidate beside the generation in force, in the place of any other. Blocks while its
    /// policies compile.
    ///
    /// # Errors
    /// Everything that is wrong with it; the other one stays.
    pub fn put(&self, path: &Path) -> Result<(), ConfigErrors> {
        let candidate = self.0.load(path)?;
        self.0.replace(Some(candidate));
        Ok(())
    }

    /// Takes the candidate away; tells whether there was one.
    pub fn off(&self) -> bool {
        self.0.replace(None)
    }

    /// Returns the report about all requests that are over, and by what it counts. Blocks while those
    /// that wait are judged.
    pub fn status(&self) -> ShadowStatus {
        self.0.judge(self.0.feed.take().into_iter());
        let mut state = self.0.state();
        let dropped = self.0.feed.dropped();
        if let Some(candidate) = &mut state.candidate {
            candidate.refresh(&self.0.live, self.0.clock.now());
        }
        ShadowStatus {
            candidate: state.candidate.as_ref().map(|candidate| candidate.status(dropped)),
            failed: state.failed.as_ref().map(|failed| {
                (failed.path.clone(), failed.errors.iter().map(ToString::to_string).collect())
            }),
        }
    }

    /// Writes the text of the candidate into the file of the configuration in force, from where it is
    /// reloaded like any edit. Blocks while files are written.
    ///
    /// # Errors
    /// Nothing is written.
    pub fn promote(&self, force: bool) -> Result<Promoted, CannotPromote> {
        let mut state = self.0.state();
        let candidate = state.candidate.as_mut().ok_or(CannotPromote::Nobody)?;
        candidate.refresh(&self.0.live, self.0.clock.now());
        promote::promote(&candidate.judged(), &self.0.live.load().config, force)
    }

    /// Ends the thread.
    pub fn end(&self) {
        self.0.feed.end();
    }
}

impl Inner {
    fn run(&self) {
        self.follow();
        loop {
            let retry = self.state().failed.is_some().then_some(RETRY);
            match self.feed.next(retry) {
                Next::Lines(lines) => self.judge(lines.into_iter()),
                Next::Look => self.follow(),
                Next::Nothing => self.try_again(),
                Next::End => return,
            }
        }
    }

    fn judge(&self, mut lines: impl ExactSizeIterator<Item = String>) {
        while lines.len() > 0 {
            let mut state = self.state();
            // It may have been taken away meanwhile.
            let Some(candidate) = &mut state.candidate else { return };
            candidate.refresh(&self.live, self.clock.now());
            lines.by_ref().take(AT_ONCE).for_each(|line| candidate.judge(line.as_bytes()));
        }
    }

    /// Takes the candidate that the configuration in force names, where it names another one.
    fn follow(&self) {
        let named = self.live.load().config.shadow.clone();
        let before = std::mem::replace(&mut self.state().configured, named.clone());
        match named {
            same if same == before => {}
            Some(path) => self.try_to_load(&path),
            None => drop(self.replace(None)),
        }
    }

    fn try_again(&self) {
        let path = {
            let state = self.state();
            let failed = state.failed.as_ref().filter(|failed| failed.files.looks_different());
            failed.map(|failed| failed.path.clone())
        };
        if let Some(path) = path {
            self.try_to_load(&path);
        }
    }

    fn try_to_load(&self, path: &Path) {
        let files = || config::read(path, crate::shipped::NAMES).sources.last_read();
        match self.load(path) {
            Ok(candidate) => {
                self.replace(Some(candidate));
            }
            Err(errors) => {
                for error in &errors {
                    tracing::warn!("{error}");
                }
                tracing::warn!(config = %path.display(), "the shadow configuration does not load; it is tried again when it changes");
                let failed = Failed { path: path.to_owned(), errors, files: files() };
                self.state().failed = Some(failed);
            }
        }
    }

    fn load(&self, path: &Path) -> Result<Candidate, ConfigErrors> {
        Candidate::load(path, (&self.engine, &self.clock), &self.live)
    }

    /// Puts a candidate into the place; tells whether there was another one.
    fn replace(&self, candidate: Option<Candidate>) -> bool {
        let mut state = self.state();
        self.feed.set_active(candidate.is_some());
        match &candidate {
            Some(candidate) => tracing::info!(
                config = %candidate.path().display(),
                "a shadow configuration judges requests after their answers"
            ),
            None if state.candidate.is_some() => {
                tracing::info!("no shadow configuration judges requests any more");
            }
            None => {}
        }
        state.failed = None;
        let before = std::mem::replace(&mut state.candidate, candidate);
        drop(state);
        // Its threads are waited for.
        before.is_some()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
