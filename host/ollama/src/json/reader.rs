//! From bytes to a [`Document`].

use std::borrow::Cow;

use bytes::Bytes;

use super::{Document, JsonError, Kind, Node, Problem, string};
use crate::work;

/// The most that a body may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimits {
    /// Bytes, after decompression.
    pub bytes: usize,
    /// Objects and arrays within each other.
    pub depth: usize,
    /// Values, keys included. Each costs 16 bytes of memory while the request waits.
    pub values: usize,
}

impl Default for ReadLimits {
    /// 64 MiB, 64 levels, a million values.
    fn default() -> Self {
        Self { bytes: 64 << 20, depth: 64, values: 1_000_000 }
    }
}

/// Reads a body that must be one JSON object.
///
/// # Errors
/// Whatever RFC 8259 does not allow, and what it allows but parsers differ on:
/// duplicate keys, half surrogate pairs in keys, a byte order mark.
///
/// Half a surrogate pair in another string becomes U+FFFD in the document, as Ollama reads it;
/// clients that cut a text in the middle of a character send such.
pub(crate) fn read(body: Bytes, limits: &ReadLimits) -> Result<Document, JsonError> {
    let mut reader = Reader {
        bytes: &body,
        at: 0,
        nodes: Vec::with_capacity(32),
        open: Vec::with_capacity(8),
        keys: Vec::new(),
        halves: Vec::new(),
        limits,
    };
    let outcome = reader.document();
    let (at, nodes, halves) = (reader.at, reader.nodes, reader.halves);
    match outcome {
        Ok(()) => Ok(Document { body: string::without_halves(body, &halves), nodes, halves }),
        Err(problem) => Err(JsonError::new(problem, &body, at)),
    }
}

