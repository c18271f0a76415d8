//! The keys of JWT issuers that publish them: fetched at the start and again and again, off
//! the way of every request.
//!
//! What was fetched last stays in force until something better comes. A token whose key is
//! not there makes the keys be fetched early, at most once in `EARLY`, so that nobody can
//! use the gateway to knock at the issuer's door.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use stockade_authn::{InvalidJwtKey, JwtIssuer, JwtKeys, KeySet};
use stockade_core::CredentialId;
use stockade_net::{FetchError, get};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use crate::discovery::{DiscoveryError, discover};
use stockade_config::{Config, FetchedKeys, Issuer};

/// Between two times that keys are fetched because a token asks for one.
const EARLY: Duration = Duration::from_secs(30);
/// After a failure: this at first, then twice as long each time,
const RETRY: Duration = Duration::from_secs(1);
/// and not longer than this.
const SLOWEST_RETRY: Duration = Duration::from_mins(1);

const MEDIA_TYPES: &str = "application/jwk-set+json, application/json";

/// The reason why there are no new keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The issuer's server does not give them.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// It is not known where they are.
    #[error("the issuer's configuration (`.well-known/openid-configuration`): {0}")]
    Discovery(#[from] DiscoveryError),
    /// They are not what keys should be.
    #[error("the keys cannot be used: {0}")]
    Unusable(#[from] InvalidJwtKey),
}

/// Keeps the keys of one issuer fresh. Generations whose configuration says the same of it
/// share it.
pub(crate) struct JwksFeed {
    id: CredentialId,
    source: FetchedKeys,
    keys: Arc<JwtKeys>,
    wanted: Arc<Notify>,
}

impl JwksFeed {
    fn new(id: CredentialId, source: FetchedKeys) -> Self {
        let wanted = Arc::new(Notify::new());
        let signal = Arc::clone(&wanted);
        let keys = Arc::new(JwtKeys::fetched(move || signal.notify_one()));
        Self { id, source, keys, wanted }
    }

    /// Fetches the keys again and again.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut failures = 0;
        let mut early = Instant::now();
        loop {
            match self.fetch().await {
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

    async fn fetch(&self) -> Result<KeySet, KeysError> {
        let endpoint = &self.source.endpoint;
        let keys = match &self.source.discovered_from {
            Some(issuer) => get(&discover(endpoint, issuer).await?, MEDIA_TYPES).await?,
            None => get(endpoint, MEDIA_TYPES).await?,
        };
        Ok(KeySet::from_jwks(&keys)?)
    }

    fn pause(&self, failures: u32) -> Duration {
        match failures.checked_sub(1) {
            None => self.source.refresh,
            Some(earlier) => {
                let longer = RETRY.saturating_mul(2_u32.saturating_pow(earlier));
                longer.min(SLOWEST_RETRY).min(self.source.refresh)
            }
        }
    }

    /// Waits until keys are asked for, and at least until `earliest`. An earlier wish is kept.
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

    fn failed(&self, error: &KeysError) {
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

    /// Tells whether both fetch the same.
    fn is_alike(&self, other: &Self) -> bool {
        let (one, other_source) = (&self.source, &other.source);
        self.id == other.id
            && one.endpoint == other_source.endpoint
            && one.discovered_from == other_source.discovered_from
    }
}

impl fmt::Debug for JwksFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwksFeed")
            .field("id", &self.id)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// The feeds that keep the keys of a generation's issuers fresh.
#[derive(Clone, Debug, Default)]
pub struct KeyFeeds(pub(crate) Vec<Arc<JwksFeed>>);

impl KeyFeeds {
    /// The feeds of a configuration. They go on with the keys that those `before` have
    /// fetched: a reload must not lose them.
    pub fn of(config: &Config, before: &Self) -> Self {
        let fetched = config.issuers.iter().filter_map(|issuer| {
            Some(JwksFeed::new(issuer.rules.id.clone(), issuer.fetched.clone()?))
        });
        Self(fetched.map(|feed| before.continued(feed)).collect())
    }

    /// Fetches the keys of one issuer now, for programs that serve nobody. Nothing is done for an
    /// issuer whose keys are not fetched.
    ///
    /// # Errors
    /// There are no new keys.
    pub async fn fetch(&self, issuer: &CredentialId) -> Result<(), KeysError> {
        if let Some(feed) = self.0.iter().find(|feed| feed.id == *issuer) {
            feed.keys.replace(feed.fetch().await?);
        }
        Ok(())
    }

    fn continued(&self, feed: JwksFeed) -> Arc<JwksFeed> {
        match self.0.iter().find(|old| old.is_alike(&feed)) {
            Some(old) if old.source.refresh == feed.source.refresh => Arc::clone(old),
            Some(old) => {
                feed.keys.adopt(&old.keys);
                Arc::new(feed)
            }
            None => Arc::new(feed),
        }
    }

    /// The issuers of the configuration that the feeds were made for, with their keys.
    pub(crate) fn issuers(&self, config: &Config) -> Vec<JwtIssuer> {
        let issuer = |issuer: &Issuer| {
            let feed = self.0.iter().find(|feed| feed.id == issuer.rules.id);
            let fetched = feed.filter(|_| issuer.fetched.is_some());
            let keys = fetched.map_or(&issuer.rules.keys, |feed| &feed.keys);
            JwtIssuer { keys: Arc::clone(keys), ..issuer.rules.clone() }
        };
        config.issuers.iter().map(issuer).collect()
    }
}
