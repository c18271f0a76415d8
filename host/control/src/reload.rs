//! Live reload: builds a whole candidate, proves it, swaps one pointer.
//!
//! A candidate that does not load leaves the generation that works in place, and every
//! error is logged and kept in [`Status`] until a later candidate loads.

mod compile;
mod current;
mod interest;
mod route;
mod stillness;
mod wake;
mod watch;
mod watched;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use stockade_core::Clock;
use stockade_engine::Engine;

use crate::generation::{self, Draft, Generation};
use stockade_config::{self as config, ConfigErrors, LastRead, StartupConfig};

use compile::{Compiled, Compiling, Job};
pub use current::{Current, Status};
use stillness::{Stillness, Unsettled};
pub use wake::Wake;
pub use watch::{Watch, WatchError};

/// The result of one reload.
#[derive(Clone, Debug)]
pub enum Reload {
    /// No file has changed.
    Unchanged,
    /// A file has changed and may be changing still. It is to be looked at again after this
    /// time.
    Unsettled(Duration),
    /// The policies of a candidate are being compiled. Who may not come in by it is refused
    /// from now on.
    Compiling,
    /// A new generation, with its number, is in force.
    Swapped(u64),
    /// The candidate does not load; the old generation stays.
    Rejected(Arc<ConfigErrors>),
}

/// The reason why somebody looks at the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// The file system told of a change.
    Event,
    /// Time has passed.
    Look,
    /// Somebody asked, or the machine was short of something the last time: what was
    /// rejected is tried again, since the reason may not have been the configuration.
    Asked,
}

/// Makes generations from a configuration file.
pub struct Reloader {
    path: PathBuf,
    engine: Arc<Engine>,
    clock: Arc<dyn Clock>,
    current: Arc<Current>,
    startup: StartupConfig,
    role: Role,
    seen: Mutex<Seen>,
}

/// The use of the generations that are made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Requests are judged by them.
    Live,
    /// They are tried out beside the live ones.
    Shadow,
}

/// The files that the last attempt read, and the changes since that were not taken.
struct Seen {
    files: LastRead,
    unsettled: Option<Unsettled>,
    candidates: Candidates,
}

/// The candidates that are under way, by their places among all.
#[derive(Default)]
struct Candidates {
    last: u64,
    /// The one that is to be in force next, while it is compiled.
    awaited: Option<u64>,
    /// One that a later one has overtaken. The two have most of their policies in common.
    overtaken: Option<Generation>,
}

