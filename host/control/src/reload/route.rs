//! The way from `/` to a file: every directory that is looked into, and every name that is
//! looked up, links followed one by one.
//!
//! A file changes its meaning when any of these names is given to something else: a link of a
//! release directory or a `ConfigMap` is turned to another place, or a directory is removed and
//! made again.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// More links than this are a circle, as for the system.
const MOST_LINKS: usize = 40;

/// The ways to some files.
#[derive(Debug, Default)]
pub(super) struct Routes {
    /// Every directory, by its real path.
    pub(super) directories: BTreeSet<PathBuf>,
    /// Every name that was looked up, with the real path of its directory.
    pub(super) names: HashSet<PathBuf>,
    /// Every file or directory at the end of a way, by its real path.
    pub(super) ends: BTreeSet<PathBuf>,
}

impl Routes {
    /// Adds the way to a file, as far as it leads.
    pub(super) fn add(&mut self, path: &Path) {
        let Ok(absolute) = std::path::absolute(path) else {
            return;
        };
        let mut here = PathBuf::from("/");
        let mut rest = VecDeque::new();
        prepend(&mut rest, &absolute);
        let mut links = 0;
        while let Some(step) = rest.pop_front() {
            let name = match step {
                Step::Root => {
                    here = PathBuf::from("/");
                    continue;
                }
                Step::Parent => {
                    here.pop();
                    continue;
                }
                Step::Name(name) => name,
            };
            let there = here.join(&name);
            self.directories.insert(here.clone());
            self.names.insert(there.clone());
            let Ok(metadata) = there.symlink_metadata() else {
                return;
            };
            if metadata.is_symlink() {
                links += 1;
                match there.read_link() {
                    Ok(target) if links <= MOST_LINKS => prepend(&mut rest, &target),
                    _ => return,
                }
            } else {
                here = there;
            }
        }
        self.ends.insert(here);
    }
}

enum Step {
    Root,
    Parent,
    Name(OsString),
}

/// Puts the parts of a path before what is left of another.
fn prepend(rest: &mut VecDeque<Step>, path: &Path) {
    for component in path.components().rev() {
        rest.push_front(match component {
            Component::RootDir | Component::Prefix(_) => Step::Root,
            Component::ParentDir => Step::Parent,
            Component::CurDir => continue,
            Component::Normal(name) => Step::Name(name.to_owned()),
        });
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use super::Routes;

    #[test]
    fn every_link_on_the_way_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("releases/1/etc")).unwrap();
        std::fs::write(root.join("releases/1/etc/real.yaml"), "").unwrap();
        symlink("releases/1", root.join("current")).unwrap();
        symlink("../etc/real.yaml", root.join("releases/1/etc/stockade.yaml")).unwrap();
        let mut routes = Routes::default();
        routes.add(&root.join("current/etc/stockade.yaml"));
        for name in [
            "current",
            "releases",
            "releases/1",
            "releases/1/etc",
            "releases/1/etc/stockade.yaml",
            "releases/1/etc/real.yaml",
        ] {
            assert!(routes.names.contains(&root.join(name)), "{name}: {routes:?}");
        }
        for name in ["", "releases", "releases/1", "releases/1/etc"] {
            let name = if name.is_empty() { root.clone() } else { root.join(name) };
            assert!(routes.directories.contains(&name), "{routes:?}");
        }
        assert!(routes.directories.contains(&PathBuf::from("/")));
        assert_eq!(routes.ends, [root.join("releases/1/etc/real.yaml")].into());
    }

    #[test]
    fn a_way_that_does_not_lead_anywhere_is_followed_to_there() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        symlink("circle", root.join("circle")).unwrap();
        let mut routes = Routes::default();
        routes.add(&root.join("circle/x"));
        routes.add(&root.join("missing/x.yaml"));
        assert!(routes.names.contains(&root.join("missing")), "{routes:?}");
        assert!(!routes.names.contains(&root.join("missing/x.yaml")), "{routes:?}");
        assert!(routes.ends.is_empty());
    }
}
