//! A reader of JSON that keeps nothing but its place.
//!
//! It is lenient: upstream's JSON is not the gateway's to judge, and whatever arrives,
//! it only must not stop, panic or grow.

use memchr::{memchr2, memchr3};

use super::place::{Node, Slot};
use super::tally::Tally;

/// Reads objects one after the other and hands what has a [`Slot`] to a [`Tally`].
#[derive(Clone, Debug)]
pub(super) struct Scanner {
    state: State,
    /// The innermost object that is being read; none outside of a document.
    node: Option<Node>,
    /// The use of the value that follows or is being read.
    slot: Slot,
    token: Token,
    /// True if the last byte was a backslash in a string.
    escaped: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between documents.
    Outside,
    /// Before a key or the end of an object.
    Member,
    Key,
    Colon,
    Value,
    Text,
    Scalar,
    /// Behind a value.
    Next,
    Skip(Skip),
    SkipText(Skip),
}

/// A value that nobody reads. Brackets of its own kind are balanced in it, so the other
/// kind needs no counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Skip {
    open: u8,
    close: u8,
    depth: u32,
}

impl Scanner {
    pub(super) const fn new() -> Self {
        Self {
            state: State::Outside,
            node: None,
            slot: Slot::Ignore,
            token: Token::new(),
            escaped: false,
        }
    }

    /// Forgets an unfinished document.
    pub(super) fn reset(&mut self, tally: &mut Tally) {
        if self.state != State::Outside {
            *self = Self::new();
            tally.abandon_object();
        }
    }

    /// Reads on.
    pub(super) fn scan(&mut self, mut bytes: &[u8], tally: &mut Tally) {
        while let Some(&first) = bytes.first() {
            let used = match self.state {
                State::Key | State::Text => self.string(bytes, tally),
                State::Scalar => self.scalar(bytes, tally),
                State::Skip(skip) => self.skip(skip, bytes),
                State::SkipText(skip) => self.skip_text(skip, bytes),
                State::Outside | State::Member | State::Colon | State::Value | State::Next => {
                    self.structure(first, tally)
                }
            };
            bytes = &bytes[used..];
        }
    }

    /// A byte between keys and values.
    fn structure(&mut self, byte: u8, tally: &mut Tally) -> usize {
        match (self.state, byte) {
            (_, b' ' | b'\t' | b'\r' | b'\n') => {}
            (State::Outside, b'{') => {
                self.node = Some(Node::Root);
                self.state = State::Member;
            }
            (State::Outside | State::Value, _) => return self.begin_value(byte, tally),
            (State::Member, b'"') => self.begin_token(State::Key),
            (State::Colon, b':') => self.state = State::Value,
            (State::Next, b',') => self.state = State::Member,
            (State::Member | State::Next, b'}') => self.leave(tally),
            _ => {}
        }
        1
    }

    fn begin_value(&mut self, byte: u8, tally: &mut Tally) -> usize {
        match (byte, self.slot) {
            (b'{', Slot::Enter(node)) => {
                self.node = Some(node);
                self.state = State::Member;
            }
            (b'{' | b'[', slot) => {
                if let Slot::Read(field) = slot {
                    tally.container(field);
                }
                self.state = State::Skip(Skip::new(byte));
            }
            (b'"', _) => self.begin_token(State::Text),
            _ => {
                // Also a bracket or comma where a value should be: it ends the empty
                // scalar and is read again behind it.
                self.begin_token(State::Scalar);
                return 0;
            }
        }
        1
    }

    fn begin_token(&mut self, state: State) {
        self.token = Token::new();
        self.state = state;
    }

    /// The end of an object that is being read.
    fn leave(&mut self, tally: &mut Tally) {
        self.node = self.node.and_then(Node::parent);
        if self.node.is_none() {
            tally.end_object();
        }
        self.end_value();
    }

    fn end_value(&mut self) {
        self.slot = Slot::Ignore;
        self.state = if self.node.is_some() { State::Next } else { State::Outside };
    }

    fn string(&mut self, bytes: &[u8], tally: &mut Tally) -> usize {
        let is_key = self.state == State::Key;
        let end = self.quote(bytes);
        if is_key || matches!(self.slot, Slot::Read(_)) {
            self.token.push(&bytes[..end.unwrap_or(bytes.len())]);
        }
        let Some(end) = end else { return bytes.len() };
        if is_key {
            let member = |node: Node| node.member(self.token.bytes());
            self.slot = self.node.map_or(Slot::Ignore, member);
            self.state = State::Colon;
        } else {
            if let Slot::Read(field) = self.slot {
                tally.text(field, self.token.bytes());
            }
            self.end_value();
        }
        end + 1
    }

    /// Finds the end of the string that `bytes` go on with.
    fn quote(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = usize::from(self.escaped);
        self.escaped = false;
        loop {
            let found = at + memchr2(b'"', b'\\', bytes.get(at..)?)?;
            if bytes[found] == b'"' {
                return Some(found);
            }
            at = found + 2;
            self.escaped = at > bytes.len();
        }
    }

    fn scalar(&mut self, bytes: &[u8], tally: &mut Tally) -> usize {
        let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n');
        let end = bytes.iter().position(ends);
        self.token.push(&bytes[..end.unwrap_or(bytes.len())]);
        let Some(end) = end else { return bytes.len() };
        if let Slot::Read(field) = self.slot {
            tally.scalar(field, self.token.bytes());
        }
        // Outside of a document nothing but this would step over the byte.
        let stray = usize::from(self.node.is_none());
        self.end_value();
        end + stray
    }

    fn skip(&mut self, mut skip: Skip, bytes: &[u8]) -> usize {
        let mut at = 0;
        while let Some(found) = memchr3(b'"', skip.open, skip.close, &bytes[at..]) {
            let byte = bytes[at + found];
            at += found + 1;
            if byte == b'"' {
                self.state = State::SkipText(skip);
                return at;
            }
            if byte == skip.open {
                skip.depth = skip.depth.saturating_add(1);
            } else if skip.depth == 0 {
                self.end_value();
                return at;
            } else {
                skip.depth -= 1;
            }
        }
        self.state = State::Skip(skip);
        bytes.len()
    }

    fn skip_text(&mut self, skip: Skip, bytes: &[u8]) -> usize {
        let Some(end) = self.quote(bytes) else {
            return bytes.len();
        };
        self.state = State::Skip(skip);
        end + 1
    }
}

impl Skip {
    /// Behind the opening bracket.
    const fn new(open: u8) -> Self {
        Self { open, close: if open == b'{' { b'}' } else { b']' }, depth: 0 }
    }
}

/// A key or value that may be one of the known ones, none of which is long.
#[derive(Clone, Copy, Debug)]
struct Token {
    bytes: [u8; Token::CAPACITY],
    /// More than the capacity once it is too long to be known.
    length: usize,
}

impl Token {
    /// The longest known word is `prompt_eval_duration`, the longest number has 20 digits.
    const CAPACITY: usize = 24;

    const fn new() -> Self {
        Self { bytes: [0; Self::CAPACITY], length: 0 }
    }

    fn push(&mut self, bytes: &[u8]) {
        let length = self.length.saturating_add(bytes.len());
        if let Some(free) = self.bytes.get_mut(self.length..length) {
            free.copy_from_slice(bytes);
        }
        self.length = length;
    }

    /// Returns what was pushed, or nothing if that was too much.
    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}
