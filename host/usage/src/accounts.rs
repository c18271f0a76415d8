//! The accounts of all subjects in all quotas. They outlive the configurations that name them.

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, OnceLock};

use hashbrown::{DefaultHashBuilder, HashTable};
use stockade_core::{QuotaName, UnixTime};

use crate::account::Account;
use crate::amounts::Amounts;
use crate::entry::{Entry, QuotaId, unpoisoned};
use crate::quota::{Period, Subject};
use crate::sharing::Sharing;
use crate::window::{Window, Windows};

/// Quotas that usually apply to one request: as many are kept without an allocation.
pub(crate) const USUAL: usize = 6;
/// Parts of the table, each under a lock of its own.
const SHARDS: usize = 64;
/// The seconds between two looks for idle accounts in a part that is full.
const LOOK_AGAIN: u64 = 1;

/// The usage of one subject in one window of one quota: it is stored, and restored at start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountUsage {
    /// The quota.
    pub quota: QuotaName,
    /// The subject.
    pub subject: Subject,
    /// The kind of window.
    pub period: Period,
    /// The window.
    pub window: Window,
    /// The usage in it.
    pub used: Amounts,
}

/// All accounts, bounded in number.
#[derive(Debug)]
pub struct Accounts {
    shards: Box<[Mutex<Shard>]>,
    most_in_shard: usize,
    /// Fast, and seeded at random: names are those of people who have proven who they are.
    hasher: DefaultHashBuilder,
    names: Mutex<Names>,
    dirty: Mutex<Vec<Arc<Entry>>>,
    /// The store over which replicas share limits. Without one, this process counts alone.
    sharing: OnceLock<Arc<Sharing>>,
}

/// Accounts, found by their owners: those of one owner are side by side.
#[derive(Debug, Default)]
struct Shard {
    table: HashTable<Row>,
    /// The second in which idle accounts were looked for because the part was full.
    looked: u64,
}

/// An account, with enough of it to look at no other while one is looked for.
#[derive(Debug)]
struct Row {
    hash: u64,
    quota: QuotaId,
    entry: Arc<Entry>,
}

impl Row {
    fn is_of(&self, hash: u64, quota: QuotaId, owner: &Subject) -> bool {
        self.hash == hash && self.quota == quota && self.entry.subject == *owner
    }
}

#[derive(Debug, Default)]
struct Names {
    ids: HashMap<QuotaName, QuotaId>,
    list: Vec<QuotaName>,
}

