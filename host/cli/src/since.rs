//! Points in time as people say them.

use std::time::Duration;

use anyhow::Context as _;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, Zoned};
use stockade_core::{Clock as _, SystemClock, UnixTime};

/// The length of `2026-11-01`.
const DATE: usize = 10;

const HELP: &str = "write today, yesterday, a weekday, a time ago such as 7d or 12h, a date such as \
                    2026-11-01, or a time such as 2026-11-01T08:00";

/// The span of time that a command is asked about.
#[derive(clap::Args)]
pub(super) struct Span {
    /// The beginning: today, yesterday, monday, 7d, 2026-11-01, 2026-11-01T08:00.
    #[arg(long)]
    since: Option<String>,
    /// The end, not included, written alike.
    #[arg(long)]
    until: Option<String>,
}

impl Span {
    /// Returns its beginning and its end, as far as they are written.
    ///
    /// # Errors
    /// Where one of them is no point in time.
    pub(super) fn moments(
        &self,
        zone: &TimeZone,
    ) -> anyhow::Result<(Option<UnixTime>, Option<UnixTime>)> {
        let now = SystemClock.now();
        let moment = |text: &String| {
            moment(text, zone, now).with_context(|| format!("{text:?} is no point in time"))
        };
        Ok((
            self.since.as_ref().map(moment).transpose()?,
            self.until.as_ref().map(moment).transpose()?,
        ))
    }
}

/// Reads a point in time in a zone: `today`, `monday` (the last one, today included), `7d`,
/// `2026-11-01`, `2026-11-01T08:00`.
fn moment(text: &str, zone: &TimeZone, now: UnixTime) -> anyhow::Result<UnixTime> {
    let seconds = i64::try_from(now.as_secs())?;
    let here = Timestamp::from_second(seconds)?.to_zoned(zone.clone());
    let today = here.date();
    let day = match text.to_ascii_lowercase().as_str() {
        "today" => Some(today),
        "yesterday" => Some(today.yesterday()?),
        word => weekday(word).map(|day| last(day, today)).transpose()?,
    };
    // A date is also what begins a time.
    let date = || text.parse::<Date>().ok().filter(|_| text.len() == DATE);
    if let Some(day) = day.or_else(date) {
        return unix(&day.to_zoned(zone.clone())?);
    }
    if let Ok(ago) = humantime::parse_duration(text) {
        return Ok(UnixTime::from_duration(Duration::from_secs(now.as_secs()).saturating_sub(ago)));
    }
    stockade_config::moment(text, zone).map_err(|_| anyhow::anyhow!(HELP))
}

fn weekday(word: &str) -> Option<Weekday> {
    let names = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let offset = names.iter().position(|name| *name == word)?;
    Weekday::from_monday_zero_offset(i8::try_from(offset).ok()?).ok()
}

/// Returns the last such day, today included.
fn last(day: Weekday, today: Date) -> anyhow::Result<Date> {
    let ago = today.weekday().since(day);
    Ok(today.checked_sub(i32::from(ago).days())?)
}

fn unix(at: &Zoned) -> anyhow::Result<UnixTime> {
    Ok(UnixTime::from_secs(u64::try_from(at.timestamp().as_second())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_in_time_are_those_of_the_zone() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        // A Saturday, 17:00 in Berlin.
        let now = UnixTime::from_secs(1_795_881_600);
        let at = |text: &str| {
            let found = moment(text, &zone, now).unwrap();
            let seconds = i64::try_from(found.as_secs()).unwrap();
            let shown = Timestamp::from_second(seconds).unwrap().to_zoned(zone.clone());
            shown.strftime("%F %H:%M").to_string()
        };
        for (text, expected) in [
            ("today", "2026-11-28 00:00"),
            ("Yesterday", "2026-11-27 00:00"),
            ("monday", "2026-11-23 00:00"),
            ("saturday", "2026-11-28 00:00"),
            ("sunday", "2026-11-22 00:00"),
            ("7d", "2026-11-21 17:00"),
            ("90m", "2026-11-28 15:30"),
            ("2026-11-01", "2026-11-01 00:00"),
            ("2026-11-01T08:00", "2026-11-01 08:00"),
            ("2026-11-01T08:00Z", "2026-11-01 09:00"),
        ] {
            assert_eq!(at(text), expected, "{text}");
        }
        let wrong = moment("last week", &zone, now).unwrap_err().to_string();
        assert!(wrong.starts_with("write today, yesterday"), "{wrong}");
    }
}
