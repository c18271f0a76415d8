//! Hours of the day.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error};

const MINUTES_OF_A_DAY: u16 = 24 * 60;

/// A span of hours on certain days of the week, in the zone of the configuration.
///
/// A `to` before `from` is on the next day. Several spans are a `Vec<Hours>`.
///
/// ```
/// use stockade_policy_sdk::Hours;
///
/// let night: Hours =
///     serde_json::from_str(r#"{ "days": ["fri"], "from": "22:00", "to": "06:00" }"#)?;
/// assert!(night.contains(5, 23 * 60), "on Friday at eleven");
/// assert!(night.contains(6, 5 * 60), "on Saturday at five");
/// assert!(!night.contains(6, 23 * 60));
/// assert_eq!(night.to_string(), "Fri 22:00-06:00");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Span")]
pub struct Hours {
    days: Vec<Day>,
    from: TimeOfDay,
    to: TimeOfDay,
}

/// A span of hours on certain days of the week, in the zone of the configuration.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Hours")]
struct Span {
    /// The days on which the span begins; by default all of them.
    #[serde(default = "every_day")]
    days: Vec<Day>,
    /// The time when it begins, such as `08:00`.
    from: TimeOfDay,
    /// The time when it ends, such as `18:00`, this minute not included. Earlier than `from` means
    /// on the next day.
    to: TimeOfDay,
}

fn every_day() -> Vec<Day> {
    Day::ALL.to_vec()
}

impl TryFrom<Span> for Hours {
    type Error = &'static str;
    fn try_from(Span { days, from, to }: Span) -> Result<Self, &'static str> {
        if days.is_empty() {
            Err("`days` is empty; leave it out for all")
        } else if from == to {
            Err("`to` is the same as `from`; write \"00:00\" and \"24:00\" for a whole day")
        } else {
            Ok(Self { days, from, to })
        }
    }
}

impl Hours {
    /// Tells whether a minute of a day lies within, both as [`Time`](crate::Time) has them: 1 is
    /// Monday, and minutes count from midnight.
    pub fn contains(&self, weekday: u8, minute_of_day: u16) -> bool {
        let (from, to) = (self.from.minute(), self.to.minute());
        if from < to {
            return self.begin_on(weekday) && (from..to).contains(&minute_of_day);
        }
        let yesterday = if weekday == 1 { 7 } else { weekday.saturating_sub(1) };
        (self.begin_on(weekday) && minute_of_day >= from)
            || (self.begin_on(yesterday) && minute_of_day < to)
    }

    /// Returns the minutes, from one of the day on, in which the span neither begins nor ends. Half
    /// an hour at most, because at the full or half hour a clock may be put forward or back; so what
    /// a policy says at `minute_of_day` is [valid](crate::Policy::valid_until) for as long.
    pub fn minutes_until_change(&self, minute_of_day: u16) -> u16 {
        let ahead = [self.from, self.to].map(|time| time.minute().saturating_sub(minute_of_day));
        let half_hour = 30 - minute_of_day % 30;
        ahead.into_iter().filter(|ahead| *ahead > 0).fold(half_hour, u16::min)
    }

    fn begin_on(&self, weekday: u8) -> bool {
        Day::of(weekday).is_some_and(|day| self.days.contains(&day))
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, day) in self.days.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{day:?}")?;
        }
        write!(f, " {}-{}", self.from, self.to)
    }
}

impl JsonSchema for Hours {
    fn schema_name() -> Cow<'static, str> {
        Span::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Span::json_schema(generator)
    }
}

/// A day of the week; in settings `mon` to `sun`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Day {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

impl Day {
    /// Every day, from Monday on.
    pub const ALL: [Self; 7] =
        [Self::Mon, Self::Tue, Self::Wed, Self::Thu, Self::Fri, Self::Sat, Self::Sun];

    /// The day by its number, as in [`Time::weekday`](crate::Time::weekday): 1 is Monday.
    pub fn of(weekday: u8) -> Option<Self> {
        usize::from(weekday).checked_sub(1).and_then(|index| Self::ALL.get(index)).copied()
    }
}

/// A time of day as a clock shows it: `08:30`. `24:00` is the end of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    /// Returns the minutes since midnight.
    pub const fn minute(self) -> u16 {
        self.0
    }

    /// Reads `HH:MM`.
    pub fn parse(text: &str) -> Option<Self> {
        let (hour, minute) = text.split_once(':')?;
        let number = |part: &str| {
            let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| part.parse::<u16>().ok()).flatten()
        };
        let (hour, minute) = (number(hour)?, number(minute)?);
        let total = hour * 60 + minute;
        (minute < 60 && total <= MINUTES_OF_A_DAY).then_some(Self(total))
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            D::Error::custom(format_args!("{text:?} is no time of day; write it like \"08:30\""))
        })
    }
}

impl JsonSchema for TimeOfDay {
    fn schema_name() -> Cow<'static, str> {
        "TimeOfDay".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$",
            "description": "A time of day, such as 08:30; 24:00 is the end of the day.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Hours;

    fn hours(json: &str) -> Result<Hours, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn the_first_minute_is_in_and_the_last_is_out() {
        let office =
            hours(r#"{ "days": ["mon", "fri"], "from": "08:00", "to": "18:30" }"#).unwrap();
        assert!(!office.contains(1, 479) && office.contains(1, 480));
        assert!(office.contains(5, 1109) && !office.contains(5, 1110));
        assert!(!office.contains(2, 600) && !office.contains(0, 600) && !office.contains(8, 600));
        assert_eq!(office.to_string(), "Mon, Fri 08:00-18:30");
        let whole = hours(r#"{ "from": "00:00", "to": "24:00" }"#).unwrap();
        assert!(whole.contains(7, 0) && whole.contains(7, 1439));
    }

    #[test]
    fn until_a_change_it_stays_the_same() {
        for json in [
            r#"{ "from": "08:15", "to": "18:20" }"#,
            r#"{ "days": ["sun"], "from": "23:50", "to": "00:10" }"#,
            r#"{ "from": "00:00", "to": "24:00" }"#,
        ] {
            let hours = hours(json).unwrap();
            for now in 0..7 * 1440_u16 {
                let at = |minute: u16| {
                    let day = u8::try_from(minute / 1440 % 7).unwrap() + 1;
                    hours.contains(day, minute % 1440)
                };
                let alike = hours.minutes_until_change(now % 1440);
                assert!((1..=30).contains(&alike));
                assert!((now..now + alike).all(|later| at(later) == at(now)), "{json} at {now}");
            }
        }
    }

    #[test]
    fn impossible_times_are_errors() {
        for (json, expected) in [
            (r#"{ "from": "8:00", "to": "18:00" }"#, "\"8:00\" is no time of day"),
            (r#"{ "from": "08:00", "to": "24:01" }"#, "\"24:01\" is no time of day"),
            (r#"{ "from": "08:00", "to": "08:00" }"#, "`to` is the same as `from`"),
            (r#"{ "from": "08:00", "to": "09:00", "days": [] }"#, "`days` is empty"),
            (r#"{ "from": "08:00", "to": "09:00", "days": ["monday"] }"#, "unknown variant"),
            (r#"{ "from": "08:00", "till": "09:00" }"#, "unknown field `till`"),
        ] {
            let error = hours(json).unwrap_err();
            assert!(error.contains(expected), "{json}: {error}");
        }
    }
}
