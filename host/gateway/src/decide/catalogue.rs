//! The models of the upstream, as Ollama itself lists them.
//!
//! One task fetches the list: from time to time, after requests that change models, and when a
//! request names a model that is not in it. Requests never fetch; they wait for that task, and not
//! for long, so a slow Ollama holds up nobody: they are decided by what is known. The last good
//! list is kept where there is no new one, and how old it is can be asked.
//!
//! Whether the base of a new model is installed is a stricter question. It is answered by a list
//! that was asked for after it: models are removed beside the gateway, too, and a list of a moment
//! ago would let Ollama pull what nobody allowed.

mod fetch;

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use http::uri::Authority;
use stockade_config as config;
use stockade_control::reload::{Current, Status};
use stockade_core::{Catalogue, ModelName, ModelRole, Operation, Presence, Subject};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::forward::upstream::Upstream;
use fetch::{CatalogueError, PATIENCE, fetch};

/// The longest time that a request waits for a list before it is decided by what is known.
const WAIT: Duration = Duration::from_secs(1);
/// A list that was asked for so short a time ago is not asked for again for an unknown name.
const RECENT: Duration = Duration::from_secs(1);

/// The models of the upstream of the current generation.
#[derive(Debug, Default)]
pub struct UpstreamCatalogue {
    /// The last good list.
    list: ArcSwapOption<List>,
    tries: watch::Sender<Tries>,
}

/// A list that Ollama gave.
#[derive(Debug)]
struct List {
    catalogue: Catalogue,
    authority: Authority,
    /// The time at which it was asked for.
    asked: Instant,
}

/// The state of the task that fetches.
#[derive(Clone, Copy, Debug, Default)]
struct Tries {
    /// The beginning of the try that is under way.
    under_way: Option<Instant>,
    /// The beginning of the last one that is over, good or not.
    last: Option<Instant>,
    /// The time since which a list must have been asked for to be what somebody waits for.
    wanted: Option<Instant>,
    /// The time of the last change of models that went through the gateway.
    changed: Option<Instant>,
    /// True if the last try was not good.
    failing: bool,
}

/// The state of the list, for operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CatalogueStatus {
    /// The number of models in it; `None` where there never was one.
    pub models: Option<usize>,
    /// The time since it was asked for.
    pub age: Option<Duration>,
    /// True if it could not be fetched when it was tried last.
    pub failing: bool,
}

impl Tries {
    /// Tells whether somebody wants a list that was asked for later.
    fn is_due(&self) -> bool {
        self.wanted > self.last
    }
}

/// The models by which one request is judged.
#[derive(Clone, Debug, Default)]
pub struct Snapshot(Option<Arc<List>>);

impl Deref for Snapshot {
    type Target = Catalogue;

    fn deref(&self) -> &Catalogue {
        self.0.as_ref().map_or(Catalogue::UNKNOWN, |list| &list.catalogue)
    }
}

/// Waits for lists.
pub(crate) struct Lists(watch::Receiver<Tries>);

impl Lists {
    /// Waits for the end of a try, good or not.
    pub(crate) async fn next(&mut self) {
        let last = self.0.borrow_and_update().last;
        if self.0.wait_for(|tries| tries.last != last).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// The state of a model by a list that was asked for after the question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// It is installed, in this spelling.
    Installed(ModelName),
    /// It is not.
    Missing,
    /// Nobody knows: Ollama does not tell.
    Unknown,
}

/// A list that a request waits for.
struct Question {
    /// The time since which it must have been asked for.
    since: Instant,
    /// The time until which the request waits.
    until: Instant,
}

impl UpstreamCatalogue {
    /// Returns what is known of the models of an upstream. What another one told counts for
    /// nothing.
    pub fn known(&self, upstream: &config::Upstream) -> Snapshot {
        let list = self.list.load_full();
        Snapshot(list.filter(|list| list.authority == upstream.authority))
    }

    /// Tells how good the list is.
    pub fn status(&self) -> CatalogueStatus {
        let list = self.list.load();
        CatalogueStatus {
            models: list.as_ref().and_then(|list| list.catalogue.count()),
            age: list.as_ref().map(|list| list.asked.elapsed()),
            failing: self.tries.borrow().failing,
        }
    }

    /// Returns what waits for each list that is fetched from now on.
    pub(crate) fn lists(&self) -> Lists {
        Lists(self.tries.subscribe())
    }

    /// Waits until Ollama has been asked again, whether it answers or not.
    pub async fn asked_again(&self) {
        self.answered(Instant::now()).await;
    }

    /// Returns the models by which a request is judged. Where it names one that is not known, or
    /// models were changed since the list was made, a new list is waited for.
    pub(crate) async fn for_request(
        &self,
        upstream: &config::Upstream,
        request: &impl Subject,
    ) -> Snapshot {
        let known = self.known(upstream);
        match self.question(&known, request) {
            None => known,
            Some(Question { since, until }) => {
                // Rare, and its future would make that of every request larger.
                Box::pin(timeout_at(until, self.answered(since))).await.ok();
                self.known(upstream)
            }
        }
    }

