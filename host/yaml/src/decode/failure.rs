use std::fmt;

use serde::de::{self, Expected, Unexpected};

use crate::diagnostics::{Problem, closest, quoted};
use crate::field::{MAPPING, SCALAR, SEQUENCE};
use crate::location::Location;

/// The reason why a value could not be read.
#[derive(Debug)]
pub struct Failure {
    message: String,
    help: Option<String>,
    at: Option<Location>,
}

impl Failure {
    fn new(message: String) -> Self {
        Self { message, help: None, at: None }
    }

    fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The innermost place is the right one, so the first to say it wins.
    pub(super) fn or_at(mut self, at: Location) -> Self {
        self.at.get_or_insert(at);
        self
    }

    /// Adds the keys that it may have, where a mapping was expected.
    pub(super) fn with_keys(self, fields: &[&str]) -> Self {
        let help = format!("write a mapping with {}", listed(fields));
        self.with_help(help)
    }

    pub(super) fn wrong_shape(found: Unexpected<'_>, shapes: &[&str]) -> Self {
        let expected: Vec<_> = shapes.iter().map(|shape| shape_in_words(shape)).collect();
        let message = format!("expected {}, found {}", expected.join(" or "), in_words(found));
        Self::new(message)
    }

    pub(super) fn not_a_word(found: Unexpected<'_>, words: &[&str]) -> Self {
        Self::new(format!("expected {}, found {}", listed(words), in_words(found)))
    }

    pub(super) fn into_problem(self, at: Location) -> Problem {
        let problem = Problem::new(self.at.unwrap_or(at), self.message);
        match self.help {
            Some(help) => problem.help(help),
            None => problem,
        }
    }
}

fn listed(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => "nothing".to_owned(),
    }
}

fn shape_in_words(shape: &str) -> &'static str {
    match shape {
        SCALAR => "text",
        SEQUENCE => "a list",
        MAPPING => "a mapping",
        _ => "something else",
    }
}

fn in_words(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
        Unexpected::Bool(value) => format!("`{value}`"),
        Unexpected::Unsigned(value) => format!("the number {value}"),
        Unexpected::Signed(value) => format!("the number {value}"),
        Unexpected::Float(value) => format!("the number {value}"),
        Unexpected::Str(text) => format!("the text {}", quoted(text)),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a mapping".to_owned(),
        other => other.to_string(),
    }
}

/// Names what a type wants, in the words of the file instead of Rust's.
fn wanted(expected: &dyn Expected) -> String {
    let wanted = expected.to_string();
    match wanted.as_str() {
        "a boolean" => "`true` or `false`".to_owned(),
        "a string" => "text".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a mapping".to_owned(),
        text if text.starts_with("struct ") => "a mapping".to_owned(),
        text if is_integer(text) => "a whole number".to_owned(),
        _ => wanted,
    }
}

fn is_integer(name: &str) -> bool {
    matches!(name, "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "usize")
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl de::Error for Failure {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let failure =
            Self::new(format!("expected {}, found {}", wanted(expected), in_words(found)));
        match (found, wanted(expected).as_str()) {
            (Unexpected::Unit, "a list") => failure.with_help("write `[]` or leave the key out"),
            (Unexpected::Unit, _) => failure.with_help("write a value or leave the key out"),
            (Unexpected::Seq | Unexpected::Map, _) => failure,
            (_, "a list") => failure.with_help("put it in brackets: `[…]`"),
            _ => failure,
        }
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("{} does not fit here: expected {}", in_words(found), wanted(expected)))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let failure = Self::new(format!("{} is none of {}", quoted(variant), listed(expected)));
        match closest(variant, expected.iter().copied()) {
            Some(word) => failure.with_help(format!("did you mean `{word}`?")),
            None => failure,
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("`{field}` is missing here"))
    }
}