impl Accounts {
    /// No accounts yet, and room for about `most`. An account takes 380 bytes, 340 more
    /// where policies are told of its last minute, and where replicas share limits 150 for each.
    pub fn new(most: NonZeroUsize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            most_in_shard: most.get().div_ceil(SHARDS),
            hasher: DefaultHashBuilder::default(),
            names: Mutex::default(),
            dirty: Mutex::default(),
            sharing: OnceLock::new(),
        }
    }

    /// Shares the limits over a store from now on; tells whether that was not so already.
    pub(crate) fn share(&self, sharing: Arc<Sharing>) -> bool {
        self.sharing.set(sharing).is_ok()
    }

    /// Returns the way to the store over which limits are shared.
    pub(crate) fn sharing(&self) -> Option<&Arc<Sharing>> {
        self.sharing.get()
    }

    /// Returns the id of a name: a new one, or that of before.
    pub(crate) fn id(&self, name: &QuotaName) -> QuotaId {
        let mut names = unpoisoned(&self.names);
        if let Some(id) = names.ids.get(name) {
            return *id;
        }
        let id = QuotaId(u32::try_from(names.list.len()).unwrap_or(u32::MAX));
        names.list.push(name.clone());
        names.ids.insert(name.clone(), id);
        id
    }

    /// Returns the hash by which the accounts of an owner are opened.
    pub(crate) fn hash(&self, owner: &Subject) -> u64 {
        self.hasher.hash_one(owner)
    }

    /// Finds an account, or opens it. There is none where all room is taken by accounts in use.
    pub(crate) fn open(
        &self,
        id: QuotaId,
        (owner, hash): (&Subject, u64),
        now: UnixTime,
    ) -> Option<Arc<Entry>> {
        let mut shard = unpoisoned(self.shard(hash));
        if let Some(row) = shard.table.find(hash, |row| row.is_of(hash, id, owner)) {
            return Some(Arc::clone(&row.entry));
        }
        if shard.table.len() >= self.most_in_shard && !shard.make_room(now) {
            return None;
        }
        let entry = Arc::new(Entry::new(id, owner.clone()));
        let row = Row { hash, quota: id, entry: Arc::clone(&entry) };
        shard.table.insert_unique(hash, row, |row| row.hash);
        Some(entry)
    }

    /// Finds an account that is there.
    pub(crate) fn find(&self, id: QuotaId, owner: &Subject) -> Option<Arc<Entry>> {
        let hash = self.hash(owner);
        let shard = unpoisoned(self.shard(hash));
        let row = shard.table.find(hash, |row| row.is_of(hash, id, owner));
        row.map(|row| Arc::clone(&row.entry))
    }

    /// Counts what was used before a restart, where its window is still in force.
    pub fn restore(&self, usage: &AccountUsage, windows: &Windows, now: UnixTime) {
        let owner = (&usage.subject, self.hash(&usage.subject));
        let entry = self.open(self.id(&usage.quota), owner, now);
        if let Some(entry) = entry {
            let mut account = entry.lock();
            account.roll(windows, now);
            account.restore(usage.period, usage.window, usage.used);
        }
    }

    /// Notes that an account has used something that is not stored yet.
    pub(crate) fn note_dirty(&self, entry: &Arc<Entry>, account: &mut Account) {
        if !std::mem::replace(&mut account.is_dirty, true) {
            unpoisoned(&self.dirty).push(Arc::clone(entry));
        }
    }

    /// Takes what was used by every account that has used something since the last time, for all
    /// of its windows. Values are those since the beginning of the window.
    pub fn take_changed(&self) -> Vec<AccountUsage> {
        let dirty = std::mem::take(&mut *unpoisoned(&self.dirty));
        let names = unpoisoned(&self.names).list.clone();
        let mut changed = Vec::with_capacity(dirty.len() * Period::ALL.len());
        for entry in dirty {
            let Some(quota) = names.get(entry.quota.0 as usize) else { continue };
            let mut account = entry.lock();
            account.is_dirty = false;
            changed.extend(Period::ALL.map(|period| {
                let (window, used) = account.used(period);
                AccountUsage {
                    quota: quota.clone(),
                    subject: entry.subject.clone(),
                    period,
                    window,
                    used,
                }
            }));
        }
        changed
    }

    /// Returns all accounts, a part of them at a time under its lock.
    pub(crate) fn all(&self) -> impl Iterator<Item = Arc<Entry>> + '_ {
        self.shards.iter().flat_map(|shard| {
            let shard = unpoisoned(shard);
            shard.table.iter().map(|row| Arc::clone(&row.entry)).collect::<Vec<_>>()
        })
    }

    /// Returns the name of a quota.
    pub(crate) fn name(&self, id: QuotaId) -> Option<QuotaName> {
        unpoisoned(&self.names).list.get(id.0 as usize).cloned()
    }

    /// Drops accounts that are as if they had never been used; returns how many are left.
    pub fn forget_idle(&self, now: UnixTime) -> usize {
        let left = self.shards.iter().map(|shard| {
            let mut shard = unpoisoned(shard);
            shard.forget_idle(now);
            shard.table.len()
        });
        left.sum()
    }

    fn shard(&self, hash: u64) -> &Mutex<Shard> {
        // The table takes the lowest and the highest bits.
        &self.shards[(hash >> 32) as usize % SHARDS]
    }
}

impl Shard {
    fn make_room(&mut self, now: UnixTime) -> bool {
        // Where everybody is busy, looking again for each request would make that worse.
        if now.as_secs().abs_diff(self.looked) < LOOK_AGAIN {
            return false;
        }
        self.looked = now.as_secs();
        self.forget_idle(now)
    }

    /// An account to which a request or the ledger holds a reference is not idle. Further ones are
    /// taken under the part's lock only.
    fn forget_idle(&mut self, now: UnixTime) -> bool {
        let before = self.table.len();
        let is_idle =
            |entry: &Arc<Entry>| Arc::strong_count(entry) == 1 && entry.lock().is_idle(now);
        self.table.retain(|row| !is_idle(&row.entry));
        if self.table.len() < self.table.capacity() / 4 {
            self.table.shrink_to_fit(|row| row.hash);
        }
        self.table.len() < before
    }
}
