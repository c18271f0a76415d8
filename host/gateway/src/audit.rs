//! The audit log of the gateway: the places of records in it, the acts of operators, and the
//! checkpoints that leave the machine.

mod acts;
mod anchors;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use stockade_audit::{AuditLog, Kind, OpenError, Slot, Trouble};
use stockade_config::{AuditRules, Config, OnFailure};
use stockade_control::reload::Current;
use stockade_core::Clock;
use tokio_util::sync::CancellationToken;

use anchors::Anchoring;

/// The audit log, if there is one.
pub struct Audit {
    log: Option<AuditLog>,
}

/// The place of a request's record in the audit log.
pub(crate) enum Place {
    /// There is no audit log.
    Nowhere,
    /// Its line will be written.
    Promised(Slot),
    /// No line can be written.
    Missing(Trouble),
}

impl Audit {
    /// Opens the log of a configuration that has one. Blocks while its end is read.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(crate) fn open(config: &Config, clock: &Arc<dyn Clock>) -> Result<Self, OpenError> {
        let Some(AuditRules { log, .. }) = &config.audit else { return Ok(Self { log: None }) };
        let directory = log.directory.display().to_string();
        let log = AuditLog::open(log.clone(), clock.clone())?;
        tracing::info!(directory, key = %log.key(), "the audit log is open");
        Ok(Self { log: Some(log) })
    }

    /// Returns the log, if there is one.
    pub const fn log(&self) -> Option<&AuditLog> {
        self.log.as_ref()
    }

    /// Records that somebody put a configuration beside the one in force, or took it away.
    pub fn shadowed(&self, act: &impl Serialize) {
        if let Some(log) = &self.log {
            acts::append(log, Kind::Shadow, act);
        }
    }

    /// Records that the configuration beside the one in force was written in its place.
    pub fn promoted(&self, act: &impl Serialize) {
        if let Some(log) = &self.log {
            acts::append(log, Kind::Promote, act);
        }
    }

    /// Looks for the place of a line.
    pub(crate) fn place(&self) -> Place {
        match self.log.as_ref().map(AuditLog::reserve) {
            None => Place::Nowhere,
            Some(Ok(slot)) => Place::Promised(slot),
            Some(Err(trouble)) => Place::Missing(trouble),
        }
    }

    /// Writes the record of a request into its place, as JSON.
    pub(crate) fn record(&self, place: Place, record: &str) {
        match (place, &self.log) {
            (Place::Promised(slot), _) => slot.write(Kind::Request, record.as_bytes()),
            (Place::Missing(trouble), Some(log)) => log.missed(trouble),
            (Place::Missing(_), None) | (Place::Nowhere, _) => {}
        }
    }

    /// Records the acts of operators, and keeps to the rules of each generation.
    pub(crate) async fn follow(self: Arc<Self>, current: Arc<Current>, stop: CancellationToken) {
        let Some(log) = &self.log else { return };
        let mut status = current.status();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                changed = status.changed() => if changed.is_err() {
                    return;
                },
            }
            let status = status.borrow_and_update().clone();
            let generation = current.load();
            acts::reloaded(log, &generation, &status);
            if let Some(AuditRules { log: rules, .. }) = &generation.config.audit {
                log.set(rules.clone());
            }
        }
    }

    /// Sends checkpoints to the places that the configuration names.
    pub(crate) async fn anchor(self: Arc<Self>, current: Arc<Current>, stop: CancellationToken) {
        let Some(log) = &self.log else { return };
        let mut anchoring = Anchoring::default();
        let mut second = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = second.tick() => {}
            }
            if let Some(AuditRules { anchors, .. }) = &current.load().config.audit {
                anchoring.send(log, anchors).await;
            }
        }
    }

    /// Records the start.
    pub(crate) fn started(&self, current: &Current) {
        if let Some(log) = &self.log {
            acts::started(log, &current.load());
        }
    }

    /// Records the end, writes what is left and sends the last checkpoint. Blocks until that is done.
    pub(crate) async fn close(self: Arc<Self>, current: &Current) {
        let closing = self.clone();
        let closed = tokio::task::spawn_blocking(move || {
            if let Some(log) = &closing.log {
                log.append(Kind::Stop, b"{}");
                log.close();
            }
        });
        // A thread that panicked has said so.
        let _ = closed.await;
        let generation = current.load();
        if let (Some(log), Some(rules)) = (&self.log, &generation.config.audit) {
            Anchoring::default().send(log, &rules.anchors).await;
        }
    }
}

/// Tells whether a request of which no line can be written is refused.
pub(crate) fn refuses(config: &Config) -> bool {
    config.audit.as_ref().is_some_and(|audit| audit.on_failure == OnFailure::Refuse)
}
