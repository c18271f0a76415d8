//! JSON as Go's `encoding/json` reads it, which is how Ollama reads its requests.
//!
//! A gateway's tests are worth something only if the other side can be fooled the way
//! the real one can. So, here as there: only the first value of a body is read; keys
//! match whatever their case, by Unicode's simple folding (`ſ` is `s`, the Kelvin sign is
//! `k`); of keys that match one field the last one wins, whatever their spelling; `null`
//! leaves plain values as they are and resets the others; invalid UTF-8 and lone
//! surrogates become U+FFFD; unknown fields are ignored.
//!
//! Two things are different. The depth limit is lower (Go's is 10,000), and arrays that
//! are given twice replace each other instead of merging their elements.

mod parse;

use std::fmt;

pub(crate) use parse::read_first;

/// A JSON value with everything that Go would look at: order and repeated keys are kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    /// As it was spelled.
    Number(String),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The name that Go's messages use for it.
    const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Number(_) => "number",
            Self::Text(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }
}

/// The reason why Go would not decode a body. The text is Go's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DecodeError(String);

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn mismatch(value: &Json, field: &str, wanted: &str) -> DecodeError {
    let kind = value.kind();
    DecodeError(format!(
        "json: cannot unmarshal {kind} into Go struct field .{field} of type {wanted}"
    ))
}

/// One character under Unicode's simple case folding: `ſ`, `S` and `s` are the same.
/// Characters that fold into several stay as they are.
pub(crate) fn fold(character: char) -> char {
    let one = |mut all: Box<dyn Iterator<Item = char>>| match (all.next(), all.next()) {
        (Some(only), None) => only,
        _ => character,
    };
    let upper = one(Box::new(character.to_uppercase()));
    let mut lower = upper.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(only), None) => only,
        _ => character,
    }
}

/// Go's `strings.EqualFold`.
pub(crate) fn equal_fold(one: &str, other: &str) -> bool {
    one.chars().map(fold).eq(other.chars().map(fold))
}

/// A JSON object as a Go struct sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a>(&'a [(String, Json)]);

impl<'a> Fields<'a> {
    /// `null` decodes into a struct without touching it.
    pub(crate) fn of(value: &'a Json) -> Result<Self, DecodeError> {
        match value {
            Json::Object(entries) => Ok(Self(entries)),
            Json::Null => Ok(Self(&[])),
            other => Err(DecodeError(format!(
                "json: cannot unmarshal {} into Go value of type struct",
                other.kind()
            ))),
        }
    }

    fn all(self, field: &'a str) -> impl DoubleEndedIterator<Item = &'a Json> {
        self.0.iter().filter(move |(key, _)| equal_fold(key, field)).map(|(_, value)| value)
    }

    /// A field of any type; the last one, `null` included.
    pub(crate) fn any(self, field: &'a str) -> Option<&'a Json> {
        self.all(field).next_back().filter(|value| **value != Json::Null)
    }

    /// A Go `string`: empty where nothing is said.
    pub(crate) fn text(self, field: &'a str) -> Result<&'a str, DecodeError> {
        let mut text = "";
        for value in self.all(field) {
            match value {
                Json::Text(given) => text = given,
                Json::Null => {}
                other => return Err(mismatch(other, field, "string")),
            }
        }
        Ok(text)
    }

    /// A Go `*bool` or `bool`.
    pub(crate) fn flag(self, field: &'a str) -> Result<Option<bool>, DecodeError> {
        let mut flag = None;
        for value in self.all(field) {
            match value {
                Json::Bool(given) => flag = Some(*given),
                Json::Null => flag = None,
                other => return Err(mismatch(other, field, "bool")),
            }
        }
        Ok(flag)
    }

    /// A Go `*int`.
    pub(crate) fn integer(self, field: &'a str) -> Result<Option<i64>, DecodeError> {
        let mut number = None;
        for value in self.all(field) {
            number = match value {
                Json::Null => None,
                Json::Number(digits) => {
                    Some(digits.parse().map_err(|_| mismatch(value, field, "int"))?)
                }
                other => return Err(mismatch(other, field, "int")),
            };
        }
        Ok(number)
    }

    /// A Go slice.
    pub(crate) fn list(self, field: &'a str) -> Result<&'a [Json], DecodeError> {
        let mut list: &[Json] = &[];
        for value in self.all(field) {
            match value {
                Json::Array(items) => list = items,
                Json::Null => list = &[],
                other => return Err(mismatch(other, field, "slice")),
            }
        }
        Ok(list)
    }

    /// A Go map: given twice, it merges, and its keys have a case.
    pub(crate) fn map(self, field: &'a str) -> Result<Vec<(&'a str, &'a Json)>, DecodeError> {
        let mut map = Vec::new();
        for value in self.all(field) {
            match value {
                Json::Object(entries) => {
                    map.extend(entries.iter().map(|(key, value)| (key.as_str(), value)));
                }
                Json::Null => map.clear(),
                other => return Err(mismatch(other, field, "map")),
            }
        }
        Ok(map)
    }
}

#[cfg(test)]
mod tests;
