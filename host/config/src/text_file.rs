//! The text of a file.

use std::path::Path;

use stockade_yaml::Location;

use super::regular_file::ReadError;
use super::source_set::SourceSet;

/// All files together may be this large; more is a mistake.
pub(super) const LARGEST: u64 = 16 << 20;

/// The reason why a file gives no text.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("{0}")]
    Io(ReadError),
    #[error("the configuration has more than {} MiB", LARGEST >> 20)]
    TooLarge,
    /// With the text before what is no text.
    #[error("the file is not UTF-8")]
    NotUtf8(String),
}

/// Reads a file that may have so many bytes.
pub(super) fn read(path: &Path, room: u64, sources: &mut SourceSet) -> Result<String, Unreadable> {
    let content = sources.read_text(path, room).map_err(|error| match error {
        ReadError::TooLarge(_) => Unreadable::TooLarge,
        other => Unreadable::Io(other),
    })?;
    String::from_utf8(content.bytes.to_vec()).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        Unreadable::NotUtf8(String::from_utf8_lossy(valid).into_owned())
    })
}

/// The place behind the last character of a text.
pub(super) fn end(text: &str) -> Location {
    let line = text.matches('\n').count() + 1;
    let column = text.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Location::point(number(line), number(column))
}
