//! Places in the files of a configuration.

use std::fmt;
use std::ops::RangeInclusive;

/// One of the files of a configuration, in the order in which they were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct FileId(u16);

impl FileId {
    /// The file that was named on the command line.
    pub(super) const MAIN: Self = Self(0);

    pub(super) const fn new(index: u16) -> Self {
        Self(index)
    }

    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A stretch of a file of the configuration. Lines and columns count from 1, columns in
/// characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    file: FileId,
    start: Position,
    end: Position,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Position {
    line: u32,
    column: u32,
}

impl Location {
    /// The stretch of the main file from a line and column up to, but without, another.
    pub(super) const fn new(start: (u32, u32), end: (u32, u32)) -> Self {
        Self {
            file: FileId::MAIN,
            start: Position { line: start.0, column: start.1 },
            end: Position { line: end.0, column: end.1 },
        }
    }

    /// A single place.
    pub(super) const fn point(line: u32, column: u32) -> Self {
        Self::new((line, column), (line, column))
    }

    /// The same stretch of another file.
    pub(super) const fn of(self, file: FileId) -> Self {
        Self { file, ..self }
    }

    /// The same start with the end of another.
    pub(super) const fn up_to(self, end: Self) -> Self {
        Self { end: end.end, ..self }
    }

    /// The file.
    pub(super) const fn file(self) -> FileId {
        self.file
    }

    /// The line, counted from 1.
    pub const fn line(self) -> u32 {
        self.start.line
    }

    /// The column, counted from 1, in characters.
    pub const fn column(self) -> u32 {
        self.start.column
    }

    /// File, start line, start column, end line, end column.
    pub(super) const fn as_numbers(self) -> [u32; 5] {
        let Self { file, start, end } = self;
        [file.0 as u32, start.line, start.column, end.line, end.column]
    }

    /// The lines that it touches.
    pub(super) const fn lines(self) -> RangeInclusive<u32> {
        self.start.line..=self.end.line
    }

    /// How many characters to underline: one where the stretch has several lines.
    pub(super) const fn width(self) -> usize {
        if self.start.line == self.end.line && self.end.column > self.start.column {
            (self.end.column - self.start.column) as usize
        } else {
            1
        }
    }

    /// Whether a character of the same file belongs to it.
    pub(super) fn covers(self, line: u32, column: u32) -> bool {
        let here = Position { line, column };
        self.start <= here && here < self.end
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line(), self.column())
    }
}
