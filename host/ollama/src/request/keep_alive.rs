//! `keep_alive`, read as Ollama reads it.
//!
//! Source: Ollama `api/types.go` (`Duration.UnmarshalJSON`), Go `time.ParseDuration`.

use stockade_core::Operation;

use crate::json::{Number, Value};

const SECOND: f64 = 1e9;
/// The longest time that is not taken for ever, in seconds: a day.
const LONGEST_STAY: i64 = 24 * 60 * 60;
/// About 292 years: what Go's `time.Duration` holds, in nanoseconds.
const LONGEST: f64 = 9.22e18;

/// The reason why a `keep_alive` has no meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidKeepAlive {
    #[error("the time is too long; send -1 to keep the model for ever")]
    TooLong,
    #[error("this is no time; send seconds as a number, or a text such as \"5m\" or \"1h30m\"")]
    NotATime,
}

/// Returns the effect of a time on the model besides keeping it for a while: it unloads the model
/// as soon as nothing uses it, or keeps it for so long that it may as well be for ever.
pub(super) const fn effect(seconds: i64) -> Option<Operation> {
    match seconds {
        0 => Some(Operation::Unload),
        1..=LONGEST_STAY => None,
        _ => Some(Operation::Pin),
    }
}

/// Seconds; negative where the model stays for ever, zero where it is unloaded.
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
    Ok(if negative && nanoseconds >= 1.0 { -1 } else { seconds })
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

/// Zero for less than a second, which is over before anybody can use the model again; other
/// fractions are rounded up.
fn whole_seconds(nanoseconds: f64) -> Result<i64, InvalidKeepAlive> {
    if nanoseconds > LONGEST {
        return Err(InvalidKeepAlive::TooLong);
    }
    if nanoseconds < SECOND {
        return Ok(0);
    }
    #[expect(clippy::cast_possible_truncation, reason = "at most LONGEST / SECOND")]
    let seconds = (nanoseconds.trunc() / SECOND).ceil() as i64;
    Ok(seconds)
}

#[cfg(test)]
mod tests {
    use stockade_core::Operation;

    use super::{InvalidKeepAlive, effect, of_text};

    #[test]
    fn texts_are_go_durations() {
        let cases = [
            ("5m", 300),
            ("1h30m", 5400),
            ("1.5h", 5400),
            (".5m", 30),
            ("+10s", 10),
            ("1m0.5s", 61),
            ("1ns", 0),
            ("-1ns", -1),
            ("-0.4ns", 0),
            ("999ms", 0),
            ("1000ms", 1),
            ("876000h", 3_153_600_000),
            ("0", 0),
            ("0s", 0),
            ("-0s", 0),
            ("0.4ns", 0),
            ("-1s", -1),
            ("-24h", -1),
            ("2us", 0),
            ("2000000\u{b5}s", 2),
        ];
        for (text, seconds) in cases {
            assert_eq!(of_text(text), Ok(seconds), "{text}");
        }
        for wrong in ["", "-", "5", "-1", "m", "5 m", "5m ", ".s", "1.2.3s", "5d", "--1s", "1e3s"] {
            assert_eq!(of_text(wrong), Err(InvalidKeepAlive::NotATime), "{wrong:?}");
        }
        assert_eq!(of_text("9999999h"), Err(InvalidKeepAlive::TooLong));
    }

    #[test]
    fn a_time_may_be_an_operation_of_its_own() {
        for (seconds, operation) in [
            (0, Some(Operation::Unload)),
            (1, None),
            (24 * 60 * 60, None),
            (24 * 60 * 60 + 1, Some(Operation::Pin)),
            (-1, Some(Operation::Pin)),
        ] {
            assert_eq!(effect(seconds), operation, "{seconds}");
        }
    }
}
