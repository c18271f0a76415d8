//! Lengths of time.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::Deserializer;

use crate::text_or_number;

/// From the longest to the shortest, as they are written one after the other.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// A length of time in whole seconds: `90s`, `5m`, `1h30m`, `2d`; without a unit, of seconds.
///
/// ```
/// use stockade_policy_sdk::Duration;
///
/// let duration: Duration = "1h30m".parse()?;
/// assert_eq!(duration.seconds(), 5400);
/// assert_eq!(Duration::from_seconds(90).to_string(), "1m30s");
/// # Ok::<(), stockade_policy_sdk::InvalidDuration>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(u64);

impl Duration {
    /// A length of time in seconds.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Returns the number of seconds.
    pub const fn seconds(self) -> u64 {
        self.0
    }
}

/// The reason why a text is no length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidDuration {
    /// It is not numbers with units.
    Spelling,
    /// It is more than can be counted.
    TooLong,
}

impl fmt::Display for InvalidDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spelling => "a duration is a number and a unit, such as 90s, 5m, 1h30m or 2d",
            Self::TooLong => "this duration is too long",
        })
    }
}

impl std::error::Error for InvalidDuration {}

impl FromStr for Duration {
    type Err = InvalidDuration;
    fn from_str(text: &str) -> Result<Self, InvalidDuration> {
        let mut rest = text.trim();
        if !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()) {
            return rest.parse().map(Self).map_err(|_| InvalidDuration::TooLong);
        }
        let mut units = UNITS.iter();
        let mut seconds = 0_u64;
        while !rest.is_empty() || seconds == 0 && units.len() == UNITS.len() {
            let digits =
                rest.find(|c: char| !c.is_ascii_digit()).ok_or(InvalidDuration::Spelling)?;
            let (number, unit) = rest.split_at(digits);
            let mut characters = unit.chars();
            let unit = characters.next();
            // Each unit once, and a shorter one after a longer one.
            let known = units.find(|(name, _)| Some(*name) == unit);
            let (_, length) = known.filter(|_| digits > 0).ok_or(InvalidDuration::Spelling)?;
            let number: u64 = number.parse().map_err(|_| InvalidDuration::TooLong)?;
            let more = number.checked_mul(*length).and_then(|more| seconds.checked_add(more));
            seconds = more.ok_or(InvalidDuration::TooLong)?;
            rest = characters.as_str().trim_start();
        }
        Ok(Self(seconds))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (unit, length) in UNITS {
            let number = rest / length;
            rest %= length;
            if number > 0 {
                write!(f, "{number}{unit}")?;
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a duration such as 90s, 5m or 1h30m, or a number of seconds";
        text_or_number::deserialize(deserializer, expected, Self)
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "minimum": 0,
            "pattern": "^ *[0-9][0-9dhms ]*$",
            "description": "A duration such as 90s, 5m or 1h30m; a plain number is one of seconds.",
            "examples": ["90s", "5m", "1h30m"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, InvalidDuration};

    #[test]
    fn durations_are_read_and_written() {
        for (text, seconds, written) in [
            ("0", 0, "0s"),
            ("0s", 0, "0s"),
            ("90", 90, "1m30s"),
            ("90s", 90, "1m30s"),
            ("5m", 300, "5m"),
            ("1h30m", 5400, "1h30m"),
            (" 1h 30m ", 5400, "1h30m"),
            ("2d1s", 172_801, "2d1s"),
        ] {
            let duration: Duration = text.parse().unwrap();
            assert_eq!((duration.seconds(), &*duration.to_string()), (seconds, written), "{text}");
            assert_eq!(duration.to_string().parse(), Ok(duration));
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in ["", " ", "m", "5 m", "5m30", "30s5m", "5m5m", "1.5h", "-1s", "5ms", "soon"] {
            assert_eq!(text.parse::<Duration>(), Err(InvalidDuration::Spelling), "{text:?}");
        }
        for text in ["18446744073709551616", "18446744073709551615m", "99999999999999999999s"] {
            assert_eq!(text.parse::<Duration>(), Err(InvalidDuration::TooLong), "{text}");
        }
    }

    #[test]
    fn settings_take_text_and_numbers() {
        let read = |json: &str| serde_json::from_str::<Duration>(json).map_err(|e| e.to_string());
        assert_eq!(read("\"5m\""), Ok(Duration::from_seconds(300)));
        assert_eq!(read("300"), Ok(Duration::from_seconds(300)));
        assert!(read("\"soon\"").unwrap_err().starts_with("\"soon\": a duration is a number"));
        assert!(read("-1").unwrap_err().contains("expected a duration such as 90s"));
    }
}
