//! Logs and audit segments as blocks of whole lines.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

/// Bytes of a block, roughly.
const BLOCK: usize = 256 << 10;
/// The longest line, in bytes. The gateway writes none that is nearly so long.
const LONGEST: u64 = 1 << 20;

/// A log that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}: {source}", path.display())]
pub struct UnreadableLog {
    /// The file or directory.
    path: PathBuf,
    source: io::Error,
}

/// Whole lines that follow each other.
pub(super) struct Block {
    /// The place of its first line among all lines.
    pub(super) first: u64,
    pub(super) lines: Vec<u8>,
}

/// Returns the files of a list: of a directory those whose name ends in `.jsonl`, by their names.
/// `-` is standard input.
///
/// # Errors
/// A directory cannot be read.
pub(super) fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, UnreadableLog> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let unreadable = |source| UnreadableLog { path: path.clone(), source };
        let entries = fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let names = entries.map_err(unreadable)?.into_iter().map(|entry| entry.path());
        let is_segment = |path: &PathBuf| path.extension().is_some_and(|end| end == "jsonl");
        let mut segments: Vec<_> = names.filter(is_segment).collect();
        segments.sort_unstable();
        files.extend(segments);
    }
    Ok(files)
}

/// Hands on the lines of files, block by block, until somebody has had enough.
///
/// # Errors
/// A file cannot be read.
pub(super) fn read(
    files: &[PathBuf],
    mut hand_on: impl FnMut(Block) -> bool,
) -> Result<(), UnreadableLog> {
    let mut next = 0;
    for path in files {
        let unreadable = |source| UnreadableLog { path: path.clone(), source };
        let mut reader = open(path).map_err(unreadable)?;
        loop {
            let (lines, count) = block(&mut reader).map_err(unreadable)?;
            if lines.is_empty() && count == 0 {
                break;
            }
            if !hand_on(Block { first: next, lines }) {
                return Ok(());
            }
            next += count;
        }
    }
    Ok(())
}

fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    Ok(Box::new(BufReader::with_capacity(BLOCK, File::open(path)?)))
}

/// Reads about a block, and counts its lines. A line that is too long is emptied.
fn block(reader: &mut dyn BufRead) -> io::Result<(Vec<u8>, u64)> {
    let mut lines = Vec::with_capacity(BLOCK + (BLOCK >> 2));
    let mut count = 0;
    while lines.len() < BLOCK {
        let before = lines.len();
        let read = (&mut *reader).take(LONGEST).read_until(b'\n', &mut lines)?;
        if read == 0 {
            break;
        }
        if read as u64 == LONGEST && lines.last() != Some(&b'\n') {
            reader.skip_until(b'\n')?;
            lines.truncate(before);
            lines.push(b'\n');
        }
        count += 1;
    }
    Ok((lines, count))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn lines(paths: &[PathBuf]) -> Vec<(u64, String)> {
        let mut all = Vec::new();
        read(&files(paths).unwrap(), |block| {
            let text = String::from_utf8(block.lines).unwrap();
            all.extend((block.first..).zip(text.lines().map(str::to_owned)));
            true
        })
        .unwrap();
        all
    }

    #[test]
    fn segments_of_a_directory_are_read_in_the_order_of_their_names() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for (name, text) in [("b.jsonl", "3\n4"), ("a.jsonl", "1\n2\n"), ("key.pem", "no\n")] {
            fs::write(path(name), text).unwrap();
        }
        fs::write(path("log"), "0\n").unwrap();
        let found = lines(&[path("log"), directory.path().to_owned()]);
        let expected = ["0", "1", "2", "3", "4"].map(str::to_owned);
        assert_eq!(found, (0..).zip(expected).collect::<Vec<_>>());
        assert!(read(&[path("none")], |_| true).is_err());
    }

    #[test]
    fn a_line_without_an_end_is_not_kept_in_memory() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let long = "x".repeat(3 << 20);
        fs::write(&path, format!("1\n{long}\n2\n")).unwrap();
        let found: Vec<_> = lines(&[path]).into_iter().map(|(_, line)| line).collect();
        assert_eq!(found, ["1", "", "2"]);
    }
}
