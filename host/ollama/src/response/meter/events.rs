//! The JSON in server-sent events.

use memchr::memchr;

use super::scan::Scanner;
use super::tally::Tally;

const DATA: &[u8] = b"data:";
/// The end of `OpenAI`'s streams.
const DONE: &[u8] = b"[DONE]";

/// Finds the data of events and hands it to a [`Scanner`].
#[derive(Clone, Debug)]
pub(super) struct EventReader {
    line: Line,
    blank_before: bool,
}

/// The known part of the line that is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// So far it is this much of `data:`.
    Field { matched: usize },
    /// It is data, and so far this much of `[DONE]`; `None` if it is something else.
    Data { done: Option<usize> },
    /// It has nothing but carriage returns.
    Return,
    /// It is something else.
    Other,
}

impl Line {
    const START: Self = Self::Field { matched: 0 };
}

impl EventReader {
    pub(super) const fn new() -> Self {
        Self { line: Line::START, blank_before: true }
    }

    /// Tells whether the last event is complete.
    pub(super) const fn at_boundary(&self) -> bool {
        self.blank_before && matches!(self.line, Line::START)
    }

    /// Reads on.
    pub(super) fn read(&mut self, mut bytes: &[u8], scanner: &mut Scanner, tally: &mut Tally) {
        while let Some(end) = memchr(b'\n', bytes) {
            self.line_part(&bytes[..end], scanner, tally);
            self.line_end(scanner, tally);
            bytes = &bytes[end + 1..];
        }
        self.line_part(bytes, scanner, tally);
    }

    fn line_part(&mut self, mut bytes: &[u8], scanner: &mut Scanner, tally: &mut Tally) {
        while let Some(&first) = bytes.first() {
            match &mut self.line {
                Line::Field { matched } if first == DATA[*matched] => {
                    *matched += 1;
                    if *matched == DATA.len() {
                        self.line = Line::Data { done: Some(0) };
                    }
                    bytes = &bytes[1..];
                }
                Line::Field { matched: 0 } | Line::Return if first == b'\r' => {
                    self.line = Line::Return;
                    bytes = &bytes[1..];
                }
                Line::Data { done } => {
                    *done = match_done(*done, bytes);
                    return scanner.scan(bytes, tally);
                }
                Line::Field { .. } | Line::Return => self.line = Line::Other,
                Line::Other => return,
            }
        }
    }

    fn line_end(&mut self, scanner: &mut Scanner, tally: &mut Tally) {
        let blank = matches!(self.line, Line::START | Line::Return);
        if matches!(self.line, Line::Data { done: Some(matched) } if matched == DONE.len()) {
            tally.end();
        }
        if blank {
            // What an event begins, it must end.
            scanner.reset(tally);
        } else if matches!(self.line, Line::Data { .. }) {
            // The data of one event may take several lines.
            scanner.scan(b"\n", tally);
        }
        self.blank_before = blank;
        self.line = Line::START;
    }
}

/// Returns the number of bytes of `[DONE]` that the data is, this piece of it included.
fn match_done(matched: Option<usize>, piece: &[u8]) -> Option<usize> {
    let mut matched = matched?;
    for &byte in piece {
        let around = matched == 0 || matched == DONE.len();
        if DONE.get(matched) == Some(&byte) {
            matched += 1;
        } else if !(around && byte.is_ascii_whitespace()) {
            return None;
        }
    }
    Some(matched)
}
