//! The task that talks to the store: one call at a time for each account, and a look once a second.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use stockade_core::Clock;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior};

use super::calls::{AccountReply, Calls};
use super::connection::Connection;
use super::key::{AccountKey, BUCKETS};
use super::status::{Status, StoreError};
use super::store_settings::StoreSettings;
use crate::entry::Entry;
use crate::grants::{Claim, Due, Purpose};
use crate::quotas::Quotas;
use crate::sharing::{Queues, Sharing};

/// The time between two looks at accounts, and at the store.
const LOOK: Duration = Duration::from_secs(1);
/// The most calls that are under way at once.
const MOST_CALLS: usize = 128;
/// The time from one attempt to connect to the next, at first and at most.
const RECONNECT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// The worker of one store.
pub(super) struct Worker {
    pub(super) settings: StoreSettings,
    pub(super) calls: Arc<Calls>,
    pub(super) sharing: Arc<Sharing>,
    pub(super) queues: Queues,
    pub(super) quotas: watch::Receiver<Arc<Quotas>>,
    pub(super) closing: watch::Receiver<bool>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) status: Arc<Status>,
    /// The accounts of which the store has to be told more, by their addresses.
    pub(super) active: HashMap<usize, Arc<Entry>>,
    pub(super) marks: [Option<u64>; BUCKETS as usize],
    /// The number of the last call.
    pub(super) last_call: u64,
}

/// A set of buckets, a bit for each.
type Buckets = u32;
const ALL: Buckets = Buckets::MAX;

/// A call that has ended.
enum Done {
    Account(Arc<Entry>, Claim, AccountReply),
    Look { marks: Vec<(u64, u64)>, replicas: u32 },
}

/// The calls that are under way.
type UnderWay = FuturesUnordered<BoxFuture<'static, Result<Done, StoreError>>>;

impl Worker {
    /// Connects, serves, and connects again, until the store is closed.
    pub(super) async fn run(mut self) {
        let mut wait = RECONNECT.0;
        loop {
            let opened = tokio::select! {
                opened = Connection::open(&self.settings) => opened,
                () = closed(&mut self.closing) => break,
            };
            let served = match opened {
                Ok(connection) => self.serve(&connection, &mut wait).await,
                Err(error) => Err(error),
            };
            self.sharing.set_connected(false);
            match served {
                Ok(()) => break,
                Err(error) => self.status.failed(error, self.clock.now()),
            }
            self.abandon();
            tokio::select! {
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(RECONNECT.1),
                () = closed(&mut self.closing) => break,
            }
        }
        self.abandon();
        self.status.closed(self.clock.now());
    }

    /// Serves until an error, or until the store is closed.
    async fn serve(
        &mut self,
        connection: &Connection,
        wait: &mut Duration,
    ) -> Result<(), StoreError> {
        let first = look(Arc::clone(&self.calls), connection.clone()).await?;
        *wait = RECONNECT.0;
        self.sharing.set_connected(true);
        self.status.connected(self.clock.now());
        self.done(first);
        self.tell_all(ALL);
        let mut under_way = UnderWay::new();
        let mut looks = looks();
        loop {
            let (asks, tells) = (&mut self.queues.asks, &mut self.queues.tells);
            let calls = under_way.len();
            tokio::select! {
                biased;
                () = closed(&mut self.closing) => return self.release(connection).await,
                Some(done) = under_way.next() => self.done(done?),
                _ = looks.tick() => {
                    self.look_at_accounts();
                    under_way.push(Box::pin(look(Arc::clone(&self.calls), connection.clone())));
                }
                Ok(()) = self.quotas.changed() => self.tell_all(ALL),
                Some(entry) = asks.recv(), if calls < MOST_CALLS => {
                    under_way.extend(self.call_queued(connection, entry));
                }
                Some(entry) = tells.recv(), if calls < MOST_CALLS / 2 => {
                    under_way.extend(self.call_queued(connection, entry));
                }
            }
        }
    }

    /// Takes what a call has brought.
    fn done(&mut self, done: Done) {
        match done {
            Done::Account(entry, claim, AccountReply { mark, reply }) => {
                let mut account = entry.lock();
                account.grants().apply(&claim, &reply, self.sharing.timeouts);
                // Something was to be told while the call was under way.
                if let Some(purpose) = account.grants().queued.take() {
                    self.sharing.queue(&entry, &mut account, purpose);
                }
                drop(account);
                let bucket = self.bucket(&entry);
                let changed = self.mark(bucket, mark);
                self.tell_all(changed);
            }
            Done::Look { marks, replicas } => {
                self.sharing.set_replicas(replicas);
                let marked = (0..).zip(&marks);
                let changed =
                    marked.fold(0, |all, (bucket, (mark, _))| all | self.mark(bucket, *mark));
                self.tell_all(changed);
                let settle = self.settings.settle.as_millis();
                let is_settling = marks.iter().any(|(_, age)| u128::from(*age) < settle);
                self.status.note(replicas, self.active.len(), is_settling);
            }
        }
    }

