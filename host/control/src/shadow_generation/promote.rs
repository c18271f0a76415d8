//! A candidate takes the place of the configuration in force: its text is written into that file.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use stockade_config::{self as config, Config, ConfigDigest};

use super::candidate::JudgedCandidate;

/// The end of the name of the file that keeps what was in force.
const BEFORE: &str = "before-promote";

/// The files of a promotion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promoted {
    /// The file of the configuration, which has the text of the candidate now.
    pub config: PathBuf,
    /// The candidate's own file.
    pub candidate: PathBuf,
    /// The file that keeps the text that was in force.
    pub before: PathBuf,
    /// The SHA-256 of all files of the candidate.
    pub digest: String,
}

/// The reason why a candidate is not promoted.
#[derive(Debug, thiserror::Error)]
pub enum CannotPromote {
    /// There is none.
    #[error(
        "there is no shadow configuration; put one beside the live one: `stockade shadow FILE`"
    )]
    Nobody,
    /// It names other files by paths that begin elsewhere.
    #[error(
        "{} is in another directory than {}: the files that it names would be others there",
        candidate.display(), live.display()
    )]
    Elsewhere {
        /// The candidate.
        candidate: PathBuf,
        /// The configuration in force.
        live: PathBuf,
    },
    /// The file is a link, so something else writes it.
    #[error("{} is a link: change what it leads to, where that comes from", .0.display())]
    Link(PathBuf),
    /// Its files are not what was judged.
    #[error("{} has changed since it was judged, or does not load any more", .0.display())]
    Edited(PathBuf),
    /// It may lack what was changed meanwhile.
    #[error(
        "{} has changed since the candidate was written, and the candidate may lack that; \
         write it into the candidate, or promote with `--force`", .0.display()
    )]
    LiveChanged(PathBuf),
    /// Nothing would change.
    #[error("{} has the text of the candidate already", .0.display())]
    Same(PathBuf),
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
}

/// Writes the text of a candidate into the file of the configuration in force, and what was there
/// into another one.
///
/// # Errors
/// The file of the configuration is as it was.
pub(super) fn promote(
    candidate: &JudgedCandidate,
    live: &Config,
    force: bool,
) -> Result<Promoted, CannotPromote> {
    let file = live.main_file().to_owned();
    check_place(&candidate.path, &file)?;
    let text = text(&candidate.path, candidate.digest)
        .ok_or_else(|| CannotPromote::Edited(candidate.path.clone()))?;
    let before = text_now(&file)?;
    if text == before {
        return Err(CannotPromote::Same(file));
    }
    let is_as_it_was =
        live.digest() == candidate.written_beside && self::text(&file, live.digest()).is_some();
    if !force && !is_as_it_was {
        return Err(CannotPromote::LiveChanged(file));
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let kept = file.with_file_name(format!("{name}.{BEFORE}"));
    for (path, text) in [(&kept, &before), (&file, &text)] {
        let unwritable = |source| CannotPromote::Unwritable { path: path.clone(), source };
        write(path, text, &file).map_err(unwritable)?;
    }
    tracing::info!(
        candidate = %candidate.path.display(),
        before = %kept.display(),
        "the shadow configuration is promoted"
    );
    let digest = candidate.digest.to_string();
    Ok(Promoted { config: file, candidate: candidate.path.clone(), before: kept, digest })
}

fn check_place(candidate: &Path, live: &Path) -> Result<(), CannotPromote> {
    let directory = |path: &Path| {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        fs::canonicalize(parent.unwrap_or(Path::new("."))).ok()
    };
    if directory(candidate).is_none() || directory(candidate) != directory(live) {
        let (candidate, live) = (candidate.to_owned(), live.to_owned());
        return Err(CannotPromote::Elsewhere { candidate, live });
    }
    match fs::symlink_metadata(live) {
        Ok(metadata) if metadata.is_symlink() => Err(CannotPromote::Link(live.to_owned())),
        _ => Ok(()),
    }
}

/// Reads the text of a configuration that is as a digest says, with all that it names.
fn text(path: &Path, digest: ConfigDigest) -> Option<Vec<u8>> {
    let reading = config::read(path, crate::shipped::NAMES);
    let is_same = reading.config.is_some_and(|config| config.digest() == digest);
    reading.sources.main_text().filter(|_| is_same).map(<[u8]>::to_vec)
}

fn text_now(path: &Path) -> Result<Vec<u8>, CannotPromote> {
    fs::read(path).map_err(|source| CannotPromote::Unwritable { path: path.to_owned(), source })
}

/// Writes a file whole or not at all, with the owner and the permissions of another one.
fn write(path: &Path, text: &[u8], like: &Path) -> io::Result<()> {
    let metadata = fs::metadata(like)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let temporary = path.with_file_name(format!(".{name}.new"));
    // What is left of a try that was cut off.
    fs::remove_file(&temporary).ok();
    let written =
        write_new(&temporary, text, &metadata).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        fs::remove_file(&temporary).ok();
    }
    written?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

fn write_new(path: &Path, text: &[u8], like: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text)?;
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (like.uid(), like.gid()) {
        chown(path, Some(like.uid()), Some(like.gid()))?;
    }
    file.set_permissions(Permissions::from_mode(like.mode() & 0o7777))?;
    file.sync_all()
}