/// The state of reading a body. After an error, `at` is its place.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    /// The containers around `at`, outermost first.
    open: Vec<usize>,
    /// The keys of the object that ends, kept for its memory.
    keys: Vec<(Cow<'a, [u8]>, usize)>,
    /// The places of escapes that are half a surrogate pair.
    halves: Vec<usize>,
    limits: &'a ReadLimits,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<(), Problem> {
        self.check_encoding()?;
        match self.peek() {
            None => return Err(Problem::Empty),
            Some(b'{') => self.value()?,
            Some(_) => return Err(Problem::NotAnObject),
        }
        while let Some(&container) = self.open.last() {
            self.step(container)?;
        }
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(Problem::Trailing),
        }
    }

    fn check_encoding(&mut self) -> Result<(), Problem> {
        if u32::try_from(self.bytes.len()).is_err() {
            return Err(Problem::TooLong(u32::MAX));
        }
        if self.bytes.starts_with(b"\xef\xbb\xbf") {
            return Err(Problem::ByteOrderMark);
        }
        std::str::from_utf8(self.bytes).map_err(|error| {
            self.at = error.valid_up_to();
            Problem::NotUtf8
        })?;
        Ok(())
    }

    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.bytes.get(self.at) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    /// Reads one member or element of the innermost container, or its end.
    fn step(&mut self, container: usize) -> Result<(), Problem> {
        let first = self.nodes.len() == container + 1;
        let object = self.nodes[container].kind == Kind::Object;
        let (end, separator) = if object { (b'}', "a comma or }") } else { (b']', "a comma or ]") };
        match self.peek() {
            None => return Err(Problem::Unfinished),
            Some(byte) if byte == end => return self.close(container),
            Some(b',') if !first => self.at += 1,
            Some(_) if first => {}
            Some(_) => return Err(Problem::Expected(separator)),
        }
        if object {
            self.key()?;
        }
        self.value()
    }

    fn key(&mut self) -> Result<(), Problem> {
        match self.peek() {
            Some(b'"') => self.string()?,
            Some(_) => return Err(Problem::Expected("a key in double quotes")),
            None => return Err(Problem::Unfinished),
        }
        let start = self.nodes.last().map_or(0, |key| key.start as usize);
        if let Some(half) = self.halves.last().copied().filter(|half| *half > start) {
            self.at = half;
            return Err(Problem::Surrogate);
        }
        match self.peek() {
            Some(b':') => self.at += 1,
            Some(_) => return Err(Problem::Expected("a colon")),
            None => return Err(Problem::Unfinished),
        }
        Ok(())
    }

    fn value(&mut self) -> Result<(), Problem> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'{') => self.open(Kind::Object),
            Some(b'[') => self.open(Kind::Array),
            Some(b't') => self.literal("true", Kind::True),
            Some(b'f') => self.literal("false", Kind::False),
            Some(b'n') => self.literal("null", Kind::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => Err(Problem::Expected("a value")),
            None => Err(Problem::Unfinished),
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "check_encoding refuses bodies over u32::MAX, and no body has more values than bytes"
    )]
    fn push(&mut self, kind: Kind, start: usize) -> Result<(), Problem> {
        work::step(1);
        if self.nodes.len() >= self.limits.values {
            return Err(Problem::TooManyValues(self.limits.values));
        }
        self.nodes.push(Node {
            kind,
            start: start as u32,
            end: self.at as u32,
            next: self.nodes.len() as u32 + 1,
        });
        Ok(())
    }

    fn open(&mut self, kind: Kind) -> Result<(), Problem> {
        if self.open.len() >= self.limits.depth {
            return Err(Problem::TooDeep(self.limits.depth));
        }
        self.open.push(self.nodes.len());
        self.push(kind, self.at)?;
        self.at += 1;
        Ok(())
    }

    #[expect(clippy::cast_possible_truncation, reason = "as in push")]
    fn close(&mut self, container: usize) -> Result<(), Problem> {
        self.at += 1;
        self.open.pop();
        self.nodes[container].end = self.at as u32;
        self.nodes[container].next = self.nodes.len() as u32;
        if self.nodes[container].kind == Kind::Object {
            self.refuse_duplicates(container)?;
        }
        Ok(())
    }

    fn refuse_duplicates(&mut self, object: usize) -> Result<(), Problem> {
        let mut keys = std::mem::take(&mut self.keys);
        let mut key = object + 1;
        while key < self.nodes.len() {
            work::step(1);
            keys.push((self.key_text(key), key));
            key = self.nodes[key + 1].next as usize;
        }
        keys.sort_unstable_by(|one, other| {
            work::step(1);
            one.cmp(other)
        });
        let twice = keys.windows(2).find(|pair| pair[0].0 == pair[1].0);
        if let Some([_, (text, again)]) = twice {
            let problem = Problem::DuplicateKey(String::from_utf8_lossy(text).into_owned());
            self.at = self.nodes[*again].start as usize;
            return Err(problem);
        }
        keys.clear();
        self.keys = keys;
        Ok(())
    }

    fn key_text(&self, key: usize) -> Cow<'a, [u8]> {
        let node = self.nodes[key];
        let text = &self.bytes[node.start as usize + 1..node.end as usize - 1];
        if node.kind == Kind::EscapedString {
            Cow::Owned(string::unescape(text).into_bytes())
        } else {
            Cow::Borrowed(text)
        }
    }

    fn string(&mut self) -> Result<(), Problem> {
        let start = self.at;
        let mut kind = Kind::String;
        self.at += 1;
        loop {
            let rest = &self.bytes[self.at..];
            let Some(length) = memchr::memchr2(b'"', b'\\', rest) else {
                return Err(Problem::Unfinished);
            };
            if let Some(control) = string::control_character(&rest[..length]) {
                self.at += control;
                return Err(Problem::ControlCharacter);
            }
            self.at += length;
            if rest[length] == b'"' {
                self.at += 1;
                return self.push(kind, start);
            }
            kind = Kind::EscapedString;
            let escape = string::escape(&rest[length..])?;
            if escape.is_half {
                self.halves.push(self.at);
            }
            self.at += escape.length;
        }
    }

    fn literal(&mut self, text: &'static str, kind: Kind) -> Result<(), Problem> {
        let start = self.at;
        if !self.bytes[start..].starts_with(text.as_bytes()) {
            return Err(Problem::Expected("a value"));
        }
        self.at += text.len();
        self.push(kind, start)
    }

    fn number(&mut self) -> Result<(), Problem> {
        let start = self.at;
        self.accept(b"-");
        // A further digit after a leading zero is found missing a comma.
        if !self.accept(b"0") {
            self.digits()?;
        }
        if self.accept(b".") {
            self.digits()?;
        }
        if self.accept(b"eE") {
            self.accept(b"+-");
            self.digits()?;
        }
        self.push(Kind::Number, start)
    }

    fn accept(&mut self, any_of: &[u8]) -> bool {
        let found = self.bytes.get(self.at).is_some_and(|byte| any_of.contains(byte));
        self.at += usize::from(found);
        found
    }

    /// At least one digit.
    fn digits(&mut self) -> Result<(), Problem> {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        if self.at == start {
            return Err(Problem::Number);
        }
        Ok(())
    }
}
