//! Settings that may be written as a text or as a plain number.

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserializer, Error, Visitor};

/// Reads a value that is written as a text, or as a number in its smallest unit.
///
/// `expected` says what may be written, for the message where it is neither.
pub(crate) fn deserialize<'de, D, T>(
    deserializer: D,
    expected: &'static str,
    of_number: fn(u64) -> T,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    deserializer.deserialize_any(TextOrNumber { expected, of_number })
}

struct TextOrNumber<T> {
    expected: &'static str,
    of_number: fn(u64) -> T,
}

impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for TextOrNumber<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        Ok((self.of_number)(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(|error| E::custom(format_args!("{text:?}: {error}")))
    }
}
