//! Moments in the configured time zone.

use jiff::tz::TimeZone;
use stockade_core::{LocalTime, UnixTime};

/// A moment as a zone shows it.
#[expect(clippy::cast_sign_loss, reason = "weekday, hour and minute are never negative")]
pub fn local_time(unix: UnixTime, zone: &TimeZone) -> LocalTime {
    let seconds = i64::try_from(unix.as_secs()).unwrap_or(i64::MAX);
    let timestamp = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX);
    let zoned = zone.to_datetime(timestamp);
    LocalTime {
        unix,
        weekday: zoned.weekday().to_monday_one_offset() as u8,
        minute_of_day: zoned.hour() as u16 * 60 + zoned.minute() as u16,
    }
}
