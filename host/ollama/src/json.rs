//! JSON read strictly: what two parsers could read differently is not read at all.
//!
//! [`read`] goes over the body once and copies nothing out of it: a [`Document`] is the
//! body and, for each value, where it stands in it. A value is written again by copying
//! its bytes, so ten megabytes of base64 cost one search for a quote and one `memcpy`.

mod error;
mod number;
mod place;
mod reader;
mod string;

use std::borrow::Cow;

use bytes::Bytes;

use crate::work;

pub(crate) use error::{JsonError, Problem};
pub(crate) use number::Number;
pub(crate) use place::Place;
pub use reader::ReadLimits;
pub(crate) use reader::read;

/// The kind of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    True,
    False,
    Number,
    String,
    /// A string with at least one escape.
    EscapedString,
    Array,
    Object,
}

/// One value: its place in the body, and the node that follows it and all it contains.
/// An object is followed by its keys and values in turn, an array by its elements.
#[derive(Clone, Copy, Debug)]
struct Node {
    kind: Kind,
    start: u32,
    end: u32,
    next: u32,
}

/// A body whose every byte was checked.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    body: Bytes,
    nodes: Vec<Node>,
    /// The places of half surrogate pairs in the body, in order.
    halves: Vec<usize>,
}

impl Document {
    /// The whole; always an object.
    pub(crate) fn root(&self) -> Value<'_> {
        self.value(0)
    }

    /// The memory, in bytes, that it takes besides the body.
    pub(crate) fn overhead(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>()
    }

    /// The bytes of the body.
    pub(crate) fn length(&self) -> usize {
        self.body.len()
    }

    fn value(&self, index: u32) -> Value<'_> {
        Value { document: self, index }
    }

    /// Returns an error that says what is wrong, and at which value.
    pub(crate) fn error(&self, problem: Problem, at: Value<'_>) -> JsonError {
        JsonError::new(problem, &self.body, at.node().start as usize)
    }
}

/// A value of a document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value<'a> {
    document: &'a Document,
    index: u32,
}

impl<'a> Value<'a> {
    fn node(self) -> Node {
        self.document.nodes[self.index as usize]
    }

    pub(crate) fn kind(self) -> Kind {
        self.node().kind
    }

    /// The bytes that the caller sent, quotes and brackets included.
    pub(crate) fn raw(self) -> &'a [u8] {
        let node = self.node();
        &self.document.body[node.start as usize..node.end as usize]
    }

    /// Tells whether half a surrogate pair stood in it.
    pub(crate) fn had_half(self) -> bool {
        let node = self.node();
        let inside = node.start as usize..node.end as usize;
        self.document.halves.iter().any(|half| inside.contains(half))
    }

    pub(crate) fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    pub(crate) fn is_string(self) -> bool {
        matches!(self.kind(), Kind::String | Kind::EscapedString)
    }

    pub(crate) fn as_bool(self) -> Option<bool> {
        match self.kind() {
            Kind::True => Some(true),
            Kind::False => Some(false),
            _ => None,
        }
    }

    /// A string's content, escapes resolved.
    pub(crate) fn as_text(self) -> Option<Cow<'a, str>> {
        let raw = self.raw();
        match self.kind() {
            Kind::String => std::str::from_utf8(&raw[1..raw.len() - 1]).ok().map(Cow::Borrowed),
            Kind::EscapedString => Some(Cow::Owned(string::unescape(&raw[1..raw.len() - 1]))),
            _ => None,
        }
    }

    pub(crate) fn as_number(self) -> Option<Number<'a>> {
        (self.kind() == Kind::Number).then(|| Number::new(self.raw()))
    }

    /// Tells whether it is a string, array or object with nothing in it.
    pub(crate) fn is_empty(self) -> bool {
        let node = self.node();
        match node.kind {
            Kind::String => node.end - node.start == 2,
            Kind::Array | Kind::Object => node.next == self.index + 1,
            _ => false,
        }
    }

    /// The elements of an array; nothing where this is none.
    pub(crate) fn elements(self) -> impl Iterator<Item = Value<'a>> {
        let mut children = self.children(Kind::Array);
        std::iter::from_fn(move || children.next())
    }

    /// The keys and values of an object; nothing where this is none.
    pub(crate) fn members(self) -> impl Iterator<Item = (Value<'a>, Value<'a>)> {
        let mut children = self.children(Kind::Object);
        std::iter::from_fn(move || Some((children.next()?, children.next()?)))
    }

    /// The value under a key of an object.
    pub(crate) fn get(self, key: &str) -> Option<Value<'a>> {
        self.members().find_map(|(name, value)| (name.as_text()? == key).then_some(value))
    }

    fn children(self, of: Kind) -> Children<'a> {
        let node = self.node();
        let end = if node.kind == of { node.next } else { 0 };
        Children { document: self.document, next: self.index + 1, end }
    }
}

struct Children<'a> {
    document: &'a Document,
    next: u32,
    end: u32,
}

impl<'a> Children<'a> {
    fn next(&mut self) -> Option<Value<'a>> {
        (self.next < self.end).then(|| {
            work::step(1);
            let value = self.document.value(self.next);
            self.next = value.node().next;
            value
        })
    }
}

#[cfg(test)]
mod tests;
