//! The account of what is used, and the turns at Ollama, with the timers that both need.

mod speeds;

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use stockade_config::Config;
use stockade_control::generation::Generation;
use stockade_control::reload::Current;
use stockade_core::{Clock, UnixTime};
use stockade_usage::Quotas;
use stockade_usage::ledger::{
    Counts, Ledger, LedgerHealth, LedgerSettings, NotSaved, OpenError, Opened, UsageKey,
};
use stockade_usage::store::{SharedStore, StoreConnection, StoreSettings, StoreStatus};
use stockade_usage::turn::{NoTurn, QueueSettings, QueueSnapshot, TokioClock, TurnRequest, Turns};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::decide::catalogue::UpstreamCatalogue;
pub(crate) use speeds::{Speed, Speeds};

/// The name of the ledger's file.
pub const LEDGER: &str = "usage.sqlite";
/// The time between two batches that are written.
const BATCH: Duration = Duration::from_secs(1);
/// The time between two looks for what can be forgotten.
const FORGET: Duration = Duration::from_mins(1);

/// The longest time that the store of replicas is waited for at the end.
const LEAVE: Duration = Duration::from_secs(2);

/// A turn at Ollama.
pub(crate) type Turn = stockade_usage::turn::Turn<TokioClock>;

/// The ledger, if there is a place for it, and the turns at Ollama.
pub struct Metering {
    ledger: Option<Ledger>,
    turns: Turns<TokioClock>,
    speeds: Speeds,
    /// The store of replicas, if the gateway is one of several.
    store: Option<Shared>,
}

/// The store of replicas, and the task that speaks to it.
struct Shared {
    store: SharedStore,
    work: Mutex<Option<JoinHandle<()>>>,
}

impl Metering {
    /// Opens the ledger of a configuration that says where to keep it, and counts in the accounts
    /// of its quotas what was used before; then connects to the store of replicas, if there is one.
    /// Blocks while the file is read; needs a runtime.
    ///
    /// # Errors
    /// Where the file cannot be used: nobody gets a new share by that.
    pub(crate) fn open(generation: &Generation, clock: &Arc<dyn Clock>) -> Result<Self, OpenError> {
        let (config, quotas, now) = (&generation.config, generation.quotas(), clock.now());
        // Nobody waits before a request says by which bounds.
        let bounds = config.upstream.queue.unwrap_or(QueueSettings::of(NonZeroUsize::MIN));
        let turns = Turns::new(bounds, TokioClock);
        let (ledger, replicas) = match &config.state_directory {
            Some(directory) => {
                let opened = opened(&directory.join(LEDGER), config, (quotas, now))?;
                (Some(opened.ledger), Some((opened.replica, opened.replicas_before)))
            }
            None => (None, None),
        };
        let store = config.store.as_ref().and_then(|store| {
            let mut settings = store.settings.clone();
            if let Some((replica, before)) = replicas {
                settings.replica = replica;
                settings.replicas_before = before;
            }
            share(settings, quotas, clock)
        });
        Ok(Self { ledger, turns, speeds: Speeds::default(), store })
    }

    /// Counts.
    pub(crate) fn count(&self, key: UsageKey, counts: Counts) {
        if let Some(ledger) = &self.ledger {
            ledger.record(key, counts);
        }
    }

    /// Waits for a turn, within the bounds of a configuration.
    ///
    /// # Errors
    /// Where no more may wait, or after the time that one may.
    pub(crate) async fn turn(
        &self,
        bounds: QueueSettings,
        request: TurnRequest,
    ) -> Result<Turn, NoTurn> {
        self.turns.set_settings(bounds);
        self.turns.turn(request).await
    }

    /// Returns the speeds at which models have answered.
    pub(crate) const fn speeds(&self) -> &Speeds {
        &self.speeds
    }

    /// Describes those who wait and those who have a turn.
    pub fn queue(&self) -> QueueSnapshot {
        self.turns.snapshot()
    }

    /// Tells whether the ledger can be written; `None` where there is none.
    pub fn health(&self) -> Option<LedgerHealth> {
        self.ledger.as_ref().map(Ledger::health)
    }

    /// Tells how the store of replicas is; `None` where there is none.
    pub fn store_status(&self) -> Option<StoreStatus> {
        self.store.as_ref().map(|shared| shared.store.status())
    }

    /// Tells the store of replicas what was used, and returns to it what was granted besides.
    pub(crate) async fn leave_store(&self) {
        let Some(Shared { store, work }) = &self.store else { return };
        store.close();
        let work = work.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(work) = work
            && timeout(LEAVE, work).await.is_err()
        {
            tracing::warn!("the store of replicas is not reached; it learns later what was used");
        }
    }

