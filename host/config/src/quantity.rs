//! Sizes, durations and points in time as people write them.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use stockade_core::UnixTime;

/// The reason why a text is no quantity, with examples of what is.
pub(super) type Invalid = &'static str;

const BEFORE: Invalid = "this lies before 1970";

/// `5ms`, `10s`, `24h`.
pub(super) fn duration(text: &str) -> Result<Duration, Invalid> {
    const HELP: Invalid = "a duration is a number and a unit, such as 5ms, 10s or 24h";
    let text = text.trim();
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(HELP);
    }
    humantime::parse_duration(text).map_err(|_| HELP)
}

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

/// `64MiB`, `1 GB`; a number of bytes without a unit.
pub(super) fn size(text: &str) -> Result<u64, Invalid> {
    const HELP: Invalid = "a size is a number and a unit, such as 512KiB, 64MiB or 64GiB";
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| HELP)?;
    let unit = match unit.trim() {
        "" => "B",
        unit => unit,
    };
    let (_, factor) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).ok_or(HELP)?;
    number.checked_mul(*factor).ok_or("this size is too large")
}

const THOUSANDS: [(&str, u64); 4] = [("G", 1_000_000_000), ("M", 1_000_000), ("k", 1_000), ("", 1)];

/// `50k`, `5M`; a number without a unit.
pub(super) fn amount(text: &str) -> Result<u64, Invalid> {
    const HELP: Invalid = "an amount is a whole number, such as 500, 50k or 5M";
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| HELP)?;
    let unit = unit.trim_start();
    // A small m would be a thousandth.
    let is_meant = |name: &str| unit == name || (unit == "K" && name == "k");
    let (_, factor) = THOUSANDS.iter().find(|(name, _)| is_meant(name)).ok_or(HELP)?;
    number.checked_mul(*factor).ok_or("this amount is too large")
}

/// An amount in the largest unit that writes it without a fraction.
pub(super) fn show_amount(amount: u64) -> String {
    let is_whole = |factor: &u64| amount > 0 && amount.is_multiple_of(*factor);
    match THOUSANDS.iter().find(|(_, factor)| is_whole(factor)) {
        Some((name, factor)) => format!("{}{name}", amount / factor),
        None => amount.to_string(),
    }
}

/// A point in time by RFC 3339: `2027-01-01T00:00:00Z`.
pub(super) fn time(text: &str) -> Result<UnixTime, Invalid> {
    let timestamp: Timestamp = text.parse().map_err(
        |_| "a point in time is written with its offset, such as 2027-01-01T00:00:00Z (RFC 3339)",
    )?;
    let seconds = u64::try_from(timestamp.as_second());
    seconds.map(UnixTime::from_secs).map_err(|_| BEFORE)
}

/// A point in time by RFC 3339, or as a clock in the zone shows it: `2027-01-01T22:00`.
///
/// # Errors
/// The error of a text that is no such time, with examples.
pub fn local_time(text: &str, zone: &TimeZone) -> Result<UnixTime, Invalid> {
    const HELP: Invalid = "a time is written such as 2027-01-01T22:00, as clocks in `time_zone` \
                           show it, or with its offset: 2027-01-01T22:00:00Z";
    if let Ok(instant) = time(text) {
        return Ok(instant);
    }
    let clock: DateTime = text.parse().map_err(|_| HELP)?;
    let zoned = clock.to_zoned(zone.clone()).map_err(|_| HELP)?;
    let seconds = u64::try_from(zoned.timestamp().as_second());
    seconds.map(UnixTime::from_secs).map_err(|_| BEFORE)
}

/// A duration in the largest unit that writes it without a fraction.
pub(super) fn show_duration(duration: Duration) -> String {
    const UNITS: [(&str, u128); 5] =
        [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
    let milliseconds = duration.as_millis();
    if duration != Duration::from_millis(u64::try_from(milliseconds).unwrap_or(u64::MAX)) {
        return humantime::format_duration(duration).to_string();
    }
    let unit =
        UNITS.iter().find(|(_, length)| milliseconds > 0 && milliseconds.is_multiple_of(*length));
    match unit {
        Some((name, length)) => format!("{}{name}", milliseconds / length),
        None => "0s".to_owned(),
    }
}

/// A size in the largest binary unit that writes it without a fraction.
pub(super) fn show_size(bytes: u64) -> String {
    let mut binary = UNITS.iter().filter(|(name, _)| name.ends_with("iB")).rev();
    match binary.find(|(_, factor)| bytes > 0 && bytes.is_multiple_of(*factor)) {
        Some((name, factor)) => format!("{}{name}", bytes / factor),
        None => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{amount, duration, local_time, show_amount, show_duration, show_size, size, time};

    #[test]
    fn sizes_are_read() {
        let cases = [
            ("64MiB", 64 << 20),
            ("64 MiB", 64 << 20),
            ("1gb", 1_000_000_000),
            ("1048576", 1 << 20),
            ("0", 0),
        ];
        for (text, bytes) in cases {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "-1MiB", "1.5MiB", "64M", "64 M iB", "20000000TiB"] {
            assert!(size(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn amounts_are_whole_numbers() {
        let cases = [
            ("500", 500),
            ("50k", 50_000),
            ("50 K", 50_000),
            ("5M", 5_000_000),
            ("2G", 2_000_000_000),
        ];
        for (text, number) in cases {
            assert_eq!(amount(text), Ok(number), "{text}");
        }
        for text in ["", "k", "-1", "1.5M", "5m", "5kk", "99999999999G"] {
            assert!(amount(text).is_err(), "{text:?}");
        }
        for text in ["0", "1", "999", "50k", "1500k", "5M"] {
            assert_eq!(show_amount(amount(text).unwrap()), text);
        }
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("5ms"), Ok(Duration::from_millis(5)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        assert_eq!(duration("1h 30m"), Ok(Duration::from_mins(90)));
        for text in ["", "5", "0", "ms", "-5ms", "99999999999999999999s"] {
            assert!(duration(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn points_in_time_have_an_offset() {
        assert_eq!(time("1970-01-02T00:00:00Z").unwrap().as_secs(), 86_400);
        assert_eq!(time("1970-01-02T01:00:00+01:00").unwrap().as_secs(), 86_400);
        for text in ["", "2027-01-01", "2027-01-01T00:00:00", "1969-12-31T23:59:59Z"] {
            assert!(time(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn times_without_an_offset_are_those_of_the_zone() {
        let zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
        let seconds = stockade_core::UnixTime::as_secs;
        let read = |text| local_time(text, &zone).map(seconds);
        assert_eq!(read("2026-07-07T08:30"), time("2026-07-07T06:30:00Z").map(seconds));
        assert_eq!(read("2026-01-06 08:30:00"), time("2026-01-06T07:30:00Z").map(seconds));
        assert_eq!(read("2026-07-07T08:30:00Z"), time("2026-07-07T08:30:00Z").map(seconds));
        for text in ["", "08:30", "tomorrow", "1969-01-01T00:00", "2026-02-30T00:00"] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn quantities_are_shown_as_they_would_be_written() {
        assert_eq!(show_size(64 << 20), "64MiB");
        assert_eq!(show_size(1000), "1000B");
        assert_eq!(show_size(0), "0B");
        for text in ["1d", "36h", "90m", "61s", "1500ms", "0s"] {
            assert_eq!(show_duration(duration(text).unwrap()), text);
        }
        assert_eq!(show_duration(Duration::from_micros(5)), "5us");
    }
}
