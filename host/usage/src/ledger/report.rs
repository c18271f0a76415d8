//! Reports: who used what, summed up as somebody asks for it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, Row, params_from_iter};
use serde::Serialize;
use stockade_core::{ModelName, Operation, UnixTime, UserId};

use super::counts::Counts;
use super::store::{counts, signed, unsigned};
use crate::quota::Period;
use crate::window::Windows;

/// The things for which a report has rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// Each user.
    User,
    /// Each key, certificate or issuer of a user.
    Credential,
    /// Each model.
    Model,
    /// Each operation.
    Operation,
    /// Each hour.
    Hour,
    /// Each day of a zone.
    Day,
    /// Each month of a zone.
    Month,
}

/// A question to the ledger.
#[derive(Clone, Debug, Default)]
pub struct ReportQuery {
    /// The things that have a row each; none is one row for everything.
    pub by: Vec<Dimension>,
    /// The first hour, by its beginning; `None` for all that is kept.
    pub since: Option<UnixTime>,
    /// The end, not included.
    pub until: Option<UnixTime>,
    /// Only these users; `None` for all.
    pub users: Option<Vec<UserId>>,
    /// Only this model.
    pub model: Option<ModelName>,
    /// Only this operation.
    pub operation: Option<Operation>,
}

/// A row of a report. What the report is not by is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReportRow {
    /// The user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The name of the credential; empty where it had none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// The model; empty where there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The beginning of the hour, day or month, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<u64>,
    /// The things that were counted.
    #[serde(flatten)]
    pub counts: Counts,
}

/// The reason why a ledger cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the ledger {} cannot be read", path.display())]
pub struct ReadError {
    path: PathBuf,
    source: rusqlite::Error,
}

/// A ledger that is read, also while a gateway writes to it. It sees what was written before.
#[derive(Debug)]
pub struct LedgerReader {
    connection: Connection,
    path: PathBuf,
}

type RowKey = (Option<String>, Option<String>, Option<String>, Option<String>, Option<u64>);

impl LedgerReader {
    /// Opens a ledger for reading.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)
            .map_err(|source| ReadError { path: path.to_owned(), source })?;
        Ok(Self { connection, path: path.to_owned() })
    }

    /// Answers a question; days and months are those of a zone. Rows are in the order of their
    /// keys: user, credential, model, operation, time.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn report(
        &self,
        query: &ReportQuery,
        zone: &TimeZone,
    ) -> Result<Vec<ReportRow>, ReadError> {
        let failed = |source| ReadError { path: self.path.clone(), source };
        self.sum(query, zone).map_err(failed)
    }

    fn sum(&self, query: &ReportQuery, zone: &TimeZone) -> rusqlite::Result<Vec<ReportRow>> {
        let (text, values) = statement(query);
        let mut statement = self.connection.prepare(&text)?;
        let mut rows = statement.query(params_from_iter(values))?;
        let mut sums: BTreeMap<RowKey, Counts> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            *sums.entry(key(row, query, zone)?).or_default() += counts(row, KEYS)?;
        }
        let row = |((user, credential, model, operation, start), counts)| ReportRow {
            user,
            credential,
            model,
            operation,
            start,
            counts,
        };
        Ok(sums.into_iter().map(row).collect())
    }
}

/// Columns before the counts.
const KEYS: usize = 5;

fn key(row: &Row<'_>, query: &ReportQuery, zone: &TimeZone) -> rusqlite::Result<RowKey> {
    let hour = || unsigned(row, 4).map(UnixTime::from_secs);
    let start = match query.by.iter().find_map(|by| period(*by)) {
        None => None,
        Some(Period::Hour) => Some(hour()?),
        Some(period) => Some(Windows::at(hour()?, zone).of(period).start()),
    };
    let (user, credential) = (row.get(0)?, row.get(1)?);
    Ok((user, credential, row.get(2)?, row.get(3)?, start.map(UnixTime::as_secs)))
}

const fn period(by: Dimension) -> Option<Period> {
    match by {
        Dimension::Hour => Some(Period::Hour),
        Dimension::Day => Some(Period::Day),
        Dimension::Month => Some(Period::Month),
        Dimension::User | Dimension::Credential | Dimension::Model | Dimension::Operation => None,
    }
}

/// Returns a query's statement, which has columns for all keys, and the values for it. Hours are
/// summed up to days by the caller, for `SQLite` knows no zones.
fn statement(query: &ReportQuery) -> (String, Vec<Value>) {
    let groups = groups(query);
    let columns = groups.iter().map(|(name, wanted)| if *wanted { *name } else { "NULL" });
    let columns = columns.collect::<Vec<_>>().join(", ");
    let mut text = format!(
        "SELECT {columns}, sum(requests), sum(refused), sum(input), sum(output), sum(gpu_ms), \
         sum(load_ms), sum(pulled) FROM usage WHERE hour >= ? AND hour < ?"
    );
    let values = conditions(query, &mut text);
    let wanted: Vec<_> = groups.into_iter().filter_map(|(name, is)| is.then_some(name)).collect();
    if !wanted.is_empty() {
        let _ = write!(text, " GROUP BY {}", wanted.join(", "));
    }
    // A sum of nothing is one row without values.
    text.push_str(" HAVING count(*) > 0");
    (text, values)
}

/// Returns the columns that can be grouped by, in the order of the table's key: groups that are a
/// beginning of it need no sorting.
fn groups(query: &ReportQuery) -> [(&'static str, bool); KEYS] {
    let by = |dimension| query.by.contains(&dimension);
    [
        ("user", by(Dimension::User)),
        ("credential", by(Dimension::Credential)),
        ("model", by(Dimension::Model)),
        ("operation", by(Dimension::Operation)),
        ("hour", query.by.iter().any(|by| period(*by).is_some())),
    ]
}

fn conditions(query: &ReportQuery, text: &mut String) -> Vec<Value> {
    let time = |time: Option<UnixTime>, other| time.map_or(other, |time| signed(time.as_secs()));
    let mut values =
        vec![Value::from(time(query.since, 0)), Value::from(time(query.until, i64::MAX))];
    if let Some(users) = &query.users {
        let marks = vec!["?"; users.len()].join(", ");
        let _ = write!(text, " AND user IN ({marks})");
        values.extend(users.iter().map(|user| Value::from(user.as_str().to_owned())));
    }
    if let Some(model) = &query.model {
        text.push_str(" AND model = ?");
        values.push(model.short().to_owned().into());
    }
    if let Some(operation) = query.operation {
        text.push_str(" AND operation = ?");
        values.push(operation.as_str().to_owned().into());
    }
    values
}