impl Reloader {
    /// Loads a configuration for the first time.
    pub fn start(
        path: &Path,
        engine: Arc<Engine>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigErrors> {
        Self::start_as(Role::Live, path, (engine, clock))
    }

    /// Loads a configuration that is tried out beside the live one.
    pub(crate) fn start_shadow(
        path: &Path,
        engine: Arc<Engine>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigErrors> {
        Self::start_as(Role::Shadow, path, (engine, clock))
    }

    fn start_as(
        role: Role,
        path: &Path,
        (engine, clock): (Arc<Engine>, Arc<dyn Clock>),
    ) -> Result<Self, ConfigErrors> {
        let reading = config::read(path, crate::shipped::NAMES);
        // What changes while policies compile must look new afterwards.
        let candidates = Candidates::default();
        let seen = Seen { files: reading.sources.last_read(), unsettled: None, candidates };
        let first = generation::candidate(1, reading, &engine, clock.as_ref())?;
        let startup = StartupConfig::of(&first.config);
        let current = Arc::new(Current::new(first));
        let (path, seen) = (path.to_owned(), Mutex::new(seen));
        Ok(Self { path, engine, clock, current, startup, role, seen })
    }

    /// Returns the holder of the generation in force.
    pub fn current(&self) -> &Arc<Current> {
        &self.current
    }

    /// Everything that the last attempt read, or tried to.
    fn last_read(&self) -> LastRead {
        self.seen().files.clone()
    }

    /// Builds a candidate and swaps it in. Blocks while policies compile.
    pub fn reload(&self) -> Reload {
        self.attempt(Occasion::Event, &Stillness::default(), &|_| false, None)
    }

    /// Builds a candidate of what has changed, if that has settled. `is_open` says whether a
    /// file is open for writing, as far as is known. Policies that have to be compiled are
    /// handed to `compiling`, if there is one.
    fn attempt(
        &self,
        occasion: Occasion,
        stillness: &Stillness,
        is_open: &dyn Fn(&Path) -> bool,
        compiling: Option<&Compiling>,
    ) -> Reload {
        // Held to the end: two reloads at once could swap in the older one last.
        let mut seen = self.seen();
        // Before they are read: what is closed meanwhile may have been read half.
        let open: Vec<_> =
            seen.files.files().filter(|file| is_open(file)).map(Path::to_owned).collect();
        let is_open = |file: &Path| is_open(file) || open.iter().any(|path| path == file);
        let (sources, changes) = seen.files.again();
        let again = occasion == Occasion::Asked && self.current.was_rejected();
        if changes.is_empty() && !again {
            seen.unsettled = None;
            return Reload::Unchanged;
        }
        let wanted = stillness.wanted(&changes, occasion, &is_open);
        if let Some(rest) = Unsettled::rest(&mut seen.unsettled, &changes, wanted) {
            return Reload::Unsettled(rest);
        }
        let started = Instant::now();
        // The compiler starts while the files are read.
        self.engine.wake();
        let reading = config::read_from(&self.path, crate::shipped::NAMES, sources);
        seen.files = reading.sources.last_read();
        let idle = compiling.filter(|compiling| compiling.is_idle());
        if let (Some(compiling), Some(_), false) =
            (idle, &reading.config, reading.errors.is_empty())
        {
            // It takes a while to know what is wrong with its policies too.
            let build = Box::new(|engine: &Engine, clock: &dyn Clock| {
                generation::candidate(0, reading, engine, clock)
            });
            compiling.hand_over(Job { sequence: None, build, started });
            return Reload::Compiling;
        }
        match (Draft::of(reading, &self.current.load().feeds), compiling) {
            (Err(errors), _) => self.reject(errors),
            (Ok(draft), Some(compiling)) if !draft.is_ready(&self.engine) => {
                self.compile(compiling, seen.candidates.await_next(), draft, started)
            }
            (Ok(draft), _) => {
                seen.candidates =
                    Candidates { last: seen.candidates.last, ..Candidates::default() };
                let number = self.current.load().number + 1;
                let built = draft.complete(number, &self.engine, self.clock.as_ref());
                self.conclude(built, started)
            }
        }
    }

    /// Has the policies of a candidate compiled beside this thread. Who may not come in by
    /// it need not wait for that.
    fn compile(
        &self,
        compiling: &Compiling,
        sequence: u64,
        draft: Draft,
        started: Instant,
    ) -> Reload {
        // No other generation has this number.
        self.current.set_pending(Some(draft.without_policies(u64::MAX - sequence)));
        match self.role {
            Role::Live => tracing::info!(
                "policies of the changed configuration are being compiled; credentials that it \
                 does not have are refused from now on"
            ),
            Role::Shadow => {
                tracing::info!("policies of the changed shadow configuration are being compiled");
            }
        }
        let build =
            Box::new(move |engine: &Engine, clock: &dyn Clock| draft.complete(0, engine, clock));
        compiling.hand_over(Job { sequence: Some(sequence), build, started });
        Reload::Compiling
    }

    /// Takes a candidate whose policies were compiled, unless a later one was faster.
    fn compiled(&self, compiled: Compiled) -> Reload {
        let Compiled { sequence, started, result } = compiled;
        let mut seen = self.seen();
        let Some(sequence) = sequence else {
            return result.map_or_else(|errors| self.reject(errors), |_| Reload::Unchanged);
        };
        if seen.candidates.awaited != Some(sequence) {
            // Nobody needs it where what overtook it had nothing to compile.
            let waited_for = seen.candidates.awaited.is_some();
            seen.candidates.overtaken = result.ok().filter(|_| waited_for);
            return Reload::Unchanged;
        }
        seen.candidates.awaited = None;
        seen.candidates.overtaken = None;
        let number = self.current.load().number + 1;
        self.conclude(result.map(|generation| generation.numbered(number)), started)
    }

    fn conclude(&self, built: Result<Generation, ConfigErrors>, started: Instant) -> Reload {
        match built {
            Ok(generation) => self.swap(generation, started),
            Err(errors) => {
                self.current.set_pending(None);
                self.reject(errors)
            }
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Frees what only the next change would need.
    fn rest(&self) {
        self.engine.rest();
    }

    fn swap(&self, generation: Generation, started: Instant) -> Reload {
        let number = generation.number;
        let waiting = self.startup.changed_in(&generation.config);
        self.current.swap(generation);
        self.current.set_pending(None);
        let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        if self.role == Role::Shadow {
            tracing::info!(milliseconds, "the changed shadow configuration judges from now on");
            self.current.report(None);
            return Reload::Swapped(number);
        }
        if !waiting.is_empty() {
            let keys = waiting.join(", ");
            tracing::warn!(keys, "these keys have changed and take effect at the next start");
        }
        tracing::info!(generation = number, milliseconds, "a new generation is in force");
        self.current.report(None);
        Reload::Swapped(number)
    }

    fn reject(&self, errors: ConfigErrors) -> Reload {
        let number = self.current.load().number;
        self.tell_rejected(number, &errors);
        let errors = Arc::new(errors);
        self.current.report(Some(errors.clone()));
        Reload::Rejected(errors)
    }
}

impl Reloader {
    fn tell_rejected(&self, generation: u64, errors: &ConfigErrors) {
        let count = errors.iter().count();
        if self.role == Role::Shadow {
            for error in errors {
                tracing::warn!("{error}");
            }
            tracing::warn!(
                errors = count,
                "the changed shadow configuration does not load; the one before it judges on"
            );
            return;
        }
        for error in errors {
            tracing::error!(generation, "{error}");
        }
        tracing::error!(
            generation,
            errors = count,
            "the changed configuration is rejected; the generation before it stays in force"
        );
    }
}

impl Candidates {
    /// The place of the next candidate, which is waited for instead of any other.
    fn await_next(&mut self) -> u64 {
        self.last += 1;
        self.awaited = Some(self.last);
        self.last
    }
}
