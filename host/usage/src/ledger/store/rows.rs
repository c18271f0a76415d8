//! Rows of the tables, as values and back.

use std::borrow::Cow;

use rusqlite::types::Type;
use rusqlite::{Row, Statement, params};
use stockade_core::{CredentialId, GroupName, ModelName, QuotaName, UnixTime, UserId};

use crate::accounts::AccountUsage;
use crate::amounts::Amounts;
use crate::ledger::counts::{Counts, UsageKey};
use crate::quota::{Period, Subject};
use crate::window::Window;

/// Stands between the two names of a subject that has two; no name contains it.
const BETWEEN: char = '\t';

pub(super) fn find_one(find: &mut Statement<'_>, key: &UsageKey) -> rusqlite::Result<Counts> {
    let hour = signed(key.hour.as_secs());
    let (user, operation) = (key.user.as_str(), key.operation.as_str());
    let mut rows = find.query(params![user, credential(key), model(key), operation, hour])?;
    rows.next()?.map_or(Ok(Counts::default()), |row| counts(row, 0))
}

/// Reads counts from seven columns.
pub(in crate::ledger) fn counts(row: &Row<'_>, first: usize) -> rusqlite::Result<Counts> {
    let column = |index: usize| unsigned(row, first + index);
    Ok(Counts {
        requests: column(0)?,
        refused: column(1)?,
        input: column(2)?,
        output: column(3)?,
        gpu_ms: column(4)?,
        load_ms: column(5)?,
        pulled: column(6)?,
    })
}

pub(super) fn put_usage(
    put: &mut Statement<'_>,
    key: &UsageKey,
    counts: &Counts,
) -> rusqlite::Result<()> {
    let values = params![
        key.user.as_str(),
        credential(key),
        model(key),
        key.operation.as_str(),
        signed(key.hour.as_secs()),
        signed(counts.requests),
        signed(counts.refused),
        signed(counts.input),
        signed(counts.output),
        signed(counts.gpu_ms),
        signed(counts.load_ms),
        signed(counts.pulled),
    ];
    put.execute(values).map(drop)
}

pub(super) fn put_account(put: &mut Statement<'_>, account: &AccountUsage) -> rusqlite::Result<()> {
    let AccountUsage { quota, subject, period, window, used } = account;
    let pair = |user: &UserId, other: &str| Cow::Owned(format!("{user}{BETWEEN}{other}"));
    let (kind, name) = match subject {
        Subject::User(user) => ("user", Cow::Borrowed(user.as_str())),
        Subject::UserModel(user, model) => ("user-model", pair(user, model.as_str())),
        Subject::Group(group) => ("group", Cow::Borrowed(group.as_str())),
        Subject::Key(user, key) => ("key", pair(user, key.as_str())),
        Subject::Together => ("together", Cow::Borrowed("")),
    };
    let values = params![
        quota.as_str(),
        kind,
        name,
        period.as_str(),
        signed(window.start().as_secs()),
        signed(window.end().as_secs()),
        signed(used.requests),
        signed(used.input),
        signed(used.output),
        signed(used.gpu_ms),
        signed(used.pulled),
    ];
    put.execute(values).map(drop)
}

pub(super) fn account(row: &Row<'_>) -> rusqlite::Result<AccountUsage> {
    let column = |index| unsigned(row, index);
    let (kind, name): (String, String) = (row.get(1)?, row.get(2)?);
    let period: String = row.get(3)?;
    let known = Period::ALL.into_iter().find(|known| known.as_str() == period);
    let quota: String = row.get(0)?;
    Ok(AccountUsage {
        quota: read(0, QuotaName::new(&quota))?,
        subject: subject(&kind, &name)?,
        period: known.ok_or(rusqlite::Error::InvalidQuery)?,
        window: Window::new(UnixTime::from_secs(column(4)?), UnixTime::from_secs(column(5)?)),
        used: Amounts {
            requests: column(6)?,
            input: column(7)?,
            output: column(8)?,
            gpu_ms: column(9)?,
            pulled: column(10)?,
        },
    })
}

fn subject(kind: &str, name: &str) -> rusqlite::Result<Subject> {
    let pair = || name.split_once(BETWEEN).ok_or(rusqlite::Error::InvalidQuery);
    let user = |name| read(2, UserId::new(name));
    Ok(match kind {
        "user" => Subject::User(user(name)?),
        "user-model" => {
            let (name, model) = pair()?;
            Subject::UserModel(user(name)?, read(2, ModelName::parse(model))?)
        }
        "group" => Subject::Group(read(2, GroupName::new(name))?),
        "key" => {
            let (name, key) = pair()?;
            Subject::Key(user(name)?, read(2, CredentialId::new(key))?)
        }
        "together" => Subject::Together,
        _ => return Err(rusqlite::Error::InvalidQuery),
    })
}

fn read<T, E>(column: usize, read: Result<T, E>) -> rusqlite::Result<T>
where
    E: std::error::Error + Send + Sync + 'static,
{
    read.map_err(|error| unreadable(column, error))
}

/// Returns the error of a text that is not what its column holds.
pub(super) fn unreadable<E>(column: usize, error: E) -> rusqlite::Error
where
    E: std::error::Error + Send + Sync + 'static,
{
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}

fn credential(key: &UsageKey) -> &str {
    key.credential.as_ref().map_or("", CredentialId::as_str)
}

fn model(key: &UsageKey) -> &str {
    key.model.as_ref().map_or("", |model| model.short())
}

/// `SQLite` has no larger numbers.
pub(in crate::ledger) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(in crate::ledger) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    Ok(u64::try_from(value).unwrap_or_default())
}
