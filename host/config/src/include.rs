//! Reads the files of a configuration: the main one, and what they `include:`.
//!
//! An included file adds users, groups, policies, bindings, quotas and tests; what concerns the
//! whole gateway stays in the main file. A file that cannot be read is reported, and the
//! rest is still checked.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::merge::Merge as _;
use super::pattern::{Matches, Pattern};
use super::raw::{RawConfig, RawFragment, RawInclude};
use super::regular_file::ReadError;
use super::text_file::{self, LARGEST, Unreadable};
use super::top_level;
use super::validate::LoadContext;
use stockade_core::environment;
use stockade_yaml::{Diagnostics, Field, FileId, Location, Problem, Spanned, decode, tree};

/// Files within files within files are hard to follow.
const DEEPEST: usize = 8;

/// More files are a mistake.
const MOST: usize = 1000;

/// Reads the main file and all that it includes.
///
/// # Errors
/// Why there is no main file.
pub(super) fn read(
    path: &Path,
    context: &mut LoadContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<Option<RawConfig>, Unreadable> {
    let text = match text_file::read(path, LARGEST, &mut context.sources) {
        Err(Unreadable::NotUtf8(before)) => {
            not_utf8(path, &before, None, diagnostics);
            return Ok(None);
        }
        read => read?,
    };
    let file = diagnostics.begin(path, &text, None);
    let Some(mut raw) = parse::<RawConfig>(&text, file, diagnostics) else {
        return Ok(None);
    };
    let include = std::mem::take(&mut raw.include);
    let missing = |error| Unreadable::Io(ReadError::Missing(Arc::new(error)));
    let real = path.canonicalize().map_err(missing)?;
    let mut reader = Reader {
        root: directory_of(path).canonicalize().map_err(missing)?,
        room: LARGEST.saturating_sub(text.len() as u64),
        seen: HashMap::from([(real.clone(), None)]),
        open: vec![real],
        raw,
        context,
        diagnostics,
    };
    reader.follow(include);
    let Reader { mut raw, diagnostics, .. } = reader;
    raw.distinct(diagnostics);
    Ok(Some(raw))
}

fn parse<T: for<'de> Deserialize<'de>>(
    text: &str,
    file: FileId,
    diagnostics: &mut Diagnostics,
) -> Option<T> {
    let root = tree::parse(text, file, diagnostics)?;
    let root = top_level::without_extensions(root);
    let root = if file == FileId::MAIN {
        top_level::with_variables(&root, &environment::variable, diagnostics)?
    } else {
        root
    };
    decode(&root, diagnostics)
}

fn not_utf8(path: &Path, before: &str, included: Option<Location>, diagnostics: &mut Diagnostics) {
    let file = diagnostics.begin(path, before, included);
    let problem =
        Problem::new(text_file::end(before).of(file), "the file is not UTF-8 from here on");
    diagnostics.add(problem.help("save it in the encoding UTF-8"));
}

/// The directory of a file, never empty.
fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

struct Reader<'a, 's> {
    /// The directory in which all files must be, links resolved.
    root: PathBuf,
    /// The bytes that the files that follow may have.
    room: u64,
    /// Every file so far, links resolved, and where it was included.
    seen: HashMap<PathBuf, Option<Location>>,
    /// Those of them that led to the one that is being read.
    open: Vec<PathBuf>,
    raw: RawConfig,
    context: &'a mut LoadContext<'s>,
    diagnostics: &'a mut Diagnostics,
}

impl Reader<'_, '_> {
    fn follow(&mut self, include: Field<RawInclude>) {
        let broken = include.is_invalid();
        let patterns = match include.value() {
            None => Vec::new(),
            Some(RawInclude::One(text)) => vec![text],
            Some(RawInclude::Many(all)) => all,
        };
        self.raw.incomplete |= broken || patterns.iter().any(Field::is_invalid);
        for text in patterns.into_iter().filter_map(Field::optional) {
            self.pattern(&text);
        }
    }

    fn pattern(&mut self, text: &Spanned<String>) {
        let from = self.diagnostics.path(text.at.file()).to_owned();
        let directory = from.parent().unwrap_or(Path::new(""));
        let Some(pattern) = text.check(self.diagnostics, |text| Pattern::parse(directory, text))
        else {
            self.raw.incomplete = true;
            return;
        };
        let Matches { files, unreadable, .. } = self.context.sources.expand(pattern);
        let nothing = files.is_empty() && unreadable.is_empty();
        for (directory, error) in unreadable {
            let message = format!("cannot look into {}: {error}", directory.display());
            self.refuse(Problem::new(text.at, message).help("make the directory, it may be empty"));
        }
        if nothing {
            self.diagnostics.warn(Problem::new(text.at, "no file has such a name yet"));
        }
        for path in files {
            if let Err(problem) = self.file(&path, text.at) {
                self.refuse(problem);
            }
        }
    }

    /// Reports a problem for which it is not known what a file would define.
    fn refuse(&mut self, problem: Problem) {
        self.raw.incomplete = true;
        self.diagnostics.add(problem);
    }

    fn file(&mut self, path: &Path, at: Location) -> Result<(), Problem> {
        let content = text_file::read(path, self.room, &mut self.context.sources);
        let unreadable = |error: &dyn std::fmt::Display| {
            let message = format!("cannot read the included file {}: {error}", path.display());
            Problem::new(at, message)
        };
        let real = path.canonicalize().map_err(|error| unreadable(&error))?;
        self.check(path, &real, at)?;
        let text = match content {
            Ok(text) => text,
            Err(Unreadable::NotUtf8(before)) => {
                self.raw.incomplete = true;
                not_utf8(path, &before, Some(at), self.diagnostics);
                return Ok(());
            }
            Err(error) => return Err(unreadable(&error)),
        };
        self.open.push(real);
        self.fragment(path, &text, at);
        self.open.pop();
        Ok(())
    }

    /// Checks that this file may be read here.
    fn check(&mut self, path: &Path, real: &Path, at: Location) -> Result<(), Problem> {
        let path = path.display();
        if !real.starts_with(&self.root) {
            let message = format!("{path} leads out of the configuration's directory");
            let help = "copy the file into it, or link to a file in it";
            return Err(Problem::new(at, message).help(help));
        }
        if self.open.iter().any(|open| open == real) {
            let message = format!("{path} is included by what it includes");
            let help = "a file cannot be a part of itself; keep included files in a directory of \
                        their own";
            return Err(Problem::new(at, message).help(help));
        }
        if let Some(Some(first)) = self.seen.get(real) {
            let message = format!("{path} is included twice");
            let first = self.diagnostics.place(*first, at);
            let help = format!("it is first included in {first}; keep one of them");
            return Err(Problem::new(at, message).help(help));
        }
        if self.open.len() > DEEPEST {
            let message = format!("files are included more than {DEEPEST} levels deep");
            return Err(Problem::new(at, message).help("include them from the main file"));
        }
        if self.seen.len() >= MOST {
            let message = format!("the configuration has more than {MOST} files");
            return Err(Problem::new(at, message).help("put several into one"));
        }
        self.seen.insert(real.to_owned(), Some(at));
        Ok(())
    }

    fn fragment(&mut self, path: &Path, text: &str, at: Location) {
        self.room = self.room.saturating_sub(text.len() as u64);
        let file = self.diagnostics.begin(path, text, Some(at));
        match parse::<RawFragment>(text, file, self.diagnostics) {
            Some(mut fragment) => {
                let include = std::mem::take(&mut fragment.include);
                self.raw.merge(fragment);
                self.follow(include);
            }
            None => self.raw.incomplete = true,
        }
    }
}