    /// Looks for a model in a list that is asked for after this was called.
    pub(crate) async fn find(&self, upstream: &config::Upstream, name: &ModelName) -> Found {
        let question = Instant::now();
        // A try that began before may have to end first.
        timeout(2 * PATIENCE, self.answered(question)).await.ok();
        let Snapshot(list) = self.known(upstream);
        match list
            .filter(|list| list.asked >= question)
            .as_ref()
            .map(|list| list.catalogue.find(name))
        {
            Some(Presence::Installed(installed, _)) => Found::Installed(installed.clone()),
            Some(Presence::Missing) => Found::Missing,
            Some(Presence::Unknown) | None => Found::Unknown,
        }
    }

    /// Notes that a request may have changed models: the next one that names any is not judged by
    /// a list from before.
    pub(crate) fn changed(&self) {
        let now = Some(Instant::now());
        self.tries.send_modify(|tries| *tries = Tries { changed: now, wanted: now, ..*tries });
    }

    /// Returns the list that a request needs, where what is known is not enough and somebody may
    /// be waited for.
    fn question(&self, known: &Snapshot, request: &impl Subject) -> Option<Question> {
        let Snapshot(list) = known;
        let (operation, models) = (request.operation(), request.models());
        if models.is_empty() && !(list.is_none() && lists(operation)) {
            return None;
        }
        let now = Instant::now();
        let tries = *self.tries.borrow();
        let outdated =
            tries.changed.filter(|changed| list.as_ref().is_none_or(|list| list.asked < *changed));
        let unknown = || {
            let recent = now.checked_sub(RECENT).unwrap_or(now);
            let looked_up = models.iter().filter(|model| is_looked_up(operation, model.role));
            let is_known = |name| matches!(known.find(name), Presence::Installed(..));
            let all_known =
                list.is_some() && looked_up.into_iter().all(|model| is_known(&model.name));
            (!all_known).then_some(recent)
        };
        let since = outdated.or_else(unknown)?;
        if tries.last.is_some_and(|last| last >= since) {
            return None;
        }
        // What has kept others waiting for so long keeps nobody else waiting.
        let until = tries.under_way.unwrap_or(now) + WAIT;
        Some(Question { since, until })
    }

    /// Waits for a try that begins at this time or later.
    async fn answered(&self, since: Instant) {
        let mut tries = self.tries.subscribe();
        self.tries.send_modify(|tries| tries.wanted = tries.wanted.max(Some(since)));
        let answered = |tries: &Tries| tries.last.is_some_and(|last| last >= since);
        // The sender lives in `self`, so waiting cannot fail.
        tries.wait_for(answered).await.ok();
    }

    /// Fetches the list of the current generation's upstream again and again.
    pub(crate) async fn keep_fresh(
        self: Arc<Self>,
        (current, connections): (Arc<Current>, Arc<Upstream>),
        stop: CancellationToken,
    ) {
        let (mut status, mut tries) = (current.status(), self.tries.subscribe());
        loop {
            let upstream = current.load().config.upstream.clone();
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.refresh(&connections, &upstream) => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tries.wait_for(Tries::is_due) => {}
                () = sleep(upstream.catalogue_refresh) => {}
                () = differs(&mut status, &current, &upstream) => {}
            }
        }
    }

    async fn refresh(&self, connections: &Upstream, upstream: &config::Upstream) {
        let asked = Instant::now();
        self.tries.send_modify(|tries| tries.under_way = Some(asked));
        let fetched = match timeout(PATIENCE, fetch(connections, upstream)).await {
            Ok(fetched) => fetched,
            Err(_) => Err(CatalogueError::Slow),
        };
        let failing = fetched.is_err();
        match fetched {
            Ok(catalogue) => self.take(catalogue, upstream, asked),
            Err(error) => self.failed(&error),
        }
        self.tries.send_modify(|tries| {
            *tries = Tries { under_way: None, last: Some(asked), failing, ..*tries };
        });
    }

    fn take(&self, catalogue: Catalogue, upstream: &config::Upstream, asked: Instant) {
        let models = catalogue.count();
        if self.tries.borrow().failing {
            tracing::info!(models, "the list of installed models can be fetched again");
        } else {
            tracing::debug!(models, "the list of installed models was fetched");
        }
        let authority = upstream.authority.clone();
        self.list.store(Some(Arc::new(List { catalogue, authority, asked })));
    }

    /// Tells it once, and not for each try.
    fn failed(&self, error: &CatalogueError) {
        if self.tries.borrow().failing {
            tracing::debug!("the list of installed models still cannot be fetched: {error}");
            return;
        }
        let age = self.status().age;
        tracing::warn!(
            last_good_seconds_ago = age.map(|age| age.as_secs()),
            "the list of installed models cannot be fetched: {error}; until it can be, requests \
             are judged by the last one, if there is one"
        );
    }
}

/// Waits until the configuration says something else of the upstream.
async fn differs(
    status: &mut watch::Receiver<Status>,
    current: &Current,
    upstream: &config::Upstream,
) {
    while current.load().config.upstream == *upstream {
        if status.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Tells whether the answer to an operation is a list of models.
const fn lists(operation: Operation) -> bool {
    matches!(operation, Operation::List | Operation::Running | Operation::Recommend)
}

/// Tells whether a model must be installed for the operation to succeed. The others are looked up
/// too, but a name that is not known is nothing unusual there.
fn is_looked_up(operation: Operation, role: ModelRole) -> bool {
    match role {
        ModelRole::Use | ModelRole::Source => true,
        ModelRole::Target => matches!(operation, Operation::Push | Operation::Delete),
        ModelRole::Base | ModelRole::Destination => false,
    }
}

#[cfg(test)]
mod tests;
