//! Live reload: build a whole candidate, prove it, swap one pointer.
//!
//! A candidate that does not load leaves the generation that works in place, and every
//! error is logged and kept in [`Status`] until a later candidate loads.

mod wake;
mod watch;

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwap;
use sha2::{Digest, Sha256};
use stockade_core::Clock;
use stockade_engine::Engine;
use tokio::sync::watch as channel;

use crate::config::{self, ConfigErrors, Inputs};
use crate::generation::{self, Generation};
use crate::jwks;

pub(crate) use wake::Wake;
use wake::Wakers;
pub use watch::{Watch, WatchError};

/// The generation in force, and whether the last candidate was taken.
pub struct Current {
    generation: ArcSwap<Generation>,
    /// Who looks at each new one.
    wakers: Wakers,
    status: channel::Sender<Status>,
}

/// What came of the last change of the configuration.
#[derive(Clone, Debug)]
pub struct Status {
    /// The number of the generation in force.
    pub generation: u64,
    /// Why the last candidate was rejected, if it was.
    pub rejected: Option<Arc<ConfigErrors>>,
    /// How many candidates have been built or rejected since the start.
    pub attempts: u64,
}

impl Current {
    pub(crate) fn new(first: Generation) -> Self {
        let status = Status { generation: first.number, rejected: None, attempts: 1 };
        Self {
            generation: ArcSwap::from_pointee(first),
            wakers: Wakers::default(),
            status: channel::Sender::new(status),
        }
    }

    /// The generation in force. Take it once for each request.
    pub fn load(&self) -> Arc<Generation> {
        self.generation.load_full()
    }

    /// The number of the generation in force.
    pub(crate) fn number(&self) -> u64 {
        self.generation.load().number
    }

    /// Follow what becomes of changes of the configuration.
    pub fn status(&self) -> channel::Receiver<Status> {
        self.status.subscribe()
    }
}

/// What came of one reload.
#[derive(Clone, Debug)]
pub enum Reload {
    /// No file has changed.
    Unchanged,
    /// A new generation, with its number, is in force.
    Swapped(u64),
    /// The candidate does not load; the old generation stays.
    Rejected(Arc<ConfigErrors>),
}

/// Makes generations from a configuration file.
pub struct Reloader {
    path: PathBuf,
    engine: Arc<Engine>,
    clock: Arc<dyn Clock>,
    current: Arc<Current>,
    seen: Mutex<Seen>,
}

/// What the last attempt read.
struct Seen {
    inputs: Inputs,
    fingerprint: [u8; 32],
}

impl Reloader {
    /// Load a configuration for the first time.
    pub fn start(
        path: &Path,
        engine: Arc<Engine>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigErrors> {
        let reading = config::read(path, crate::builtin::NAMES);
        let inputs = reading.inputs.clone();
        // What changes while policies compile must look new afterwards.
        let seen = Seen { fingerprint: fingerprint(&inputs), inputs };
        let first = generation::candidate(1, reading, &engine, clock.as_ref())?;
        let current = Arc::new(Current::new(first));
        Ok(Self { path: path.to_owned(), engine, clock, current, seen: Mutex::new(seen) })
    }

    /// Where the generation in force is found.
    pub fn current(&self) -> &Arc<Current> {
        &self.current
    }

    /// Everything that the last attempt read, or tried to.
    fn inputs(&self) -> Inputs {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).inputs.clone()
    }

    /// Build a candidate and swap it in. Blocks while policies compile.
    pub fn reload(&self) -> Reload {
        self.attempt(false)
    }

    /// [`reload`](Self::reload) for somebody who asks for it: what was rejected is tried
    /// again, since the reason may not have been the configuration.
    fn reload_asked(&self) -> Reload {
        let rejected = self.current.status.borrow().rejected.is_some();
        self.attempt(rejected)
    }

    /// `again` is for files that are as they were.
    fn attempt(&self, again: bool) -> Reload {
        // Held to the end: two reloads at once could swap in the older one last.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let inputs = seen.inputs.clone();
        let before = fingerprint(&inputs);
        if before == seen.fingerprint && !again {
            return Reload::Unchanged;
        }
        let started = Instant::now();
        // It is ready by the time that the files are read.
        self.engine.wake();
        let number = self.current.load().number + 1;
        let mut reading = config::read(&self.path, crate::builtin::NAMES);
        if let Some(config) = &mut reading.config {
            jwks::inherit(config, &self.current.load().config);
        }
        seen.inputs = reading.inputs.clone();
        // The fingerprint from before the reading: a file that changed meanwhile then
        // looks new when its event comes. It does not cover files named for the first
        // time.
        seen.fingerprint = if seen.inputs == inputs { before } else { fingerprint(&seen.inputs) };
        let candidate = generation::candidate(number, reading, &self.engine, self.clock.as_ref());
        match candidate {
            Ok(generation) => self.swap(generation, started),
            Err(errors) => self.reject(errors),
        }
    }

    /// Let go of what only the next change would need.
    fn rest(&self) {
        self.engine.rest();
    }

    fn swap(&self, generation: Generation, started: Instant) -> Reload {
        let number = generation.number;
        let old = self.current.generation.swap(Arc::new(generation));
        self.current.wakers.wake();
        if places(&old.config.listen) != places(&self.current.load().config.listen) {
            tracing::warn!(
                "`listen` has other addresses, or TLS where there was none; \
                 it takes effect at the next start"
            );
        }
        tracing::info!(
            generation = number,
            milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "a new generation is in force"
        );
        self.report(number, None);
        Reload::Swapped(number)
    }

    fn reject(&self, errors: ConfigErrors) -> Reload {
        let number = self.current.load().number;
        for error in &errors {
            tracing::error!(generation = number, "{error}");
        }
        tracing::error!(
            generation = number,
            errors = errors.iter().count(),
            "the changed configuration is rejected; the generation before it stays in force"
        );
        let errors = Arc::new(errors);
        self.report(number, Some(errors.clone()));
        Reload::Rejected(errors)
    }

    fn report(&self, generation: u64, rejected: Option<Arc<ConfigErrors>>) {
        self.current.status.send_modify(|status| {
            *status = Status { generation, rejected, attempts: status.attempts + 1 };
        });
    }
}

/// A digest of all files together, and of who may read them: a secret that others may read
/// is refused. One that cannot be read counts as absent. Also of the names that match a
/// pattern: a new file belongs to the configuration from then on.
fn fingerprint(inputs: &Inputs) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for pattern in inputs.patterns() {
        let found = pattern.expand();
        let unreadable = found.unreadable.iter().map(|(directory, _)| directory);
        for path in found.files.iter().chain(unreadable) {
            hasher.update(path.as_os_str().as_encoded_bytes());
            hasher.update([0]);
        }
    }
    for file in inputs.files() {
        hasher.update(file.as_os_str().as_encoded_bytes());
        let mode = std::fs::metadata(file).map_or(0, |metadata| metadata.permissions().mode());
        hasher.update(mode.to_le_bytes());
        match std::fs::read(file) {
            Ok(content) => {
                hasher.update([1]);
                hasher.update(Sha256::digest(content));
            }
            Err(_) => hasher.update([0]),
        }
    }
    hasher.finalize().into()
}

/// What of the listeners needs a restart to change. Certificates do not.
fn places(listeners: &[config::Listener]) -> Vec<(SocketAddr, bool)> {
    listeners.iter().map(|listener| (listener.address, listener.tls.is_some())).collect()
}
