//! The line of a head whose end has not come: what no line can go on from is refused at
//! once, and not when the rest is overdue. A caller who speaks TLS to a listener without it,
//! or nothing known at all, never ends a line.

use super::{BadHead, FORM, TARGET, VALUE, bad, is_of_target, is_token};

/// The longest method, in bytes; `BASELINE-CONTROL` is the longest that is registered.
pub(super) const LONGEST_METHOD: usize = 24;
/// The first byte of a TLS connection (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;

const IS_TLS: BadHead = bad("this listener speaks HTTP without TLS; call it with http://");

/// The progress of looking at an unfinished line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Begun {
    /// The beginning of the line.
    line: usize,
    /// The number of its bytes that were looked at.
    seen: usize,
    /// The parts that were complete: those of a request line, or the name of a field.
    parts: u8,
    /// The beginning of the part that is not complete, counted from the line.
    part: usize,
}

impl Begun {
    /// Looks at the bytes that came of the line that begins at `start`; `is_field` for any line but
    /// the request line.
    pub(super) fn check(
        &mut self,
        start: usize,
        line: &[u8],
        is_field: bool,
    ) -> Result<(), BadHead> {
        if self.line != start {
            *self = Self { line: start, ..Self::default() };
        }
        for at in self.seen..line.len() {
            crate::work::step(1);
            let byte = line[at];
            if byte == b'\r' {
                // The line feed may be on its way; anything else behind it is an error, and
                // the next call finds it.
                return if at + 1 == line.len() { Ok(()) } else { Err(lone(is_field)) };
            }
            if is_field {
                self.field(at, byte)?;
            } else {
                self.request_line(at, byte, line)?;
            }
            self.seen = at + 1;
        }
        Ok(())
    }

    fn request_line(&mut self, at: usize, byte: u8, line: &[u8]) -> Result<(), BadHead> {
        let length = at - self.part;
        match (self.parts, byte) {
            (0 | 1, b' ') if length > 0 => {
                self.parts += 1;
                self.part = at + 1;
                Ok(())
            }
            (0, HANDSHAKE) if at == 0 => Err(IS_TLS),
            (0, b'A'..=b'Z') if length < LONGEST_METHOD => Ok(()),
            (0, b'A'..=b'Z') => Err(FORM),
            (0, _) => Err(super::METHOD),
            (1, byte) if is_of_target(byte) => Ok(()),
            (1, _) => Err(TARGET),
            _ => {
                let version = &line[self.part..=at];
                let begins = |known: &[u8]| known.starts_with(version);
                if begins(b"HTTP/1.1") || begins(b"HTTP/1.0") {
                    Ok(())
                } else {
                    Err(super::VERSION)
                }
            }
        }
    }

    fn field(&mut self, at: usize, byte: u8) -> Result<(), BadHead> {
        match (self.parts, byte) {
            (0, b' ' | b'\t') if at == 0 => Err(super::FOLDED),
            (0, b':') if at > 0 => {
                self.parts = 1;
                Ok(())
            }
            (0, byte) if is_token(byte) => Ok(()),
            (0, _) => Err(super::NAME),
            (_, byte) if byte != b'\t' && byte.is_ascii_control() => Err(VALUE),
            _ => Ok(()),
        }
    }
}

/// A carriage return that ends no line.
const fn lone(is_field: bool) -> BadHead {
    if is_field { VALUE } else { TARGET }
}
