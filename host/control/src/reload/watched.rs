//! The files and directories that the system is asked to tell of.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use notify::{ErrorKind, Event, RecommendedWatcher, RecursiveMode, Watcher};

use super::interest::Interest;
use super::watch::{Signal, WatchError};
use stockade_config::LastRead;

/// Watches every directory and every file on the way to what was read. A directory tells of
/// names that come and go; a file that is mounted by itself tells only of itself.
pub(super) struct Watched {
    watcher: RecommendedWatcher,
    signals: Sender<Signal>,
    /// Each with what it is, because one that was removed and made again is another.
    inodes: BTreeMap<PathBuf, Inode>,
    /// The paths that could not be watched, so that it is said once.
    failed: HashSet<PathBuf>,
    interest: Arc<Mutex<Interest>>,
}

/// Device and number.
type Inode = (u64, u64);

fn inode(path: &Path) -> Option<Inode> {
    path.symlink_metadata().ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

impl Watched {
    pub(super) fn new(signals: Sender<Signal>) -> Result<Self, WatchError> {
        let interest = Arc::new(Mutex::new(Interest::default()));
        let (sender, shared) = (signals.clone(), Arc::clone(&interest));
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // What went wrong may have kept events from coming.
            if event.map_or(true, |event| lock(&shared).concerns(&event)) {
                sender.send(Signal::Changed).ok();
            }
        })?;
        let (inodes, failed) = (BTreeMap::new(), HashSet::new());
        Ok(Self { watcher, signals, inodes, failed, interest })
    }

    /// Tells whether a file that the configuration names is open for writing, as far as is known.
    pub(super) fn is_open(&self, file: &Path) -> bool {
        let interest = lock(&self.interest);
        interest.is_open(file) || file.canonicalize().is_ok_and(|real| interest.is_open(&real))
    }

    /// Watches what leads to what was read last.
    pub(super) fn follow(&mut self, last_read: &LastRead) {
        let wanted = lock(&self.interest).follow(last_read);
        self.let_go(&wanted);
        for path in wanted {
            if let (false, Some(inode)) = (self.inodes.contains_key(&path), inode(&path)) {
                self.watch(path, inode);
            }
        }
    }

    fn let_go(&mut self, wanted: &BTreeSet<PathBuf>) {
        let old = std::mem::take(&mut self.inodes);
        let (kept, gone): (BTreeMap<_, _>, BTreeMap<_, _>) = old
            .into_iter()
            .partition(|(path, known)| wanted.contains(path) && inode(path) == Some(*known));
        for path in gone.keys() {
            // It fails where the file was removed, and then there is no watch.
            self.watcher.unwatch(path).ok();
        }
        self.inodes = kept;
    }

    fn watch(&mut self, path: PathBuf, inode: Inode) {
        match self.watcher.watch(&path, RecursiveMode::NonRecursive) {
            Ok(()) => {
                self.failed.remove(&path);
                self.inodes.insert(path, inode);
                // Between the reading of the files and the beginning of the watch something
                // may have come or gone without an event.
                self.signals.send(Signal::Changed).ok();
            }
            Err(error) => {
                if self.failed.insert(path.clone()) && !is_forbidden(&error) {
                    let path = path.display();
                    tracing::warn!(%path, %error, "cannot be watched for changes; it is looked at every few seconds");
                }
            }
        }
    }
}

/// A directory on the way may be passed through and not be read, which is how a home is
/// usually set up.
fn is_forbidden(error: &notify::Error) -> bool {
    matches!(&error.kind, ErrorKind::Io(error) if error.kind() == io::ErrorKind::PermissionDenied)
}

fn lock(interest: &Mutex<Interest>) -> MutexGuard<'_, Interest> {
    interest.lock().unwrap_or_else(PoisonError::into_inner)
}
