//! Wrappers with which raw types say what may fail on its own.
//!
//! They speak to [`decode`](super::decode()) through reserved names, the way that
//! located values are passed through serde elsewhere.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::diagnostics::{Diagnostics, Problem};
use super::location::{FileId, Location};

/// The name under which a field asks for its location and its value.
pub const FIELD: &str = "$slot";

/// The name of an enum that is told apart by what kind of YAML stands there: its
/// variants are called [`SCALAR`], [`SEQUENCE`] and [`MAPPING`].
pub const BY_SHAPE: &str = "$by-shape";
/// The variant for text, a number or the like.
pub const SCALAR: &str = "scalar";
/// The variant for a list.
pub const SEQUENCE: &str = "sequence";
/// The variant for a mapping.
pub const MAPPING: &str = "mapping";

/// A value and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Spanned<T> {
    /// The place.
    pub at: Location,
    /// The value.
    pub value: T,
}

impl<T> Spanned<T> {
    /// A value at a place.
    pub const fn new(at: Location, value: T) -> Self {
        Self { at, value }
    }

    /// Turns the value into something else, or reports why it cannot be.
    pub fn check<U, E: fmt::Display>(
        &self,
        diagnostics: &mut Diagnostics,
        convert: impl FnOnce(&T) -> Result<U, E>,
    ) -> Option<U> {
        convert(&self.value)
            .map_err(|error| diagnostics.add(Problem::new(self.at, error.to_string())))
            .ok()
    }
}

/// A place in a raw type that fails on its own: what is wrong in it is reported, and
/// the rest is still read.
#[derive(Debug, Default)]
pub enum Field<T> {
    /// Nothing stands in the file.
    #[default]
    Absent,
    /// A mistake, which was reported.
    Invalid,
    /// A value.
    Present(Spanned<T>),
}

impl<T> Field<T> {
    /// The value, if there is a good one.
    pub fn optional(self) -> Option<Spanned<T>> {
        match self {
            Self::Present(located) => Some(located),
            Self::Absent | Self::Invalid => None,
        }
    }

    /// The value without its location.
    pub fn value(self) -> Option<T> {
        self.optional().map(|located| located.value)
    }

    /// The value without its location; nothing is left.
    pub fn take_value(&mut self) -> Option<T> {
        std::mem::replace(self, Self::Absent).value()
    }

    /// The value, which must be there: its absence from what stands at `whole` is
    /// reported.
    pub fn required(
        self,
        field: &str,
        whole: Location,
        diagnostics: &mut Diagnostics,
    ) -> Option<Spanned<T>> {
        if matches!(self, Self::Absent) {
            diagnostics.add(Problem::new(whole, format!("`{field}` is missing here")));
        }
        self.optional()
    }

    /// Returns its place, if it is there and could be read.
    pub const fn location(&self) -> Option<Location> {
        match self {
            Self::Present(spanned) => Some(spanned.at),
            Self::Absent | Self::Invalid => None,
        }
    }

    /// Tells whether something stands there that was reported.
    pub const fn is_invalid(&self) -> bool {
        matches!(self, Self::Invalid)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct(FIELD, &["at", "value"], SlotVisitor(PhantomData))
    }
}

struct SlotVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for SlotVisitor<T> {
    type Value = Field<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a located value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Field<T>, A::Error> {
        let Some((file, line, column, end_line, end_column)) = parts.next_element()? else {
            return Ok(Field::Absent);
        };
        let at = Location::new((line, column), (end_line, end_column)).of(FileId::new(file));
        // The decoder has reported the error already.
        Ok(match parts.next_element() {
            Ok(Some(value)) => Field::Present(Spanned { at, value }),
            Ok(None) | Err(_) => Field::Invalid,
        })
    }
}

/// A mapping from names to values, in the order of the file.
#[derive(Debug)]
pub struct Entries<T>(pub Vec<(Spanned<String>, Field<T>)>);

impl<T> Entries<T> {
    /// Moves all entries of another mapping behind these.
    pub fn append(&mut self, more: &mut Self) {
        self.0.append(&mut more.0);
    }
}

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor(PhantomData))
    }
}

struct EntriesVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for EntriesVisitor<T> {
    type Value = Entries<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping of names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<T>, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, value)) = map.next_entry::<Field<String>, Field<T>>()? {
            if let Field::Present(name) = key {
                entries.push((name, value));
            }
        }
        Ok(Entries(entries))
    }
}
