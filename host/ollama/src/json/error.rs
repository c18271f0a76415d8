use stockade_core::Quoted;

use super::Place;

/// The fault of a body. The texts are for the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    #[error("the request has no body; send a JSON object")]
    Empty,
    #[error("the body begins with a byte order mark; send UTF-8 without one")]
    ByteOrderMark,
    #[error("the body is not UTF-8; encode it as UTF-8")]
    NotUtf8,
    #[error("the body must be a JSON object")]
    NotAnObject,
    #[error("something follows the JSON object; send exactly one")]
    Trailing,
    #[error("the body ends too early; send it whole")]
    Unfinished,
    #[error("this is not JSON: {0} is missing here")]
    Expected(&'static str),
    #[error("this is not a JSON number")]
    Number,
    #[error("a control character stands in a string; escape it, as in \\n or \\u0001")]
    ControlCharacter,
    #[error("a string has an escape that JSON does not know; write a backslash as \\\\")]
    Escape,
    #[error("half a surrogate pair is no character and may stand in free text only; leave it out")]
    Surrogate,
    #[error("the body nests deeper than {0} levels; flatten it")]
    TooDeep(usize),
    #[error("the body has more than {0} values; send less, and images as base64 text")]
    TooManyValues(usize),
    #[error("the request has more than {most} {what}; send less")]
    TooMany { what: &'static str, most: usize },
    #[error("the body is longer than the {0} bytes that can be read")]
    TooLong(u32),
    #[error("the key {} appears twice; send it once", Quoted(.0))]
    DuplicateKey(String),
    #[error(
        "the key {} could be read as {known}; spell it {known}, or leave it out",
        Quoted(key), known = Quoted(known)
    )]
    Folds { key: String, known: String },
    #[error("the key {} is written with an escape; write it plainly", Quoted(.0))]
    EscapedKey(String),
    #[error("{field} must be {expected}")]
    Type { field: &'static str, expected: &'static str },
    #[error("{field}: {reason}")]
    Value { field: &'static str, reason: String },
}

/// The fault of a body, and its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} ({place})")]
pub(crate) struct JsonError {
    problem: Problem,
    place: Place,
}

impl JsonError {
    pub(super) fn new(problem: Problem, body: &[u8], offset: usize) -> Self {
        Self { problem, place: Place::of(body, offset) }
    }

    /// Returns the message for a log: the names of keys are the caller's content.
    pub(crate) fn logged(&self) -> String {
        let offset = self.place.at_offset();
        match &self.problem {
            Problem::DuplicateKey(_) => format!("a key appears twice ({offset})"),
            Problem::Folds { .. } => format!("a key could be read as another ({offset})"),
            Problem::EscapedKey(_) => format!("a key is written with an escape ({offset})"),
            problem => format!("{problem} ({offset})"),
        }
    }

    #[cfg(test)]
    pub(crate) fn problem(&self) -> &Problem {
        &self.problem
    }
}
