//! The reason why a request is refused, and the time at which it can come again, for people and
//! for programs.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use stockade_core::{QuotaName, UnixTime};

use crate::allowance::{Again, Allowance, LimitKind};
use crate::numbers::{Units, grouped};
use crate::quota::{Resource, Subject, name};

/// The time after which a budget counts as one that does not come back soon. Clients that would
/// ask again by themselves are told not to.
const SOON: Duration = Duration::from_mins(1);
/// The time to wait for what others hold, which nobody knows.
const WHEN_OTHERS_END: Duration = Duration::from_secs(1);

/// The reason why a request is not admitted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// A limit has no room for it.
    #[error("quota {} is exceeded", .0.quota)]
    Exceeded(Box<Exceeded>),
    /// It cannot be counted: there is no room for another account.
    #[error("the request cannot be counted: there are too many accounts in use")]
    Uncounted,
    /// The store that replicas share is away, and this quota refuses what is not granted.
    #[error("quota {0} cannot be counted: the store of quotas does not answer")]
    StoreLost(QuotaName),
}

impl From<Exceeded> for NotAdmitted {
    fn from(exceeded: Exceeded) -> Self {
        Self::Exceeded(Box::new(exceeded))
    }
}

/// A limit that has no room for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// The quota.
    pub quota: QuotaName,
    /// The owner of the account.
    pub subject: Subject,
    /// The limit, with what was used of it.
    pub allowance: Allowance,
}

impl Exceeded {
    /// Returns the one that is in the way for longer.
    pub(crate) fn worse(self, other: Option<Self>) -> Self {
        other.filter(|other| other.allowance.again >= self.allowance.again).unwrap_or(self)
    }

    /// Returns the time to wait, rounded up to whole milliseconds: `None` where waiting does not
    /// help.
    pub fn retry_after(&self, now: UnixTime) -> Option<Duration> {
        match self.allowance.again {
            Again::WhenOthersEnd => Some(WHEN_OTHERS_END),
            Again::At(time) => {
                let wait = time.as_duration().saturating_sub(now.as_duration());
                let milliseconds = wait.as_nanos().div_ceil(1_000_000);
                Some(Duration::from_millis(u64::try_from(milliseconds).unwrap_or(u64::MAX)))
            }
            Again::Never => None,
        }
    }

    /// Tells whether a client should ask again by itself: not for a budget that does not come
    /// back soon, which it would only ask for three times.
    pub fn should_retry(&self, now: UnixTime) -> bool {
        self.retry_after(now).is_some_and(|wait| wait <= SOON)
    }

    /// Returns the sentence for the caller: "you have used 50,000 of 50,000 tokens of this hour;
    /// from 14:00 on again".
    pub fn sentence(&self, zone: &TimeZone, now: UnixTime) -> String {
        let mut text = self.spent();
        match self.allowance.again {
            Again::Never => text.push_str("; it is too large for this limit"),
            Again::WhenOthersEnd => text.push_str("; again as soon as one of them ends"),
            Again::At(time) if self.allowance.kind == LimitKind::Rate => {
                let wait = time.as_duration().saturating_sub(now.as_duration());
                let seconds = wait.as_millis().div_ceil(1_000).max(1);
                let plural = if seconds == 1 { "" } else { "s" };
                let _ = write!(text, "; again in {seconds} second{plural}");
            }
            Again::At(time) => {
                let _ = write!(text, "; from {} on again", on_the_clock(time, zone, now));
            }
        }
        text
    }

    fn spent(&self) -> String {
        let Allowance { kind, limit, used, held, needed, again, .. } = &self.allowance;
        let who = self.who();
        match kind {
            LimitKind::Rate => {
                let plural = if *limit == 1 { "" } else { "s" };
                format!("{who} used up {} request{plural} per minute", grouped(*limit))
            }
            LimitKind::Concurrent => {
                format!("{who} {} of {} requests under way", grouped(*held), grouped(*limit))
            }
            LimitKind::Budget(resource, period) => {
                let units = Units::of(*limit);
                let of = |value| of(*resource, value, units);
                let (used, limit) = (amount(*resource, *used, units), of(*limit));
                match again {
                    Again::Never => {
                        let needed = of(*needed);
                        format!("the request needs {needed}, and the limit is {limit} per {period}")
                    }
                    Again::WhenOthersEnd => {
                        let held = amount(*resource, *held, units);
                        let rest = format!("requests under way hold {held} more");
                        format!("{who} used {used} of {limit} of this {period}, and {rest}")
                    }
                    Again::At(_) => format!("{who} used {used} of {limit} of this {period}"),
                }
            }
        }
    }

    fn who(&self) -> String {
        match &self.subject {
            Subject::User(_) | Subject::UserModel(..) => "you have".to_owned(),
            Subject::Key(..) => "this key has".to_owned(),
            Subject::Group(group) => format!("the group {group} has"),
            Subject::Together => format!("all who share {} have", self.quota),
        }
    }
}

/// Returns an amount with its unit; a size in those of its limit.
fn of(resource: Resource, value: u64, units: Units) -> String {
    let amount = amount(resource, value, units);
    match resource {
        Resource::GpuTime => format!("{amount} of GPU time"),
        Resource::PulledBytes => format!("{amount} of pulled models"),
        counted => format!("{amount} {}", name(counted)),
    }
}

fn amount(resource: Resource, value: u64, units: Units) -> String {
    match resource {
        Resource::GpuTime => duration(value),
        Resource::PulledBytes => units.show(value).unwrap_or_else(|| format!("{value} bytes")),
        _ => grouped(value),
    }
}

fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1_000;
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{} min", grouped(minutes)),
        (minutes, seconds) => format!("{} min {seconds} s", grouped(minutes)),
    }
}

/// Returns a time as the wall clock shows it, with as much of the date as is needed.
fn on_the_clock(time: UnixTime, zone: &TimeZone, now: UnixTime) -> String {
    let local = |time: UnixTime| {
        let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX).to_zoned(zone.clone())
    };
    let (time, now) = (local(time), local(now));
    let days = time.date().since(now.date()).map_or(i32::MAX, |span| span.get_days());
    let format = match days {
        0 => "%H:%M",
        1..7 => "%A %H:%M",
        _ => "%-d %B, %H:%M",
    };
    time.strftime(format).to_string()
}

#[cfg(test)]
mod tests;
