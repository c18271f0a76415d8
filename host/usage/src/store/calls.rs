//! The calls of the store: scripts with what they are given, and what they return.

use std::time::Duration;

use redis::{Script, ScriptInvocation};
use stockade_core::UnixTime;

use super::connection::Connection;
use super::key::{self, AccountKey, BUCKETS};
use super::status::StoreError;
use super::store_settings::StoreSettings;
use crate::allowance::LimitKind;
use crate::grants::{Claim, ClaimedLimit, Granted, Others, Reply, Timeouts};
use crate::replica::ReplicaId;

/// The time for which a budget's hash outlives its window, for replicas whose clocks are late.
const BUDGET_OUTLIVES: Duration = Duration::from_hours(1);
/// The same for requests of a minute, of which nothing is settled later.
const MINUTE_OUTLIVES: Duration = Duration::from_mins(2);
/// Stands for a unit where nothing shall be spare.
const NONE_SPARE: i64 = -1;

/// The scripts, and what all calls of a replica have in common.
pub(super) struct Calls {
    grant: Script,
    mark: Script,
    replicas: Script,
    me: String,
    before: String,
    prefix: String,
    timeout: Duration,
    settle: Duration,
    timeouts: Timeouts,
}

/// The reply about one account.
pub(super) struct AccountReply {
    /// The mark of its bucket.
    pub(super) mark: u64,
    pub(super) reply: Reply,
}

impl Calls {
    pub(super) fn new(settings: &StoreSettings, timeouts: Timeouts) -> Self {
        let before: Vec<_> = settings.replicas_before.iter().map(ReplicaId::to_string).collect();
        Self {
            grant: Script::new(include_str!("grant.lua")),
            mark: Script::new(include_str!("mark.lua")),
            replicas: Script::new(include_str!("replicas.lua")),
            me: settings.replica.to_string(),
            before: before.join(","),
            prefix: settings.prefix.clone(),
            timeout: settings.timeout,
            settle: settings.settle,
            timeouts,
        }
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Claims limits of one account.
    pub(super) async fn claim(
        &self,
        mut connection: Connection,
        account: &AccountKey,
        claim: &Claim,
        replicas: u32,
    ) -> Result<AccountReply, StoreError> {
        let mut call = self.grant.prepare_invoke();
        call.key(key::mark(&self.prefix, account.bucket));
        call.arg(&self.me).arg(claim.call).arg(milliseconds(self.settle));
        call.arg(replicas).arg(&self.before);
        let mut hashes: Vec<String> = Vec::with_capacity(claim.limits.len());
        for limit in &claim.limits {
            let hash = account.hash(limit.kind, limit.window);
            let place = hashes.iter().position(|known| *known == hash).unwrap_or_else(|| {
                call.key(&hash);
                hashes.push(hash);
                hashes.len() - 1
            });
            // The first key is the mark, and Lua counts from 1.
            self.add(&mut call, place + 2, limit, claim.at);
        }
        let reply: Vec<u64> = connection.call(&call, self.timeout).await?;
        read(&reply, claim.limits.len())
    }

    fn add(&self, call: &mut ScriptInvocation<'_>, at: usize, limit: &ClaimedLimit, now: UnixTime) {
        let ClaimedLimit { kind, window, limit, used, floor, keep, want, unit } = *limit;
        let left = window.end().as_duration().saturating_sub(now.as_duration());
        let ttl = match kind {
            LimitKind::Budget(..) => left.saturating_add(BUDGET_OUTLIVES),
            LimitKind::Rate => left.saturating_add(MINUTE_OUTLIVES),
            LimitKind::Concurrent => self.timeouts.running.saturating_mul(2),
        };
        let unit = unit.map_or(NONE_SPARE, |unit| i64::try_from(unit).unwrap_or(i64::MAX));
        call.arg(at).arg(key::field(kind)).arg(limit).arg(used).arg(floor).arg(keep).arg(want);
        call.arg(unit).arg(milliseconds(self.timeouts.of(kind))).arg(milliseconds(ttl));
    }

    /// Returns the marks of all buckets, with their ages in milliseconds.
    pub(super) async fn marks(
        &self,
        connection: &Connection,
    ) -> Result<Vec<(u64, u64)>, StoreError> {
        let marks = (0..BUCKETS).map(|bucket| {
            let mut connection = connection.clone();
            async move {
                let mut call = self.mark.prepare_invoke();
                call.key(key::mark(&self.prefix, bucket));
                connection.call(&call, self.timeout).await
            }
        });
        futures_util::future::try_join_all(marks).await
    }

    /// Says that this replica is there, or not any more, and returns how many are.
    pub(super) async fn count_replicas(
        &self,
        mut connection: Connection,
        is_ending: bool,
    ) -> Result<u32, StoreError> {
        let counts_for = if is_ending { Duration::ZERO } else { self.timeouts.running };
        let mut call = self.replicas.prepare_invoke();
        call.key(key::replicas(&self.prefix)).arg(&self.me).arg(milliseconds(counts_for));
        connection.call(&call, self.timeout).await
    }
}

fn read(reply: &[u64], limits: usize) -> Result<AccountReply, StoreError> {
    let unexpected = || StoreError::Answered("UNEXPECTED".to_owned());
    let (&[mark, settles_for], granted) = reply.split_first_chunk().ok_or_else(unexpected)?;
    let (chunks, rest) = granted.as_chunks();
    if chunks.len() != limits || !rest.is_empty() {
        return Err(unexpected());
    }
    let granted = chunks.iter().map(|&[amount, used, held]| {
        let others = Others { used, held };
        Granted { amount, others }
    });
    let settles_for = Duration::from_millis(settles_for);
    let reply = Reply { settles_for, granted: granted.collect() };
    Ok(AccountReply { mark, reply })
}

/// Milliseconds, as many as a server takes for the time of a key.
fn milliseconds(duration: Duration) -> u64 {
    const MOST: u64 = 1 << 46;
    u64::try_from(duration.as_millis()).unwrap_or(MOST).min(MOST)
}

#[cfg(test)]
mod tests;
