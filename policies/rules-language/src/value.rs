//! Numbers as operators write them.

use std::fmt;

use stockade_policy_sdk::{Duration, Size, TimeOfDay};

use crate::fact::Kind;

/// More than every number: a request that wants no limit asks for this much.
pub(crate) const UNLIMITED: i64 = i64::MAX;

const UNLIMITED_WORD: &str = "unlimited";

/// Reads a number of some kind, of which a unit may stand apart.
///
/// # Errors
/// The advice on what to write instead.
pub(crate) fn read(kind: Kind, number: &str, unit: Option<&str>) -> Result<i64, String> {
    let whole = format!("{number}{}", unit.unwrap_or_default());
    if number == UNLIMITED_WORD && unit.is_none() && matches!(kind, Kind::Count | Kind::Seconds) {
        return Ok(UNLIMITED);
    }
    let found = match kind {
        Kind::Bytes => whole.parse::<Size>().map(Size::bytes).map_err(|error| error.to_string()),
        Kind::Seconds => {
            whole.parse::<Duration>().map(Duration::seconds).map_err(|error| error.to_string())
        }
        Kind::Minute => TimeOfDay::parse(&whole)
            .map(|time| time.minute().into())
            .ok_or_else(|| "a time of day is written like 08:30".to_owned()),
        Kind::Parameters => parameters(&whole)
            .ok_or_else(|| "a number of parameters is written like 8B, 1.5B or 300M".to_owned()),
        _ => whole
            .replace('_', "")
            .parse()
            .map_err(|_| "a whole number is expected here, such as 8192".to_owned()),
    };
    let found = found.map_err(|help| format!("`{whole}` cannot be read: {help}"))?;
    i64::try_from(found).map_err(|_| format!("{whole} is too large a number"))
}

/// `8B`, `1.5B`, `300M`, or the number itself.
fn parameters(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    // The same words as of sizes by thousands, and so the same arithmetic.
    let unit = match unit.to_ascii_uppercase().as_str() {
        "" => "B",
        "K" => "kB",
        "M" => "MB",
        "B" => "GB",
        "T" => "TB",
        _ => return None,
    };
    format!("{number}{unit}").parse().ok().map(Size::bytes)
}

/// Writes a number so that it is read back as itself.
pub(crate) fn write(kind: Kind, number: i64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match kind {
        Kind::Minute => write!(f, "{:02}:{:02}", number / 60, number % 60),
        Kind::Count | Kind::Seconds if number == UNLIMITED => f.write_str(UNLIMITED_WORD),
        _ => write!(f, "{number}"),
    }
}
