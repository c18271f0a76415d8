//! Calendar windows of a time zone: the hour, the day and the month of a moment.
//!
//! Windows are those that a wall clock shows, so that people can be told "from 14:00 on". A day
//! has 23 or 25 hours where the clock is changed; an hour that comes twice is two windows.

use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, Zoned};
use stockade_core::UnixTime;

use crate::quota::Period;

/// The seconds by which the clock may have been set back for its windows to stay those of before.
/// Without that, a clock that is corrected at the wrong moment would give a window twice.
const SET_BACK: u64 = 3_600;

/// A span of time, its end not included. Whole seconds, for no zone changes within one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    start: u64,
    end: u64,
}

impl Window {
    /// A window, for what was stored.
    pub const fn new(start: UnixTime, end: UnixTime) -> Self {
        Self { start: start.as_secs(), end: end.as_secs() }
    }

    /// Returns its first moment.
    pub const fn start(self) -> UnixTime {
        UnixTime::from_secs(self.start)
    }

    /// Returns the moment from which the next window holds.
    pub const fn end(self) -> UnixTime {
        UnixTime::from_secs(self.end)
    }

    /// Returns its length in seconds.
    pub const fn seconds(self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Tells whether a moment is in it.
    pub const fn contains(self, now: UnixTime) -> bool {
        self.start <= now.as_secs() && now.as_secs() < self.end
    }

    /// Tells whether it is over.
    pub(crate) const fn is_over(self, now: UnixTime) -> bool {
        self.end <= now.as_secs()
    }

    /// Tells whether this window stays in force although one that began earlier is offered.
    pub(crate) const fn outlives(self, offered: Self, now: UnixTime) -> bool {
        offered.start <= self.start && self.start <= now.as_secs().saturating_add(SET_BACK)
    }
}

/// The windows of one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows([Window; 3]);

impl Windows {
    /// Returns the window of a period.
    pub const fn of(&self, period: Period) -> Window {
        self.0[period.index()]
    }

    /// Finds the windows of a moment.
    pub fn at(now: UnixTime, zone: &TimeZone) -> Self {
        Self(Period::ALL.map(|period| window(period, now, zone)))
    }
}

/// Windows of a zone; those of the current hour are remembered.
#[derive(Debug)]
pub struct Calendar {
    zone: TimeZone,
    current: ArcSwap<Windows>,
}

impl Calendar {
    /// A calendar of a zone.
    pub fn new(zone: TimeZone) -> Self {
        let current = Arc::new(Windows([Window::default(); 3])).into();
        Self { zone, current }
    }

    /// Returns the zone.
    pub const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Returns the windows of a moment.
    pub fn at(&self, now: UnixTime) -> Windows {
        let current = **self.current.load();
        if current.of(Period::Hour).contains(now) {
            return current;
        }
        let windows = Windows::at(now, &self.zone);
        self.current.store(Arc::new(windows));
        windows
    }
}

fn window(period: Period, now: UnixTime, zone: &TimeZone) -> Window {
    let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let moment = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
    let local = moment.to_zoned(zone.clone());
    let bounds = match period {
        Period::Hour => Some(hour(&local)),
        Period::Day => day(&local),
        Period::Month => month(&local),
    };
    // Only at the end of jiff's calendar, in the year 9999, is there no next day.
    let (start, end) = bounds.unwrap_or((moment, Timestamp::MAX));
    Window { start: unsigned(start), end: unsigned(end) }
}

/// The clock may be changed within an hour, in a few zones by half of one: the window ends there.
fn hour(local: &Zoned) -> (Timestamp, Timestamp) {
    let moment = local.timestamp();
    let past = i64::from(local.minute()) * 60 + i64::from(local.second());
    let start = moment.saturating_sub(past.seconds()).unwrap_or(moment);
    let end = start.saturating_add(1.hours()).unwrap_or(Timestamp::MAX);
    let zone = local.time_zone();
    // What changes at this very moment has changed already.
    let after = moment.saturating_add(1.seconds()).unwrap_or(moment);
    let last = zone.preceding(after).next().map(|change| change.timestamp());
    let next = zone.following(moment).next().map(|change| change.timestamp());
    (last.map_or(start, |last| last.max(start)), next.map_or(end, |next| next.min(end)))
}

fn day(local: &Zoned) -> Option<(Timestamp, Timestamp)> {
    let start = local.start_of_day().ok()?;
    let end = local.tomorrow().ok()?.start_of_day().ok()?;
    Some((start.timestamp(), end.timestamp()))
}

fn month(local: &Zoned) -> Option<(Timestamp, Timestamp)> {
    let first = local.date().first_of_month();
    let start = first.to_zoned(local.time_zone().clone()).ok()?;
    let next = first.checked_add(1.months()).ok()?.to_zoned(local.time_zone().clone()).ok()?;
    Some((start.timestamp(), next.timestamp()))
}

fn unsigned(moment: Timestamp) -> u64 {
    u64::try_from(moment.as_second()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
