//! `keep_alive`, read as Ollama reads it.
//!
//! Source: Ollama `api/types.go` (`Duration.UnmarshalJSON`), Go `time.ParseDuration`.

use crate::json::{Number, Value};

const SECOND: f64 = 1e9;
/// About 292 years: what Go's `time.Duration` holds, in nanoseconds.
const LONGEST: f64 = 9.22e18;

/// Why a `keep_alive` has no meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidKeepAlive {
    #[error("the time is too long; send -1 to keep the model for ever")]
    TooLong,
    #[error("this is no time; send seconds as a number, or a text such as \"5m\" or \"1h30m\"")]
    NotATime,
}

/// Seconds; negative where the model stays for ever.
pub(super) fn of_value(value: Value<'_>) -> Result<i64, InvalidKeepAlive> {
    match (value.as_number(), value.as_text()) {
        (Some(number), _) => of_number(number),
        (None, Some(text)) => of_text(&text),
        (None, None) => Err(InvalidKeepAlive::NotATime),
    }
}

fn of_number(number: Number<'_>) -> Result<i64, InvalidKeepAlive> {
    let seconds = number.as_f64().ok_or(InvalidKeepAlive::NotATime)?;
    if seconds < 0.0 {
        return Ok(-1);
    }
    whole_seconds(seconds * SECOND)
}

/// A text in the form of Go's durations.
fn of_text(text: &str) -> Result<i64, InvalidKeepAlive> {
    let (negative, unsigned) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let nanoseconds = if unsigned == "0" { 0.0 } else { sum_of_parts(unsigned)? };
    let seconds = whole_seconds(nanoseconds)?;
    Ok(if negative && seconds > 0 { -1 } else { seconds })
}

fn sum_of_parts(text: &str) -> Result<f64, InvalidKeepAlive> {
    let mut rest = text;
    let mut sum = 0.0;
    loop {
        let (nanoseconds, after) = part(rest)?;
        sum += nanoseconds;
        rest = after;
        if rest.is_empty() {
            return Ok(sum);
        }
    }
}

/// The nanoseconds of one number with its unit, fractions of one cut off as Go does.
fn part(text: &str) -> Result<(f64, &str), InvalidKeepAlive> {
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let unit_at = text.find(|c| !is_number(c)).ok_or(InvalidKeepAlive::NotATime)?;
    let (number, rest) = text.split_at(unit_at);
    let after_at = rest.find(is_number).unwrap_or(rest.len());
    let (unit, after) = rest.split_at(after_at);
    let scale = match unit {
        "ns" => 1.0,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1e3,
        "ms" => 1e6,
        "s" => SECOND,
        "m" => 60.0 * SECOND,
        "h" => 3600.0 * SECOND,
        _ => return Err(InvalidKeepAlive::NotATime),
    };
    let number: f64 = number.parse().map_err(|_| InvalidKeepAlive::NotATime)?;
    Ok(((number * scale).trunc(), after))
}

/// Zero only where Ollama takes it for zero, which unloads the model; any other fraction
/// of a second is rounded up.
fn whole_seconds(nanoseconds: f64) -> Result<i64, InvalidKeepAlive> {
    if nanoseconds > LONGEST {
        return Err(InvalidKeepAlive::TooLong);
    }
    #[expect(clippy::cast_possible_truncation, reason = "at most LONGEST / SECOND")]
    let seconds = (nanoseconds.trunc() / SECOND).ceil() as i64;
    Ok(seconds)
}

#[cfg(test)]
mod tests {
    use super::{InvalidKeepAlive, of_text};

    #[test]
    fn texts_are_go_durations() {
        let cases = [
            ("5m", 300),
            ("1h30m", 5400),
            ("1.5h", 5400),
            (".5m", 30),
            ("+10s", 10),
            ("1m0.5s", 61),
            ("1ns", 1),
            ("0", 0),
            ("0s", 0),
            ("-0s", 0),
            ("0.4ns", 0),
            ("-1s", -1),
            ("-24h", -1),
            ("2us", 1),
            ("2\u{b5}s", 1),
        ];
        for (text, seconds) in cases {
            assert_eq!(of_text(text), Ok(seconds), "{text}");
        }
        for wrong in ["", "-", "5", "-1", "m", "5 m", "5m ", ".s", "1.2.3s", "5d", "--1s", "1e3s"] {
            assert_eq!(of_text(wrong), Err(InvalidKeepAlive::NotATime), "{wrong:?}");
        }
        assert_eq!(of_text("9999999h"), Err(InvalidKeepAlive::TooLong));
    }
}
