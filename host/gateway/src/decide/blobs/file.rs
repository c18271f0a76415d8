//! The file in which it is kept who has sent which blob: JSON lines, appended one by one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use stockade_core::UserId;

/// The name of the file.
const NAME: &str = "blobs.jsonl";
/// The number of its format.
const SCHEMA: u32 = 1;
/// The longest file that is read, in bytes: some ten times what the most blobs take.
const LONGEST: u64 = 256 << 20;

/// A blob that a user has sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    /// The digits of its SHA-256.
    pub(super) digest: Box<str>,
    pub(super) user: UserId,
}

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    schema: u32,
}

/// The reason why a file is not used.
#[derive(Debug, thiserror::Error)]
enum Damaged {
    #[error("line {0} is none of this file's")]
    Line(usize),
    #[error("its format has the number {0}, and this version knows {SCHEMA}")]
    Schema(u32),
    #[error("it has more than {LONGEST} bytes")]
    TooLong,
}

/// The open file.
pub(super) struct BlobsFile {
    path: PathBuf,
    /// `None` where it cannot be written.
    file: Option<File>,
    lines: usize,
    /// True once it was told that it cannot be written, until it can be.
    failing: bool,
}

impl BlobsFile {
    /// Opens or makes the file, and returns what stands in it. What is damaged is set aside.
    pub(super) fn open(directory: &Path) -> (Self, Vec<Line>) {
        let path = directory.join(NAME);
        let (lines, whole) = match read(&path).map(|text| text.map(|text| parse(&text))) {
            Ok(None) => (Vec::new(), false),
            Ok(Some(Ok(read))) => read,
            Ok(Some(Err(damaged))) => {
                set_aside(&path, &damaged);
                (Vec::new(), false)
            }
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                set_aside(&path, &Damaged::TooLong);
                (Vec::new(), false)
            }
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "cannot read who has sent which \
                    blob; callers have to send theirs again before they make models of them");
                (Vec::new(), false)
            }
        };
        let mut this = Self { path, file: None, lines: lines.len(), failing: false };
        if whole {
            this.write(Self::reopen);
        } else {
            this.replace(&lines);
        }
        (this, lines)
    }

    /// Returns the number of its lines.
    pub(super) const fn lines(&self) -> usize {
        self.lines
    }

    /// Adds a line. Returns false where it cannot be, because what stands there is not known to be
    /// whole: then the file has to be [replaced](Self::replace).
    pub(super) fn append(&mut self, line: &Line) -> bool {
        let Some(mut file) = self.file.take() else {
            return false;
        };
        self.lines += 1;
        self.write(|this| {
            let text = serde_json::to_string(line)? + "\n";
            file.write_all(text.as_bytes())?;
            file.sync_data()?;
            this.file = Some(file);
            Ok(())
        });
        true
    }

    /// Writes the file anew, whole or not at all.
    pub(super) fn replace(&mut self, lines: &[Line]) {
        self.write(|this| {
            let directory = this.path.parent().unwrap_or(Path::new("."));
            fs::create_dir_all(directory)?;
            let new = this.path.with_extension("new");
            let mut text = serde_json::to_string(&Head { schema: SCHEMA })? + "\n";
            for line in lines {
                text += &serde_json::to_string(line)?;
                text.push('\n');
            }
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&new)?;
            file.write_all(text.as_bytes())?;
            file.sync_data()?;
            fs::rename(&new, &this.path)?;
            File::open(directory)?.sync_all()?;
            this.lines = lines.len();
            this.reopen()
        });
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.file = Some(OpenOptions::new().append(true).mode(0o600).open(&self.path)?);
        Ok(())
    }

    /// Writes something, and tells once where that fails.
    fn write(&mut self, write: impl FnOnce(&mut Self) -> io::Result<()>) {
        match write(self) {
            Ok(()) => self.failing = false,
            Err(error) => {
                // A part of a line may stand there, and the next must not follow it.
                self.file = None;
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(path = %self.path.display(), %error, "cannot write who has sent \
                        which blob; after a restart callers have to send theirs again");
                }
            }
        }
    }
}

/// Reads the file; `None` where there is none.
fn read(path: &Path) -> io::Result<Option<String>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// Understands the file. False beside the lines says that the last one is torn, because the gateway
/// was killed as it wrote it; it is left out.
fn parse(text: &str) -> Result<(Vec<Line>, bool), Damaged> {
    let whole = text.ends_with('\n');
    let mut lines: Vec<&str> = text.split('\n').collect();
    lines.pop();
    let Some((head, rest)) = lines.split_first() else {
        return Ok((Vec::new(), false));
    };
    let Head { schema } = serde_json::from_str(head).map_err(|_| Damaged::Line(1))?;
    if schema != SCHEMA {
        return Err(Damaged::Schema(schema));
    }
    let line = |(index, text): (usize, &&str)| {
        let line: Option<Line> = serde_json::from_str(text).ok();
        let digest = |line: &Line| {
            line.digest.len() == 64 && line.digest.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        line.filter(digest).ok_or(Damaged::Line(index + 2))
    };
    let lines: Vec<Line> = rest.iter().enumerate().map(line).collect::<Result<_, _>>()?;
    Ok((lines, whole))
}

fn set_aside(path: &Path, damaged: &Damaged) {
    let aside = path.with_extension("damaged");
    match fs::rename(path, &aside) {
        Ok(()) => tracing::warn!(
            path = %path.display(),
            "the memory of who has sent which blob is damaged: {damaged}; it was set aside as {}, \
             and callers have to send their blobs again before they make models of them",
            aside.display()
        ),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "a damaged file cannot be set aside");
        }
    }
}
