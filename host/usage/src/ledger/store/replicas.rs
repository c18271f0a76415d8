//! The identities under which this file was opened: what each has used is in it, and in the store
//! that replicas share.

use rusqlite::{Connection, params};
use stockade_core::UnixTime;

use super::{signed, unreadable};
use crate::replica::ReplicaId;

/// The seconds after which no window is in force any more that an earlier replica has used.
const KEPT: u64 = 32 * 24 * 3_600;
/// The most earlier identities that are returned: whoever starts that often has taken over the rest.
const MOST: i64 = 64;

/// The columns of the table.
pub(super) const TABLE: &str =
    "CREATE TABLE replica (id TEXT PRIMARY KEY, started INTEGER NOT NULL) WITHOUT ROWID;";
pub(super) const FIND: &str = "SELECT id FROM replica ORDER BY started DESC LIMIT ?1";

/// Returns the earlier identities, the last one first, and notes a new one.
pub(super) fn begin(
    connection: &Connection,
    me: ReplicaId,
    now: UnixTime,
) -> rusqlite::Result<Vec<ReplicaId>> {
    let oldest = signed(now.as_secs().saturating_sub(KEPT));
    connection.execute("DELETE FROM replica WHERE started < ?1", [oldest])?;
    let mut find = connection.prepare(FIND)?;
    let before = find.query_map([MOST], |row| {
        let id: String = row.get(0)?;
        id.parse().map_err(|error| unreadable(0, error))
    })?;
    let before = before.collect::<rusqlite::Result<_>>()?;
    let started = signed(now.as_secs());
    connection.execute("INSERT INTO replica VALUES (?1, ?2)", params![me.to_string(), started])?;
    Ok(before)
}
