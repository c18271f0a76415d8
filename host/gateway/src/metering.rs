//! The account of what is used, and the turns at Ollama, with the timers that both need.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use stockade_config::OnDamage;
use stockade_control::generation::Generation;
use stockade_control::reload::Current;
use stockade_core::{Clock, UnixTime};
use stockade_usage::ledger::{
    Counts, Ledger, LedgerHealth, LedgerSettings, NotSaved, OpenError, Opened, UsageKey,
};
use stockade_usage::turn::{NoTurn, QueueSettings, QueueSnapshot, TokioClock, TurnRequest, Turns};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::decide::catalogue::UpstreamCatalogue;

/// The name of the ledger's file.
pub const LEDGER: &str = "usage.sqlite";
/// The time between two batches that are written.
const BATCH: Duration = Duration::from_secs(1);
/// The time between two looks for what can be forgotten.
const FORGET: Duration = Duration::from_mins(1);

/// A turn at Ollama.
pub(crate) type Turn = stockade_usage::turn::Turn<TokioClock>;

/// The ledger, if there is a place for it, and the turns at Ollama.
pub struct Metering {
    ledger: Option<Ledger>,
    turns: Turns<TokioClock>,
}

impl Metering {
    /// Opens the ledger of a configuration that says where to keep it, and counts in the accounts
    /// of its quotas what was used before. Blocks while the file is read.
    ///
    /// # Errors
    /// Where the file cannot be used: nobody gets a new share by that.
    pub(crate) fn open(generation: &Generation, now: UnixTime) -> Result<Self, OpenError> {
        let quotas = generation.quotas();
        let config = &generation.config;
        // Nobody waits before a request says by which bounds.
        let bounds = config.upstream.queue.unwrap_or(QueueSettings::of(NonZeroUsize::MIN));
        let turns = Turns::new(bounds, TokioClock);
        let Some(directory) = &config.state_directory else {
            return Ok(Self { ledger: None, turns });
        };
        let settings = LedgerSettings {
            path: directory.join(LEDGER),
            interval: BATCH,
            on_damage: match config.usage.on_damage {
                OnDamage::Refuse => stockade_usage::ledger::OnDamage::Refuse,
                OnDamage::StartAtZero => stockade_usage::ledger::OnDamage::StartAtZero,
            },
        };
        let Opened { ledger, accounts, set_aside } =
            Ledger::open(&settings, Arc::clone(quotas.accounts()), now)?;
        if let Some(path) = set_aside {
            tracing::error!(
                set_aside = %path.display(),
                "the ledger was damaged and is set aside; counting begins at zero"
            );
        }
        quotas.restore(&accounts, now);
        Ok(Self { ledger: Some(ledger), turns })
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

    /// Describes those who wait and those who have a turn.
    pub fn queue(&self) -> QueueSnapshot {
        self.turns.snapshot()
    }

    /// Tells whether the ledger can be written; `None` where there is none.
    pub fn health(&self) -> Option<LedgerHealth> {
        self.ledger.as_ref().map(Ledger::health)
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