    /// Logs it when the store of replicas is lost, and when it is there again.
    pub(crate) async fn tell_store(self: Arc<Self>, stop: CancellationToken) {
        let Some(Shared { store, .. }) = &self.store else { return };
        let mut statuses = store.statuses();
        let mut was_connected = None;
        loop {
            let connection = statuses.borrow_and_update().connection.clone();
            let connected = match &connection {
                StoreConnection::Connected => Some(true),
                StoreConnection::Disconnected(Some(_)) => Some(false),
                StoreConnection::Disconnected(None) => was_connected,
            };
            if connected != was_connected {
                tell(&connection);
                was_connected = connected;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                changed = statuses.changed() => if changed.is_err() {
                    return;
                },
            }
        }
    }

    /// Writes what was counted, and waits for it. Blocks.
    ///
    /// # Errors
    /// Where it could not be written.
    pub fn flush(&self) -> Result<(), NotSaved> {
        self.ledger.as_ref().map_or(Ok(()), Ledger::flush)
    }

    /// Forgets what nobody needs any more, and tells whether the ledger can be written.
    pub(crate) async fn keep(
        self: Arc<Self>,
        (current, clock): (Arc<Current>, Arc<dyn Clock>),
        stop: CancellationToken,
    ) {
        let mut forget = interval(FORGET);
        let mut look = interval(BATCH);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failing = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = forget.tick() => self.forget(&current.load(), clock.now()),
                _ = look.tick() => failing = self.tell_health(failing),
            }
        }
    }

    /// Follows the quotas of each new generation.
    pub(crate) async fn follow_quotas(
        self: Arc<Self>,
        current: Arc<Current>,
        stop: CancellationToken,
    ) {
        let mut status = current.status();
        loop {
            if let Some(Shared { store, .. }) = &self.store {
                store.replace_quotas(Arc::clone(current.load().quotas()));
            }
            tokio::select! {
                () = stop.cancelled() => return,
                changed = status.changed() => if changed.is_err() {
                    return;
                },
            }
        }
    }

    fn forget(&self, generation: &Generation, now: UnixTime) {
        generation.quotas().accounts().forget_idle(now);
        let retention = generation.config.usage.retention;
        if let Some(ledger) = &self.ledger {
            let before = now.as_duration().saturating_sub(retention);
            ledger.forget_before(UnixTime::from_duration(before));
        }
    }

    /// Logs it once when the ledger cannot be written, and when it can be again.
    fn tell_health(&self, was_failing: bool) -> bool {
        let Some(LedgerHealth { failing, unsaved }) = self.health() else { return false };
        match (&failing, was_failing) {
            (Some(error), false) => {
                tracing::error!(unsaved, "{error}; what is used is kept in memory until it can be");
            }
            (None, true) => tracing::info!("the ledger can be written again"),
            _ => {}
        }
        failing.is_some()
    }

    /// Tells the queue which models Ollama has in memory, whenever that is known anew.
    pub(crate) async fn follow(
        self: Arc<Self>,
        (current, catalogue): (Arc<Current>, Arc<UpstreamCatalogue>),
        stop: CancellationToken,
    ) {
        let mut lists = catalogue.lists();
        loop {
            let upstream = current.load().config.upstream.clone();
            let known = catalogue.known(&upstream);
            if upstream.queue.is_some() && known.count().is_some() {
                self.turns.set_loaded(known.loaded().cloned().collect());
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = lists.next() => {}
            }
        }
    }
}

fn tell(connection: &StoreConnection) {
    match connection {
        StoreConnection::Connected => {
            tracing::info!("quotas are shared over the store of replicas");
        }
        StoreConnection::Disconnected(Some(error)) => {
            tracing::error!(
                "the store of replicas is away ({error}): each quota's `on_store_loss` holds"
            );
        }
        StoreConnection::Disconnected(None) => {}
    }
}

/// Opens a ledger, and counts what was used before.
fn opened(
    path: &Path,
    config: &Config,
    (quotas, now): (&Arc<Quotas>, UnixTime),
) -> Result<Opened, OpenError> {
    let settings = LedgerSettings {
        path: path.to_owned(),
        interval: BATCH,
        on_damage: config.usage.on_damage,
    };
    let opened = Ledger::open(&settings, Arc::clone(quotas.accounts()), now)?;
    if let Some(path) = &opened.set_aside {
        tracing::error!(
            set_aside = %path.display(),
            "the ledger was damaged and is set aside; counting begins at zero"
        );
    }
    quotas.restore(&opened.accounts, now);
    Ok(opened)
}

/// Shares quotas over a store, in a task of its own.
fn share(settings: StoreSettings, quotas: &Arc<Quotas>, clock: &Arc<dyn Clock>) -> Option<Shared> {
    match SharedStore::connect(settings, Arc::clone(quotas), Arc::clone(clock)) {
        Ok((store, work)) => {
            let work = Mutex::new(Some(tokio::spawn(work)));
            Some(Shared { store, work })
        }
        Err(error) => {
            tracing::error!("quotas are not shared: {error}");
            None
        }
    }
}
