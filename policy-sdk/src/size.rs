//! Numbers of bytes.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::Deserializer;

use crate::text_or_number;

const UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("kB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// A number of bytes: `20GiB`, `500 MB`, `1.5GB`; without a unit, of bytes.
///
/// `kB`, `MB`, `GB` and `TB` are powers of 1000, as Ollama shows sizes; `KiB`, `MiB`, `GiB` and
/// `TiB` are powers of 1024. Upper and lower case are the same.
///
/// ```
/// use stockade_policy_sdk::Size;
///
/// let size: Size = "20GiB".parse()?;
/// assert_eq!(size.bytes(), 20 << 30);
/// assert_eq!(size.to_string(), "20GiB");
/// assert_eq!("1.5 GB".parse::<Size>()?, Size::from_bytes(1_500_000_000));
/// # Ok::<(), stockade_policy_sdk::InvalidSize>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(u64);

impl Size {
    /// A size in bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// Returns the number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

/// The reason why a text is no size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidSize {
    /// It is not a number with a unit.
    Spelling,
    /// It is more than can be counted.
    TooLarge,
}

impl fmt::Display for InvalidSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spelling => "a size is a number and a unit, such as 500MB, 20GiB or 1.5 GB",
            Self::TooLarge => "this size is too large",
        })
    }
}

impl std::error::Error for InvalidSize {}

impl FromStr for Size {
    type Err = InvalidSize;
    fn from_str(text: &str) -> Result<Self, InvalidSize> {
        let text = text.trim();
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let unit = match unit.trim_start() {
            "" => "B",
            unit => unit,
        };
        let (_, factor) = UNITS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit))
            .ok_or(InvalidSize::Spelling)?;
        scaled(number, *factor).map(Self)
    }
}

/// The product of a decimal number and a unit, rounded down.
fn scaled(number: &str, factor: u64) -> Result<u64, InvalidSize> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if [whole, fraction].iter().any(|part| !part.bytes().all(|byte| byte.is_ascii_digit()))
        || whole.is_empty()
        || fraction.is_empty()
        || fraction.len() > 9
    {
        return Err(InvalidSize::Spelling);
    }
    let whole: u64 = whole.parse().map_err(|_| InvalidSize::TooLarge)?;
    let parts: u128 = fraction.parse().map_err(|_| InvalidSize::Spelling)?;
    let below = u128::from(factor) * parts / fraction.bytes().fold(1, |power, _| power * 10);
    let total = u128::from(whole) * u128::from(factor) + below;
    u64::try_from(total).map_err(|_| InvalidSize::TooLarge)
}

/// Writes the largest unit of which it is a whole number.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS.iter().filter(|(_, factor)| self.0 > 0 && self.0.is_multiple_of(*factor));
        let (unit, factor) = whole.max_by_key(|(_, factor)| *factor).unwrap_or(&UNITS[0]);
        write!(f, "{}{unit}", self.0 / factor)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a size such as 500MB or 20GiB, or a number of bytes";
        text_or_number::deserialize(deserializer, expected, Self)
    }
}

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "minimum": 0,
            "pattern": "^ *[0-9]+(\\.[0-9]+)? *([kKmMgGtT]?[iI]?[bB])? *$",
            "description": "A size such as 500MB or 20GiB; a plain number is one of bytes.",
            "examples": ["500MB", "20GiB"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidSize, Size};

    #[test]
    fn sizes_are_read_and_written() {
        for (text, bytes, written) in [
            ("0", 0, "0B"),
            ("17", 17, "17B"),
            ("20GiB", 20 << 30, "20GiB"),
            ("500 mb", 500_000_000, "500MB"),
            (" 1.5 GB ", 1_500_000_000, "1500MB"),
            ("0.5KiB", 512, "512B"),
            ("18446744073709551615", u64::MAX, "18446744073709551615B"),
        ] {
            let size: Size = text.parse().unwrap();
            assert_eq!((size.bytes(), size.to_string().as_str()), (bytes, written), "{text}");
            assert_eq!(size.to_string().parse(), Ok(size));
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in ["", "GB", "1.GB", ".5GB", "1.2.3GB", "-1", "5 GBit", "five", "1.0000000000GB"]
        {
            assert_eq!(text.parse::<Size>(), Err(InvalidSize::Spelling), "{text}");
        }
        for text in ["18446744073709551616", "99999999TiB", "99999999999999999999999"] {
            assert_eq!(text.parse::<Size>(), Err(InvalidSize::TooLarge), "{text}");
        }
    }

    #[test]
    fn settings_take_text_and_numbers() {
        let read = |json: &str| serde_json::from_str::<Size>(json).map_err(|e| e.to_string());
        assert_eq!(read("\"2kB\""), Ok(Size::from_bytes(2000)));
        assert_eq!(read("2000"), Ok(Size::from_bytes(2000)));
        assert!(read("\"2 k\"").unwrap_err().starts_with("\"2 k\": a size is a number and a unit"));
        assert!(read("-1").unwrap_err().contains("expected a size such as 500MB"));
    }
}
