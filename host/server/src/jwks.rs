//! The keys of JWT issuers that publish them: fetched at the start and again and again, off
//! the way of every request.
//!
//! What was fetched last stays in force until something better comes. A token whose key is
//! not there makes the keys be fetched early, at most once in [`EARLY`], so that nobody can
//! use the gateway to knock at the issuer's door.

mod fetch;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use stockade_authn::{JwtKeys, KeySet};
use stockade_core::CredentialId;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::reload::Current;
pub(crate) use fetch::JwksSource;

/// Between two times that keys are fetched because a token asks for one.
const EARLY: Duration = Duration::from_secs(30);
/// After a failure: this at first, then twice as long each time,
const RETRY: Duration = Duration::from_secs(1);
/// and not longer than this.
const SLOWEST_RETRY: Duration = Duration::from_mins(1);

/// Keeps the keys of one issuer fresh. Generations whose configuration says the same of it
/// share it.
pub struct JwksFeed {
    id: CredentialId,
    source: JwksSource,
    refresh: Duration,
    keys: Arc<JwtKeys>,
    wanted: Arc<Notify>,
}

impl JwksFeed {
    pub(crate) fn new(id: CredentialId, source: JwksSource, refresh: Duration) -> Self {
        let wanted = Arc::new(Notify::new());
        let signal = Arc::clone(&wanted);
        let keys = Arc::new(JwtKeys::fetched(move || signal.notify_one()));
        Self { id, source, refresh, keys, wanted }
    }

    pub(crate) const fn keys(&self) -> &Arc<JwtKeys> {
        &self.keys
    }

    async fn run(self: Arc<Self>) {
        let mut failures = 0;
        let mut early = Instant::now();
        loop {
            match fetch::fetch(&self.source).await {
                Ok(keys) => {
                    failures = 0;
                    self.take(keys);
                    // Whoever asked meanwhile has got what there is.
                    self.wanted.notified().now_or_never();
                }
                Err(error) => {
                    failures += 1;
                    self.failed(&error);
                }
            }
            tokio::select! {
                () = sleep(self.pause(failures)) => {}
                () = self.wanted_after(early) => early = Instant::now() + EARLY,
            }
        }
    }

    fn pause(&self, failures: u32) -> Duration {
        match failures.checked_sub(1) {
            None => self.refresh,
            Some(earlier) => {
                let longer = RETRY.saturating_mul(2_u32.saturating_pow(earlier));
                longer.min(SLOWEST_RETRY).min(self.refresh)
            }
        }
    }

    /// What is asked for earlier than that is kept in mind.
    async fn wanted_after(&self, earliest: Instant) {
        sleep_until(earliest).await;
        self.wanted.notified().await;
    }

    fn take(&self, keys: KeySet) {
        let kids: Vec<_> = keys.kids().collect();
        let (count, issuer) = (keys.len(), self.id.as_str());
        let before = self.keys.current();
        if before.is_none_or(|before| !before.kids().eq(kids.iter().copied())) {
            tracing::info!(issuer, keys = count, ?kids, "the keys of a JWT issuer are in force");
        } else {
            tracing::debug!(issuer, keys = count, "the keys of a JWT issuer were fetched again");
        }
        self.keys.replace(keys);
    }

    fn failed(&self, error: &fetch::FetchError) {
        let issuer = self.id.as_str();
        let source = std::error::Error::source(error);
        if self.keys.current().is_some() {
            tracing::warn!(
                issuer,
                source,
                "the keys of a JWT issuer cannot be fetched; the last good ones stay: {error}"
            );
        } else {
            tracing::warn!(
                issuer,
                source,
                "the keys of a JWT issuer cannot be fetched; its tokens are refused: {error}"
            );
        }
    }

    /// Whether both fetch the same.
    fn is_alike(&self, other: &Self) -> bool {
        self.id == other.id && self.source == other.source
    }
}

impl fmt::Debug for JwksFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwksFeed")
            .field("id", &self.id)
            .field("refresh", &self.refresh)
            .finish_non_exhaustive()
    }
}

/// Let a candidate go on with the keys that are there already: a reload must not lose them.
pub(crate) fn inherit(candidate: &mut Config, current: &Config) {
    let old: Vec<_> = current.issuers.iter().filter_map(|issuer| issuer.feed.as_ref()).collect();
    for issuer in &mut candidate.issuers {
        let Some(feed) = &mut issuer.feed else {
            continue;
        };
        let Some(old) = old.iter().find(|old| old.is_alike(feed)) else {
            continue;
        };
        if old.refresh == feed.refresh {
            *feed = Arc::clone(old);
            issuer.rules.keys = Arc::clone(&feed.keys);
        } else {
            feed.keys.adopt(&old.keys);
        }
    }
}

/// Keep the keys of the current generation's issuers fresh, whatever generation that is.
pub(crate) async fn keep_fresh(current: Arc<Current>, stop: CancellationToken) {
    let mut status = current.status();
    let mut tasks = JoinSet::new();
    let mut running: Vec<(Arc<JwksFeed>, AbortHandle)> = Vec::new();
    loop {
        let generation = current.load();
        let feeds: Vec<_> =
            generation.config.issuers.iter().filter_map(|i| i.feed.clone()).collect();
        drop(generation);
        running.retain(|(feed, task)| {
            let stays = feeds.iter().any(|wanted| Arc::ptr_eq(wanted, feed));
            if !stays {
                task.abort();
            }
            stays
        });
        for feed in feeds {
            if !running.iter().any(|(known, _)| Arc::ptr_eq(known, &feed)) {
                let task = tasks.spawn(Arc::clone(&feed).run());
                running.push((feed, task));
            }
        }
        // Those that were ended are not kept.
        while tasks.try_join_next().is_some() {}
        tokio::select! {
            () = stop.cancelled() => return,
            changed = status.changed() => if changed.is_err() { return },
        }
    }
}
