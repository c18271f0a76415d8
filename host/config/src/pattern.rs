//! The names of files that `include:` may say, with wildcards.

use std::collections::BTreeSet;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Names of files, seen from a directory, with `*` and `?` for parts of a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    directory: PathBuf,
    parts: Vec<String>,
}

/// The files that a pattern leads to.
#[derive(Clone, Debug, Default)]
pub struct Matches {
    /// The files, those of one directory by name. One that is named without `*` and `?`
    /// is here whether it exists or not.
    pub files: Vec<PathBuf>,
    /// The directories that were looked into, or would have been.
    pub directories: BTreeSet<PathBuf>,
    /// The directories that could not be read.
    pub unreadable: Vec<(PathBuf, Arc<io::Error>)>,
}

impl Pattern {
    /// `text` as it is written in a file of `directory`.
    pub(super) fn parse(directory: &Path, text: &str) -> Result<Self, &'static str> {
        let mut parts = Vec::new();
        for component in Path::new(text).components() {
            match component {
                Component::CurDir => {}
                Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
                Component::ParentDir => {
                    return Err("an include cannot leave its directory by `..`");
                }
                Component::RootDir | Component::Prefix(_) => {
                    return Err("an include is written as seen from the directory of its file");
                }
            }
        }
        if parts.is_empty() || text.ends_with('/') {
            return Err("an include names files, such as `bindings.d/*.yaml`");
        }
        if parts.iter().any(|part| part.contains("**")) {
            return Err("`**` is not used here; name each level, such as `teams/*/*.yaml`");
        }
        Ok(Self { directory: directory.to_owned(), parts })
    }

    /// Looks for the files.
    pub fn expand(&self) -> Matches {
        let mut matches = Matches { files: vec![self.directory.clone()], ..Matches::default() };
        for (index, part) in self.parts.iter().enumerate() {
            let last = index + 1 == self.parts.len();
            for directory in std::mem::take(&mut matches.files) {
                matches.step(directory, part, last);
            }
        }
        matches
    }
}

impl Matches {
    fn step(&mut self, directory: PathBuf, part: &str, last: bool) {
        if part.contains(['*', '?']) {
            match entries(&directory, part) {
                // A link that leads nowhere counts as a file, so that it is an error.
                Ok(found) => self.files.extend(found.into_iter().filter(|p| p.is_dir() != last)),
                Err(error) => self.unreadable.push((directory.clone(), Arc::new(error))),
            }
        } else {
            self.files.push(directory.join(part));
        }
        self.directories.insert(directory);
    }
}

/// Hidden files are those that editors leave behind, so no wildcard matches them.
fn entries(directory: &Path, part: &str) -> io::Result<Vec<PathBuf>> {
    let here = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let mut names = Vec::new();
    for entry in here.read_dir()? {
        let name = entry?.file_name();
        let text = name.to_string_lossy();
        if !text.starts_with('.') && fits(part, &text) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names.into_iter().map(|name| directory.join(name)).collect())
}

/// Tells whether a name fits: `*` stands for any text, `?` for one character.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // The last star, and where in the name what follows it is tried.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((at, tried)) = star else {
                    return false;
                };
                star = Some((at, tried + 1));
                p = at + 1;
                n = tried + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{Pattern, fits};

    #[test]
    fn stars_and_question_marks_stand_for_parts_of_a_name() {
        for name in ["a.yaml", ".yaml", "ab.yaml", "a.yaml.yaml"] {
            assert!(fits("*.yaml", name), "{name}");
        }
        for name in ["a.yml", "a.yaml~", "yaml", ""] {
            assert!(!fits("*.yaml", name), "{name}");
        }
        assert!(fits("?-*-?.y*", "a-long-name-b.yaml") && fits("ä?", "äö") && fits("**", ""));
        assert!(!fits("?", "") && !fits("?-*-?.y*", "a-b.yaml"));
    }

    #[test]
    fn patterns_stay_in_their_directory() {
        for text in ["", ".", "./", "/etc/a.yaml", "../a.yaml", "a/../../b.yaml", "a/", "**/a"] {
            assert!(Pattern::parse(Path::new("x"), text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn matches_are_sorted_and_not_hidden() {
        let directory = tempfile::tempdir().unwrap();
        for team in ["b", "a", ".git"] {
            let team = directory.path().join(team);
            std::fs::create_dir(&team).unwrap();
            for name in ["2.yaml", "10.yaml", ".#2.yaml", "2.yaml~"] {
                std::fs::write(team.join(name), "").unwrap();
            }
            std::fs::create_dir(team.join("directory.yaml")).unwrap();
        }
        std::fs::write(directory.path().join("file"), "").unwrap();
        let found = |text| {
            let matches = Pattern::parse(directory.path(), text).unwrap().expand();
            let relative = |path: &PathBuf| path.strip_prefix(directory.path()).unwrap().to_owned();
            let names: Vec<_> = matches.files.iter().map(relative).collect();
            let names: Vec<_> = names.iter().map(|name| name.to_str().unwrap()).collect();
            (names.join(" "), matches.directories.len(), matches.unreadable.len())
        };
        let all = "a/10.yaml a/2.yaml b/10.yaml b/2.yaml".to_owned();
        assert_eq!(found("*/*.yaml"), (all, 3, 0));
        assert_eq!(found("./a/none.yaml"), ("a/none.yaml".to_owned(), 2, 0));
        assert_eq!(found("missing/*.yaml"), (String::new(), 2, 1));
    }
}
