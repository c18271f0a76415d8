//! Notice that a file has changed.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::Reloader;

/// An editor writes a file in several steps: wait until it has been still for this long,
const QUIET: Duration = Duration::from_millis(20);
/// but not longer than this after the first step.
const PATIENCE: Duration = Duration::from_millis(200);

/// The file system cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch the configuration for changes: {0}")]
pub struct WatchError(#[from] notify::Error);

/// A thread that reloads when a file of the configuration changes. It ends when this is
/// dropped.
pub struct Watch {
    signals: Sender<Signal>,
    thread: Option<JoinHandle<()>>,
}

enum Signal {
    Changed,
    Stop,
}

impl Watch {
    /// Begin to watch.
    pub fn start(reloader: Arc<Reloader>) -> Result<Self, WatchError> {
        let (signals, received) = mpsc::channel();
        let mut directories = Directories::new(signals.clone())?;
        directories.follow(&reloader.files());
        // What changed between the first load and now has no event.
        signals.send(Signal::Changed).ok();
        let thread = std::thread::Builder::new()
            .name("reload".to_owned())
            .spawn(move || run(&reloader, directories, &received))
            .map_err(notify::Error::io)?;
        Ok(Self { signals, thread: Some(thread) })
    }

    /// Look at the files now, whether or not an event came.
    pub fn check(&self) {
        // A thread that has ended has been told to.
        self.signals.send(Signal::Changed).ok();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.signals.send(Signal::Stop).ok();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn run(reloader: &Reloader, mut directories: Directories, signals: &Receiver<Signal>) {
    while let Ok(Signal::Changed) = signals.recv() {
        if !settle(signals) {
            return;
        }
        reloader.reload();
        directories.follow(&reloader.files());
    }
}

/// Wait for the end of a burst of changes; false when told to stop.
fn settle(signals: &Receiver<Signal>) -> bool {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        match signals.recv_timeout(QUIET) {
            Ok(Signal::Changed) => {}
            Err(RecvTimeoutError::Timeout) => return true,
            Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
    true
}

/// The directories that hold the files. Files themselves are not watched: an editor
/// that writes a new file and renames it over the old one would leave us watching the
/// old one for ever.
struct Directories {
    watcher: RecommendedWatcher,
    watched: BTreeSet<PathBuf>,
}

impl Directories {
    fn new(signals: Sender<Signal>) -> Result<Self, WatchError> {
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Our own reading of the files is an access too.
            let changed = event.is_ok_and(|event| !matches!(event.kind, EventKind::Access(_)));
            if changed {
                signals.send(Signal::Changed).ok();
            }
        })?;
        Ok(Self { watcher, watched: BTreeSet::new() })
    }

    fn follow(&mut self, files: &[PathBuf]) {
        let wanted = directories_of(files);
        for gone in self.watched.difference(&wanted) {
            // It fails where the directory was removed, and then there is no watch.
            self.watcher.unwatch(gone).ok();
        }
        let mut watched: BTreeSet<PathBuf> = self.watched.intersection(&wanted).cloned().collect();
        for new in wanted.difference(&self.watched) {
            match self.watcher.watch(new, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    watched.insert(new.clone());
                }
                Err(error) => {
                    let directory = new.display();
                    tracing::warn!(%directory, %error, "cannot watch for changes");
                }
            }
        }
        self.watched = watched;
    }
}

/// The directory of each file's name, and of what the name leads to through links.
fn directories_of(files: &[PathBuf]) -> BTreeSet<PathBuf> {
    let real = files.iter().filter_map(|file| file.canonicalize().ok());
    let parent = |file: &PathBuf| match file.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Some(PathBuf::from(".")),
        parent => parent.map(PathBuf::from),
    };
    files.iter().filter_map(parent).chain(real.filter_map(|file| parent(&file))).collect()
}
