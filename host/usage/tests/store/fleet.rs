//! Replicas in one process: each has accounts, quotas and a store of its own.

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use stockade_core::{Clock, QuotaName, SystemClock, UnixTime, UserId};
use stockade_usage::store::{SharedStore, StoreConnection, StoreSettings, StoreStatus};
use stockade_usage::{
    Accounts, Admission, Applicable, Budget, Estimate, Limits, NotAdmitted, OnExceeded,
    OnStoreLoss, Per, Period, Quota, Quotas, ReplicaId, Resource, Subject, Used, Wanted,
};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::server::{Asked as _, Server};

/// One replica.
pub(crate) struct Replica {
    pub(crate) quotas: Arc<Quotas>,
    pub(crate) store: SharedStore,
    pub(crate) id: ReplicaId,
    task: JoinHandle<()>,
}

/// Settings under which a store that is empty may be used at once: no replica was there before.
pub(crate) fn at_once(settings: StoreSettings) -> StoreSettings {
    // A test machine may be busy, and what is late counts as lost.
    StoreSettings { settle: Duration::ZERO, timeout: Duration::from_secs(20), ..settings }
}

pub(crate) fn now() -> UnixTime {
    SystemClock.now()
}

/// A quota of tokens in a month, so that no window ends while a test runs.
pub(crate) fn tokens(limit: u64, on_store_loss: Option<OnStoreLoss>) -> Quota {
    let limit = NonZeroU64::new(limit).unwrap();
    let budget = Budget { resource: Resource::Tokens, period: Period::Month, limit };
    quota(Limits::new(None, vec![budget], None).unwrap(), on_store_loss)
}

pub(crate) fn requests(limit: u64) -> Budget {
    let limit = NonZeroU64::new(limit).unwrap();
    Budget { resource: Resource::Requests, period: Period::Month, limit }
}

pub(crate) fn concurrent(limit: u32, on_store_loss: Option<OnStoreLoss>) -> Quota {
    quota(Limits::new(None, Vec::new(), NonZeroU32::new(limit)).unwrap(), on_store_loss)
}

pub(crate) fn quota(limits: Limits, on_store_loss: Option<OnStoreLoss>) -> Quota {
    Quota {
        name: QuotaName::new("everybody").unwrap(),
        per: Per::User,
        limits,
        on_exceeded: OnExceeded::Refuse,
        on_store_loss,
    }
}

pub(crate) fn quotas(list: Vec<Quota>) -> Arc<Quotas> {
    let accounts = Arc::new(Accounts::new(NonZeroUsize::new(1_000).unwrap()));
    Arc::new(Quotas::new(accounts, list, TimeZone::UTC, 100).unwrap())
}

impl Replica {
    /// Starts a replica, and waits until it has reached its store.
    pub(crate) async fn start(settings: StoreSettings, quota: Quota) -> Self {
        let replica = Self::over(settings, quotas(vec![quota]));
        replica.connected().await;
        replica
    }

    pub(crate) async fn connected(&self) {
        self.until(|status| status.connection == StoreConnection::Connected).await;
    }

    /// Follows an edited configuration.
    pub(crate) fn edited(self: Arc<Self>, list: Vec<Quota>) -> Self {
        let replica = Arc::into_inner(self).unwrap();
        let accounts = Arc::clone(replica.quotas.accounts());
        let quotas = Arc::new(Quotas::new(accounts, list, TimeZone::UTC, 100).unwrap());
        replica.store.replace_quotas(Arc::clone(&quotas));
        Self { quotas, ..replica }
    }

    /// Starts a replica without waiting for anything.
    pub(crate) fn unconnected(settings: StoreSettings, quota: Quota) -> Self {
        Self::over(settings, quotas(vec![quota]))
    }

    /// Starts a replica over quotas that may have been used before.
    pub(crate) fn over(settings: StoreSettings, quotas: Arc<Quotas>) -> Self {
        Self::at(settings, quotas, Arc::new(SystemClock))
    }

    /// Starts a replica with a clock of its own.
    pub(crate) fn at(settings: StoreSettings, quotas: Arc<Quotas>, clock: Arc<dyn Clock>) -> Self {
        let id = settings.replica;
        let connected = SharedStore::connect(settings, Arc::clone(&quotas), clock);
        let (store, task) = connected.unwrap();
        Self { quotas, store, id, task: tokio::spawn(task) }
    }

    pub(crate) async fn fleet<const N: usize>(
        settings: &StoreSettings,
        quota: &Quota,
    ) -> [Arc<Self>; N] {
        let mut fleet = Vec::new();
        for _ in 0..N {
            let settings = StoreSettings { replica: ReplicaId::random(), ..settings.clone() };
            fleet.push(Arc::new(Self::start(settings, quota.clone()).await));
        }
        for replica in &fleet {
            replica.until(|status| status.replicas as usize == N).await;
        }
        fleet.try_into().unwrap_or_else(|_| panic!("the fleet has another number"))
    }

