//! Notice that a file has changed.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use notify::event::ModifyKind;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::{Reload, Reloader};
use crate::config::Inputs;

/// An editor writes a file in several steps: wait until it has been still for this long,
const QUIET: Duration = Duration::from_millis(20);
/// but not longer than this after the first step.
const PATIENCE: Duration = Duration::from_millis(200);
/// How long after a change the next one is likely.
const EDITING: Duration = Duration::from_secs(30);

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
    /// Somebody wants the files looked at.
    Asked,
    Stop,
}

impl Watch {
    /// Begin to watch.
    pub fn start(reloader: Arc<Reloader>) -> Result<Self, WatchError> {
        let (signals, received) = mpsc::channel();
        let mut directories = Directories::new(signals.clone())?;
        directories.follow(&reloader.inputs());
        let thread = std::thread::Builder::new()
            .name("reload".to_owned())
            .spawn(move || run(&reloader, directories, &received))
            .map_err(notify::Error::io)?;
        Ok(Self { signals, thread: Some(thread) })
    }

    /// Look at the files now, whether or not an event came.
    pub fn check(&self) {
        // A thread that has ended has been told to.
        self.signals.send(Signal::Asked).ok();
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
    // A configuration was loaded just now.
    let mut rest = Some(Instant::now() + EDITING);
    while let Some(asked) =
        next(reloader, signals, &mut rest).and_then(|first| settle(first, signals))
    {
        let outcome = if asked { reloader.reload_asked() } else { reloader.reload() };
        if !matches!(outcome, Reload::Unchanged) {
            rest = Some(Instant::now() + EDITING);
        }
        directories.follow(&reloader.inputs());
    }
}

/// Wait for a signal. After an edit often comes another, so what compiled the last one is
/// kept until `rest`, whatever else happens beside the configuration.
fn next(
    reloader: &Reloader,
    signals: &Receiver<Signal>,
    rest: &mut Option<Instant>,
) -> Option<Signal> {
    if let Some(at) = *rest {
        match signals.recv_timeout(at.saturating_duration_since(Instant::now())) {
            Ok(signal) => return Some(signal),
            Err(RecvTimeoutError::Timeout) => {
                reloader.rest();
                *rest = None;
            }
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
    signals.recv().ok()
}

/// Wait for the end of a burst of signals: whether somebody asked among them, and nothing
/// when told to stop.
fn settle(first: Signal, signals: &Receiver<Signal>) -> Option<bool> {
    let mut asked = false;
    let mut signal = first;
    let end = Instant::now() + PATIENCE;
    loop {
        match signal {
            Signal::Changed => {}
            Signal::Asked => asked = true,
            Signal::Stop => return None,
        }
        if Instant::now() >= end {
            return Some(asked);
        }
        match signals.recv_timeout(QUIET) {
            Ok(next) => signal = next,
            Err(RecvTimeoutError::Timeout) => return Some(asked),
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}

/// The directories that hold the files. Files themselves are not watched: an editor
/// that writes a new file and renames it over the old one would leave us watching the
/// old one for ever.
struct Directories {
    watcher: RecommendedWatcher,
    signals: Sender<Signal>,
    /// Each with what it is, because one that was removed and made again is another.
    watched: BTreeMap<PathBuf, Option<Inode>>,
    names: Arc<Mutex<Names>>,
}

/// What the files are called, without their directories.
type Names = HashSet<OsString>;

/// Whether an event can be about the configuration. A log that is written beside it would
/// otherwise wake the reloading thread for each line. Whatever comes, goes or is renamed
/// may be a link on the way to a file.
fn concerns(event: &Event, names: &Names) -> bool {
    match event.kind {
        // Our own reading of the files is an access too.
        EventKind::Access(_) => false,
        EventKind::Modify(ModifyKind::Data(_)) => {
            let ours = |path: &PathBuf| path.file_name().is_none_or(|name| names.contains(name));
            event.paths.is_empty() || event.paths.iter().any(ours)
        }
        _ => true,
    }
}

/// Device and number.
type Inode = (u64, u64);

fn inode(path: &Path) -> Option<Inode> {
    path.metadata().ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

impl Directories {
    fn new(signals: Sender<Signal>) -> Result<Self, WatchError> {
        let names = Arc::new(Mutex::new(Names::new()));
        let (sender, known) = (signals.clone(), Arc::clone(&names));
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let known = known.lock().unwrap_or_else(PoisonError::into_inner);
            if event.is_ok_and(|event| concerns(&event, &known)) {
                sender.send(Signal::Changed).ok();
            }
        })?;
        Ok(Self { watcher, signals, watched: BTreeMap::new(), names })
    }

    /// Watch the directories of what is read now.
    fn follow(&mut self, inputs: &Inputs) {
        self.listen_for(names_of(inputs));
        let wanted: BTreeMap<_, _> =
            directories_of(inputs).into_iter().map(|path| (path.clone(), inode(&path))).collect();
        let old = std::mem::take(&mut self.watched);
        let (kept, gone): (BTreeMap<_, _>, BTreeMap<_, _>) =
            old.into_iter().partition(|(path, inode)| wanted.get(path) == Some(inode));
        for path in gone.keys() {
            // It fails where the directory was removed, and then there is no watch.
            self.watcher.unwatch(path).ok();
        }
        self.watched = kept;
        for (path, inode) in wanted {
            if inode.is_some() && !self.watched.contains_key(&path) {
                self.watch(path, inode);
            }
        }
    }

    fn listen_for(&self, names: Names) {
        let mut known = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if *known != names {
            *known = names;
            // A file that is named for the first time may have changed since it was read.
            self.signals.send(Signal::Changed).ok();
        }
    }

    fn watch(&mut self, path: PathBuf, inode: Option<Inode>) {
        if let Err(error) = self.watcher.watch(&path, RecursiveMode::NonRecursive) {
            tracing::warn!(directory = %path.display(), %error, "cannot watch for changes");
            return;
        }
        self.watched.insert(path, inode);
        // Between the reading of the directory and the beginning of its watch a file may
        // have come or gone without an event.
        self.signals.send(Signal::Changed).ok();
    }
}

/// What each file is called, and what its name leads to through links.
fn names_of(inputs: &Inputs) -> Names {
    let files = inputs.files().iter();
    let real = files.clone().filter_map(|file| file.canonicalize().ok());
    let name = |file: &PathBuf| file.file_name().map(OsString::from);
    files.filter_map(name).chain(real.filter_map(|file| name(&file))).collect()
}

/// The directory of each file's name, and of what the name leads to through links; and
/// where an included file may appear.
fn directories_of(inputs: &Inputs) -> BTreeSet<PathBuf> {
    let files = inputs.files().iter();
    let real = files.clone().filter_map(|file| file.canonicalize().ok());
    let parent = |file: &PathBuf| file.parent().map(Path::to_owned);
    let searched = inputs.patterns().iter().flat_map(|pattern| pattern.expand().directories);
    let directories =
        files.filter_map(parent).chain(real.filter_map(|file| parent(&file))).chain(searched);
    directories.map(|path| if path.as_os_str().is_empty() { ".".into() } else { path }).collect()
}

#[cfg(test)]
mod tests {
    use notify::event::{
        AccessKind, CreateKind, DataChange, MetadataKind, ModifyKind, RemoveKind, RenameMode,
    };

    use super::*;

    #[test]
    fn what_is_written_beside_the_configuration_is_not_about_it() {
        let names = Names::from(["stockade.yaml".into(), "key".into()]);
        let concerned = |kind, path: &str| {
            concerns(&Event::new(kind).add_path(Path::new("/etc/stockade").join(path)), &names)
        };
        let written = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        assert!(concerned(written, "stockade.yaml") && concerned(written, "key"));
        assert!(!concerned(written, "stockade.log"));
        assert!(!concerned(EventKind::Access(AccessKind::Any), "stockade.yaml"));
        // A link such as the `..data` of a ConfigMap, or a file that a pattern will match.
        for kind in [
            EventKind::Create(CreateKind::Any),
            EventKind::Remove(RemoveKind::Any),
            EventKind::Modify(ModifyKind::Name(RenameMode::Any)),
            EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any)),
            EventKind::Modify(ModifyKind::Any),
            EventKind::Any,
        ] {
            assert!(concerned(kind, "..data"), "{kind:?}");
        }
        assert!(concerns(&Event::new(written), &names), "an event that lost its path");
    }
}
