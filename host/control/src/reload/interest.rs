//! The events of the file system that are about the configuration, and the files that somebody
//! writes to at this moment.

use std::collections::{BTreeSet, HashSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind, RemoveKind, RenameMode};
use notify::{Event, EventKind};

use super::route::Routes;
use stockade_config::LastRead;

/// The names and directories that are looked for among the events.
#[derive(Debug, Default)]
pub(super) struct Interest {
    /// Names that lead to a file, each with the real path of its directory.
    names: HashSet<PathBuf>,
    /// Directories in which patterns look for files.
    searched: HashSet<PathBuf>,
    /// Files that have been written to and not been closed since.
    open: HashSet<PathBuf>,
}

impl Interest {
    /// Follows what the last reading read. Returns what is to be watched for that:
    /// directories, and files at the ends of the ways.
    pub(super) fn follow(&mut self, last_read: &LastRead) -> BTreeSet<PathBuf> {
        let mut routes = Routes::default();
        last_read.files().for_each(|file| routes.add(file));
        let mut searched = Routes::default();
        for pattern in last_read.patterns() {
            pattern.expand().directories.iter().for_each(|directory| searched.add(directory));
        }
        let Routes { mut directories, mut names, ends } = routes;
        directories.extend(searched.directories);
        directories.extend(searched.ends.iter().cloned());
        names.extend(searched.names);
        self.searched = searched.ends.into_iter().collect();
        self.open.retain(|path| names.contains(path));
        self.names = names;
        directories.into_iter().chain(ends).collect()
    }

    /// Tells whether somebody has written to a file, by its real path, and not closed it since.
    pub(super) fn is_open(&self, path: &Path) -> bool {
        self.open.contains(path)
    }

    /// Takes an event in, and says whether it can be about the configuration. A log that is
    /// written beside it would otherwise wake the reloading thread for each line.
    pub(super) fn concerns(&mut self, event: &Event) -> bool {
        // Events were lost, or one does not say what it is about.
        if event.need_rescan() || event.paths.is_empty() {
            return true;
        }
        let mut concerned = false;
        // Each path is taken in, also after one that concerns.
        for path in &event.paths {
            concerned |= self.concerns_path(event.kind, path);
        }
        concerned
    }

    fn concerns_path(&mut self, kind: EventKind, path: &Path) -> bool {
        let named = self.names.contains(path);
        match kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => {
                self.open.remove(path);
                named
            }
            // Our own reading of the files is an access too.
            EventKind::Access(_) => false,
            EventKind::Modify(ModifyKind::Data(_)) => {
                if named {
                    self.open.insert(path.to_owned());
                }
                named
            }
            EventKind::Create(CreateKind::File) if named && is_new_file(path) => {
                self.open.insert(path.to_owned());
                true
            }
            EventKind::Remove(RemoveKind::File)
            | EventKind::Modify(ModifyKind::Name(RenameMode::To | RenameMode::From)) => {
                // Another file has the name now, or none.
                self.open.remove(path);
                named || self.is_searched(path)
            }
            _ => named || self.is_searched(path),
        }
    }

    /// Tells whether a pattern may match it, or looks into it.
    fn is_searched(&self, path: &Path) -> bool {
        let inside = path.parent().is_some_and(|parent| self.searched.contains(parent));
        inside || self.searched.contains(path)
    }
}

/// Tells whether a name that came into being is that of a file which was opened for writing, and
/// not another name for one that was there.
fn is_new_file(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_file() && metadata.nlink() == 1)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use notify::event::{
        AccessKind, AccessMode, CreateKind, DataChange, MetadataKind, ModifyKind, RemoveKind,
        RenameMode,
    };
    use notify::{Event, EventKind};

    use super::Interest;

    const WRITTEN: EventKind = EventKind::Modify(ModifyKind::Data(DataChange::Any));
    const CLOSED: EventKind = EventKind::Access(AccessKind::Close(AccessMode::Write));

    fn interest() -> Interest {
        Interest {
            names: ["/etc", "/etc/stockade.yaml", "/etc/..data"].map(Into::into).into(),
            searched: ["/etc/bindings.d".into()].into(),
            ..Interest::default()
        }
    }

    fn event(kind: EventKind, path: &str) -> Event {
        Event::new(kind).add_path(Path::new(path).to_owned())
    }

    #[test]
    fn what_is_written_beside_the_configuration_is_not_about_it() {
        let mut interest = interest();
        let mut concerned = |kind, path: &str| interest.concerns(&event(kind, path));
        assert!(concerned(WRITTEN, "/etc/stockade.yaml"));
        assert!(!concerned(WRITTEN, "/etc/stockade.log"));
        assert!(!concerned(WRITTEN, "/elsewhere/stockade.yaml"));
        assert!(!concerned(EventKind::Access(AccessKind::Any), "/etc/stockade.yaml"));
        for kind in [
            EventKind::Create(CreateKind::Any),
            EventKind::Remove(RemoveKind::Any),
            EventKind::Modify(ModifyKind::Name(RenameMode::Any)),
            EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any)),
            EventKind::Modify(ModifyKind::Any),
            EventKind::Any,
        ] {
            // A link of a ConfigMap, a directory on the way, a file that a pattern matches.
            assert!(concerned(kind, "/etc/..data"), "{kind:?}");
            assert!(concerned(kind, "/etc"), "{kind:?}");
            assert!(concerned(kind, "/etc/bindings.d/new.yaml"), "{kind:?}");
            assert!(!concerned(kind, "/etc/passwd"), "{kind:?}");
        }
        assert!(interest.concerns(&Event::new(WRITTEN)), "an event that lost its path");
    }

    #[test]
    fn a_file_is_open_from_the_first_write_to_the_close() {
        let mut interest = interest();
        let file = Path::new("/etc/stockade.yaml");
        interest.concerns(&event(WRITTEN, "/etc/stockade.yaml"));
        assert!(interest.is_open(file));
        assert!(interest.concerns(&event(CLOSED, "/etc/stockade.yaml")));
        assert!(!interest.is_open(file));
        // What takes its place is whole.
        interest.concerns(&event(WRITTEN, "/etc/stockade.yaml"));
        let renamed = EventKind::Modify(ModifyKind::Name(RenameMode::To));
        assert!(interest.concerns(&event(renamed, "/etc/stockade.yaml")));
        assert!(!interest.is_open(file));
        interest.concerns(&event(WRITTEN, "/etc/other.yaml"));
        assert!(!interest.is_open(Path::new("/etc/other.yaml")));
    }
}