    /// Waits for a state of the store.
    pub(crate) async fn until(&self, is_so: impl Fn(&StoreStatus) -> bool) -> StoreStatus {
        let mut statuses = self.store.statuses();
        let found = statuses.wait_for(is_so).await.unwrap();
        found.clone()
    }

    pub(crate) async fn ask(&self, estimate: Estimate) -> Result<Admission, NotAdmitted> {
        self.quotas.admit_shared(&[alice()], &estimate, now()).await
    }

    /// Asks until an answer of a length is permitted.
    pub(crate) async fn ask_until_capped(&self, estimate: Estimate, cap: u64) -> Admission {
        loop {
            match self.ask(estimate).await {
                Ok(admission) if admission.output_cap() == Some(cap) => return admission,
                _ => tokio::task::yield_now().await,
            }
        }
    }

    /// Waits until the store knows of another replica's use of a limit.
    pub(crate) async fn until_held(&self, server: &Server, other: &Self, limit: &str) {
        let field = format!("{}.{limit}", other.id);
        while !server.fields(limit).contains(&field) {
            tokio::task::yield_now().await;
        }
    }

    /// Asks until there is room.
    pub(crate) async fn ask_until_admitted(&self, estimate: Estimate) -> Admission {
        loop {
            match self.ask(estimate).await {
                Ok(admission) => return admission,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    }

    /// Ends it as a process does that is told to.
    pub(crate) async fn close(self: Arc<Self>) {
        self.store.close();
        let replica = Arc::into_inner(self).unwrap();
        replica.task.await.unwrap();
    }

    /// Ends it as a kill does: nothing is told any more.
    pub(crate) async fn kill(self: Arc<Self>) {
        let replica = Arc::into_inner(self).unwrap();
        replica.task.abort();
        replica.task.await.unwrap_err();
    }

    /// Returns what this replica has used.
    pub(crate) fn used(&self) -> u64 {
        self.quotas.used(&alice(), Period::Month, now()).of(Resource::Tokens)
    }
}

pub(crate) fn alice() -> Applicable {
    Applicable { quota: 0, subject: Subject::User(UserId::new("alice").unwrap()) }
}

pub(crate) fn chat(input: u64, output: u64) -> Estimate {
    Estimate { input, output: Wanted::AtMost(output), gpu_ms: Some(0), pulled: Wanted::Nothing }
}

pub(crate) fn used(input: u64, output: u64) -> Used {
    Used { input, output, ..Used::default() }
}

/// Lets callers ask at replicas until all is spent, and returns how much that was.
pub(crate) async fn spend<const N: usize>(fleet: &[Arc<Replica>; N], callers: u64) -> u64 {
    let spent = watch::Sender::new(0);
    spend_while(fleet, callers, &spent).await;
    *spent.borrow()
}

/// The same, where somebody watches.
pub(crate) async fn spend_while<const N: usize>(
    fleet: &[Arc<Replica>; N],
    callers: u64,
    spent: &watch::Sender<u64>,
) {
    let mut all = JoinSet::new();
    for (number, replica) in (0..callers).zip(fleet.iter().cycle()) {
        all.spawn(spend_alone(Arc::clone(replica), number, spent.clone()));
    }
    all.join_all().await;
}

/// Asks again and again until there is no room any more, one request at a time. Where the store is
/// away, waits until something has changed.
async fn spend_alone(replica: Arc<Replica>, number: u64, spent: watch::Sender<u64>) {
    let mut statuses = replica.store.statuses();
    let mut refused = 0;
    for turn in 0.. {
        let (input, output) = ((number * 7 + turn) % 40 + 1, (number + turn) % 90 + 1);
        let mut admission = match replica.ask(chat(input, output)).await {
            Ok(admission) => admission,
            // What others hold may come back.
            Err(NotAdmitted::Exceeded(_)) if refused < 20 => {
                refused += 1;
                tokio::task::yield_now().await;
                continue;
            }
            Err(NotAdmitted::Exceeded(_)) => return,
            Err(_) => {
                statuses.changed().await.unwrap();
                continue;
            }
        };
        let output = admission.output_cap().unwrap() * (turn % 4) / 3;
        tokio::task::yield_now().await;
        match turn % 5 {
            0 => {
                drop(admission);
                continue;
            }
            1 => {
                admission.charge_seen(used(input, output));
                drop(admission);
            }
            _ => admission.settle(used(input, output)),
        }
        spent.send_modify(|spent| *spent += input + output);
    }
}
