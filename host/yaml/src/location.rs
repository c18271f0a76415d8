//! Places in the files of a configuration.

use std::fmt;
use std::ops::RangeInclusive;

/// One of the files of a configuration, in the order in which they were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u16);

impl FileId {
    /// The file that was named on the command line.
    pub const MAIN: Self = Self(0);

    /// The file at this position among those that were read.
    pub const fn new(index: u16) -> Self {
        Self(index)
    }

    /// Returns the position among the files that were read.
    pub const fn index(self) -> usize {
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
    pub const fn new(start: (u32, u32), end: (u32, u32)) -> Self {
        Self {
            file: FileId::MAIN,
            start: Position { line: start.0, column: start.1 },
            end: Position { line: end.0, column: end.1 },
        }
    }

    /// A single place.
    pub const fn point(line: u32, column: u32) -> Self {
        Self::new((line, column), (line, column))
    }

    /// The same stretch of another file.
    #[must_use]
    pub const fn of(self, file: FileId) -> Self {
        Self { file, ..self }
    }

    /// The same start with the end of another.
    #[must_use]
    pub const fn up_to(self, end: Self) -> Self {
        Self { end: end.end, ..self }
    }

    /// The file.
    pub const fn file(self) -> FileId {
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
    pub const fn as_numbers(self) -> [u32; 5] {
        let Self { file, start, end } = self;
        [file.0 as u32, start.line, start.column, end.line, end.column]
    }

    /// The lines that it touches.
    pub const fn lines(self) -> RangeInclusive<u32> {
        self.start.line..=self.end.line
    }

    /// Returns the number of characters to underline: one where the stretch has several lines.
    pub const fn width(self) -> usize {
        if self.start.line == self.end.line && self.end.column > self.start.column {
            (self.end.column - self.start.column) as usize
        } else {
            1
        }
    }

    /// Tells whether a character of the same file belongs to it.
    pub fn covers(self, line: u32, column: u32) -> bool {
        let here = Position { line, column };
        self.start <= here && here < self.end
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line(), self.column())
    }
}