    /// Keeps the mark of a bucket; returns the bucket if it was emptied since the last time.
    fn mark(&mut self, bucket: u32, mark: u64) -> Buckets {
        let known = self.marks.get_mut(bucket as usize);
        let before = known.and_then(|known| known.replace(mark));
        if before.is_some_and(|before| before != mark) { 1 << bucket } else { 0 }
    }

    /// Queues every account in some buckets of which something is used or granted.
    fn tell_all(&self, buckets: Buckets) {
        if buckets == 0 {
            return;
        }
        let quotas = Arc::clone(&self.quotas.borrow());
        let now = self.clock.now();
        let windows = quotas.calendar().at(now);
        for entry in quotas.accounts().all() {
            let Some(quota) = quotas.of(&entry) else { continue };
            if buckets != ALL && buckets & (1 << self.bucket(&entry)) == 0 {
                continue;
            }
            let mut account = entry.lock();
            account.roll(&windows, now);
            if self.active.contains_key(&address(&entry)) || account.is_used(quota, now) {
                account.share(quota);
                self.sharing.queue(&entry, &mut account, Purpose::Tell);
            }
        }
    }

    /// Begins a call about an account that was queued, unless another call has served it since.
    fn call_queued(
        &mut self,
        connection: &Connection,
        entry: Arc<Entry>,
    ) -> Option<BoxFuture<'static, Result<Done, StoreError>>> {
        entry.lock().grants().queued.purpose()?;
        self.call(connection, entry)
    }

    /// Begins a call about one account, if none is under way and there is something to tell.
    fn call(
        &mut self,
        connection: &Connection,
        entry: Arc<Entry>,
    ) -> Option<BoxFuture<'static, Result<Done, StoreError>>> {
        let key = self.key(&entry)?;
        self.last_call += 1;
        let claim = entry.lock().claim(self.last_call, self.clock.now())?;
        self.active.insert(address(&entry), Arc::clone(&entry));
        let (calls, connection) = (Arc::clone(&self.calls), connection.clone());
        let replicas = self.sharing.state(claim.at, false).replicas;
        Some(Box::pin(async move {
            let reply = calls.claim(connection, &key, &claim, replicas).await?;
            Ok(Done::Account(entry, claim, reply))
        }))
    }

    fn look_at_accounts(&mut self) {
        let (sharing, now) = (&self.sharing, self.clock.now());
        self.active.retain(|_, entry| {
            let mut account = entry.lock();
            match account.due(now, sharing.timeouts) {
                Due::Nothing => {}
                Due::Tell => sharing.queue(entry, &mut account, Purpose::Tell),
                Due::Forget => return false,
            }
            true
        });
    }

    /// Ends whatever waits for the store: it does not answer.
    fn abandon(&mut self) {
        for queue in [&mut self.queues.asks, &mut self.queues.tells] {
            while let Ok(entry) = queue.try_recv() {
                entry.lock().grants().abandon();
            }
        }
        for entry in self.active.values() {
            entry.lock().grants().abandon();
        }
    }

    /// Tells what was used, and returns what was granted besides.
    async fn release(&mut self, connection: &Connection) -> Result<(), StoreError> {
        self.sharing.set_connected(false);
        self.abandon();
        let mut under_way = UnderWay::new();
        for entry in self.active.values().cloned().collect::<Vec<_>>() {
            entry.lock().grants().give_back();
            if under_way.len() >= MOST_CALLS {
                under_way.next().await.transpose()?;
            }
            under_way.extend(self.call(connection, entry));
        }
        while let Some(done) = under_way.next().await {
            done?;
        }
        self.calls.count_replicas(connection.clone(), true).await.map(drop)
    }

    fn key(&self, entry: &Entry) -> Option<AccountKey> {
        let name = self.quotas.borrow().accounts().name(entry.quota)?;
        Some(AccountKey::new(self.calls.prefix(), &name, &entry.subject))
    }

    fn bucket(&self, entry: &Entry) -> u32 {
        self.key(entry).map_or(0, |key| key.bucket)
    }
}

async fn look(calls: Arc<Calls>, connection: Connection) -> Result<Done, StoreError> {
    let replicas = calls.count_replicas(connection.clone(), false);
    let (marks, replicas) = tokio::try_join!(calls.marks(&connection), replicas)?;
    Ok(Done::Look { marks, replicas })
}

fn looks() -> Interval {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks
}

/// Waits until the store is closed, or nobody can close it any more.
async fn closed(closing: &mut watch::Receiver<bool>) {
    closing.wait_for(|is_closing| *is_closing).await.ok();
}

fn address(entry: &Arc<Entry>) -> usize {
    Arc::as_ptr(entry) as usize
}
