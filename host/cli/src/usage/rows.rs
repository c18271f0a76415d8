//! The rows of a report: those of the ledger, with the groups that a configuration knows.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use stockade_authn::User;
use stockade_usage::ledger::{Counts, Dimension, ReportRow};

/// The things that have a row each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum By {
    /// Each user.
    User,
    /// Each group of the configuration; who is in several counts in each.
    Group,
    /// Each key, certificate or issuer of each user.
    Key,
    /// Each model.
    Model,
    /// Each operation.
    Operation,
    /// Each hour.
    Hour,
    /// Each day.
    Day,
    /// Each month.
    Month,
}

/// Stands where there is no group, key or model.
const NOTHING: &str = "-";

impl By {
    /// Returns what the ledger is asked for.
    pub(super) const fn dimensions(self) -> &'static [Dimension] {
        match self {
            Self::User | Self::Group => &[Dimension::User],
            // Names of keys are unique among those of one user.
            Self::Key => &[Dimension::User, Dimension::Credential],
            Self::Model => &[Dimension::Model],
            Self::Operation => &[Dimension::Operation],
            Self::Hour => &[Dimension::Hour],
            Self::Day => &[Dimension::Day],
            Self::Month => &[Dimension::Month],
        }
    }

    /// Returns the head of its column.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Key => "key",
            Self::Model => "model",
            Self::Operation => "operation",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// Returns that in capitals, for tables.
    pub(super) const fn head(self) -> &'static str {
        match self {
            Self::User => "USER",
            Self::Group => "GROUP",
            Self::Key => "KEY",
            Self::Model => "MODEL",
            Self::Operation => "OPERATION",
            Self::Hour => "HOUR",
            Self::Day => "DAY",
            Self::Month => "MONTH",
        }
    }

    const fn format(self) -> &'static str {
        match self {
            Self::Hour => "%F %H:%M",
            Self::Month => "%Y-%m",
            _ => "%F",
        }
    }
}

/// A report.
pub(super) struct Rows {
    pub(super) by: Vec<By>,
    /// Each with its labels, in the order of `by`.
    pub(super) rows: Vec<(Vec<String>, Counts)>,
}

impl Rows {
    pub(super) fn of(found: Vec<ReportRow>, by: &[By], users: &[User], zone: &TimeZone) -> Self {
        let mut sums: BTreeMap<Vec<String>, Counts> = BTreeMap::new();
        for row in found {
            for labels in labels(&row, by, users, zone) {
                *sums.entry(labels).or_default() += row.counts;
            }
        }
        Self { by: by.to_vec(), rows: sums.into_iter().collect() }
    }

    /// Returns a list of objects.
    pub(super) fn to_json(&self) -> Vec<Value> {
        let rows = self.rows.iter();
        rows.map(|(labels, counts)| {
            let mut row = json!(counts);
            for (by, label) in self.by.iter().zip(labels) {
                row[by.name()] = json!(label);
            }
            row
        })
        .collect()
    }
}

/// Returns the labels of a row: several, where its user is in several groups.
fn labels(row: &ReportRow, by: &[By], users: &[User], zone: &TimeZone) -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    for by in by {
        let values = values(*by, row, users, zone);
        all = all
            .iter()
            .flat_map(|before: &Vec<String>| {
                values.iter().map(|value| {
                    let mut labels = before.clone();
                    labels.push(value.clone());
                    labels
                })
            })
            .collect();
    }
    all
}

fn values(by: By, row: &ReportRow, users: &[User], zone: &TimeZone) -> Vec<String> {
    let text = |text: &Option<String>| {
        let text = text.as_deref().filter(|text| !text.is_empty());
        vec![text.unwrap_or(NOTHING).to_owned()]
    };
    match by {
        By::User => text(&row.user),
        By::Key => {
            let key = row.credential.as_deref().filter(|key| !key.is_empty()).unwrap_or(NOTHING);
            vec![format!("{}/{key}", row.user.as_deref().unwrap_or(NOTHING))]
        }
        By::Model => text(&row.model),
        By::Operation => text(&row.operation),
        By::Group => groups(row.user.as_deref(), users),
        By::Hour | By::Day | By::Month => {
            let start = row.start.and_then(|start| i64::try_from(start).ok());
            let start = start.and_then(|start| Timestamp::from_second(start).ok());
            let shown =
                start.map(|start| start.to_zoned(zone.clone()).strftime(by.format()).to_string());
            vec![shown.unwrap_or_default()]
        }
    }
}

fn groups(user: Option<&str>, users: &[User]) -> Vec<String> {
    let user = users.iter().find(|known| user == Some(known.id.as_str()));
    let groups: Vec<_> = user
        .into_iter()
        .flat_map(|user| user.groups.iter().map(|group| group.as_str().to_owned()))
        .collect();
    if groups.is_empty() { vec![NOTHING.to_owned()] } else { groups }
}
