//! The settings that an operator may write.

use std::fmt;

use stockade_policy_sdk::prelude::*;

/// The hours in which the host may be used.
#[settings]
#[derive(Debug)]
pub struct Settings {
    /// The hours in which it may be used; at any other time it is refused.
    pub hours: Vec<Hours>,
    /// The operations that are refused at other times; by default all of them.
    pub operations: Option<Vec<Operation>>,
}

/// A span of time on certain days of the week, in the zone of the configuration.
#[settings]
#[derive(Debug)]
pub struct Hours {
    /// The days on which the span begins; by default all of them.
    #[serde(default = "every_day")]
    pub days: Vec<Day>,
    /// The time when it begins, such as `08:00`.
    pub from: String,
    /// The time when it ends, such as `18:00`, this minute not included. Earlier than `from` means
    /// on the next day.
    pub to: String,
}

/// A day of the week.
#[settings]
#[serde(rename_all = "lowercase")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

const DAYS: [Day; 7] = [Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri, Day::Sat, Day::Sun];

const MINUTES_OF_A_DAY: u16 = 24 * 60;

fn every_day() -> Vec<Day> {
    DAYS.to_vec()
}

impl Settings {
    pub(crate) fn governs(&self, operation: &Operation) -> bool {
        self.operations.as_ref().is_none_or(|operations| operations.contains(operation))
    }

    /// The minutes from `now` (since midnight) in which no span begins or ends; half an hour at
    /// most, because at the full or half hour a clock may be put forward or back.
    pub(crate) fn minutes_alike(&self, now: u16) -> u16 {
        let times = self.hours.iter().flat_map(|hours| [&hours.from, &hours.to]);
        let ahead =
            times.filter_map(|text| minute(text)?.checked_sub(now)).filter(|ahead| *ahead > 0);
        ahead.fold(30 - now % 30, u16::min)
    }

    /// Refuses settings that could never do what their author means.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        let mut problems = Vec::new();
        if self.hours.is_empty() {
            problems.push(Problem::at("hours", "is empty, so that there is no time to work"));
        }
        if self.operations.as_ref().is_some_and(Vec::is_empty) {
            problems.push(Problem::at("operations", "lists no operation; leave it out for all"));
        }
        for (index, hours) in self.hours.iter().enumerate() {
            problems.extend(hours.problems(&format!("hours[{index}]")));
        }
        Problem::all(problems)
    }
}

impl Hours {
    fn problems(&self, place: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.days.is_empty() {
            problems.push(Problem::at(format!("{place}.days"), "is empty; leave it out for all"));
        }
        for (field, text) in [("from", &self.from), ("to", &self.to)] {
            if minute(text).is_none() {
                let message = format!("{text:?} is no time of day; write it like \"08:30\"");
                problems.push(Problem::at(format!("{place}.{field}"), message));
            }
        }
        if self.from == self.to {
            let message = "is the same as `from`; write \"00:00\" and \"24:00\" for a whole day";
            problems.push(Problem::at(format!("{place}.to"), message));
        }
        problems
    }

    /// Tells whether a minute of a day (1 is Monday) lies within.
    pub(crate) fn contain(&self, weekday: u8, now: u16) -> bool {
        let (Some(from), Some(to)) = (minute(&self.from), minute(&self.to)) else {
            return false;
        };
        if from < to {
            return self.begin_on(weekday) && (from..to).contains(&now);
        }
        let yesterday = if weekday == 1 { 7 } else { weekday.saturating_sub(1) };
        (self.begin_on(weekday) && now >= from) || (self.begin_on(yesterday) && now < to)
    }

    fn begin_on(&self, weekday: u8) -> bool {
        let day = usize::from(weekday).checked_sub(1).and_then(|index| DAYS.get(index));
        day.is_some_and(|day| self.days.contains(day))
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days: Vec<String> = self.days.iter().map(|day| format!("{day:?}")).collect();
        write!(f, "{} {}-{}", days.join(", "), self.from, self.to)
    }
}

/// Minutes since midnight of `HH:MM`; `24:00` is the end of the day.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let number = |part: &str| {
        let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| part.parse::<u16>().ok()).flatten()
    };
    let (hour, minute) = (number(hour)?, number(minute)?);
    let total = hour * 60 + minute;
    (minute < 60 && total <= MINUTES_OF_A_DAY).then_some(total)
}
