//! The models that are installed at Ollama, by its own list.
//!
//! Whoever decides about a request gets a list that was asked for after the question: models
//! are removed beside the gateway, too, and a list of a moment ago would let Ollama pull what
//! nobody allowed. Questions that come together share one list, so a caller cannot make the
//! gateway ask more often than Ollama answers. The last good list is kept, and its age told,
//! where there is no new one; it decides about nothing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use http::header::HeaderValue;
use http::uri::Authority;
use http::{Method, StatusCode};
use stockade_core::ModelName;
use stockade_ollama::response::{
    BodyChange, InstalledModel, RequestContent, UnreadableList, installed_models, response_headers,
    upstream_request_headers,
};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::body::memory::Share;
use crate::body::{BodyLimits, CutBody, RequestBody, collect};
use crate::forward::upstream::{Outgoing, Upstream, UpstreamError};
use stockade_config as config;

/// For all of it, from the connection to the last byte.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest list that is read, in bytes; each entry has about 500.
const LONGEST: u64 = 32 << 20;

/// The reason why there is no list.
#[derive(Debug, thiserror::Error)]
enum CatalogueError {
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    #[error("the answer is {0}")]
    Status(StatusCode),
    #[error("{0}")]
    Body(#[from] CutBody),
    #[error(transparent)]
    List(#[from] UnreadableList),
    #[error("it takes longer than {} seconds", PATIENCE.as_secs())]
    Slow,
}

/// The state of a model at Ollama.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// It is installed.
    Installed(InstalledModel),
    /// It is not.
    Missing,
    /// Nobody knows: Ollama does not tell.
    Unknown,
}

/// The models that are installed at the upstream of the current generation.
#[derive(Default)]
pub(crate) struct Catalogue {
    /// The last good list.
    list: ArcSwapOption<List>,
    /// The last try, good or not. Whoever fetches holds it.
    last_try: Mutex<Option<Try>>,
}

struct List {
    models: HashMap<ModelName, InstalledModel>,
    asked: Try,
}

/// The upstream that was asked, and the time.
#[derive(Clone)]
struct Try {
    authority: Authority,
    at: Instant,
}

impl Try {
    fn now(upstream: &config::Upstream) -> Self {
        Self { authority: upstream.authority.clone(), at: Instant::now() }
    }

    /// Tells whether it answers what is asked here, too.
    fn answers(&self, question: &Self) -> bool {
        self.authority == question.authority && self.at >= question.at
    }
}

impl Catalogue {
    /// Looks for a model in a list that is asked for after this was called.
    pub(crate) async fn find(
        &self,
        way: (&Upstream, &Arc<Share>),
        upstream: &config::Upstream,
        name: &ModelName,
    ) -> Presence {
        let question = Try::now(upstream);
        self.refresh(way, upstream, &question).await;
        let list = self.list.load();
        match list.as_ref().filter(|list| list.asked.answers(&question)) {
            Some(list) => {
                list.models.get(name).cloned().map_or(Presence::Missing, Presence::Installed)
            }
            None => Presence::Unknown,
        }
    }

    /// Fetches the list, unless somebody has tried since the question.
    async fn refresh(
        &self,
        (connections, share): (&Upstream, &Arc<Share>),
        upstream: &config::Upstream,
        question: &Try,
    ) {
        let mut last = self.last_try.lock().await;
        if last.as_ref().is_some_and(|last| last.answers(question)) {
            return;
        }
        let asked = Try::now(upstream);
        match timeout(PATIENCE, fetch(connections, upstream, share)).await {
            Ok(Ok(models)) => self.take(models, asked.clone()),
            Ok(Err(error)) => self.failed(&error),
            Err(_) => self.failed(&CatalogueError::Slow),
        }
        *last = Some(asked);
    }

    fn take(&self, models: Vec<InstalledModel>, asked: Try) {
        let (exact, others): (Vec<_>, Vec<_>) =
            models.into_iter().partition(|model| model.name.spelled() == model.name.short());
        // Of several spellings the plain one: most callers write that.
        let models: HashMap<_, _> =
            others.into_iter().chain(exact).map(|model| (model.name.clone(), model)).collect();
        tracing::debug!(models = models.len(), "the list of installed models was fetched");
        self.list.store(Some(Arc::new(List { models, asked })));
    }

    fn failed(&self, error: &CatalogueError) {
        let list = self.list.load();
        tracing::warn!(
            last_good_seconds_ago = list.as_ref().map(|list| list.asked.at.elapsed().as_secs()),
            "the list of installed models cannot be fetched: {error}"
        );
    }
}

async fn fetch(
    connections: &Upstream,
    upstream: &config::Upstream,
    share: &Arc<Share>,
) -> Result<Vec<InstalledModel>, CatalogueError> {
    let host = HeaderValue::from_str(upstream.authority.as_str()).map_err(http::Error::from);
    let host = host.map_err(UpstreamError::from)?;
    let outgoing = Outgoing {
        method: Method::GET,
        path: "/api/tags".to_owned(),
        headers: upstream_request_headers(&host, RequestContent::Empty),
        body: RequestBody::Empty,
    };
    let response = connections.send(upstream, outgoing).await?;
    if response.status() != StatusCode::OK {
        return Err(CatalogueError::Status(response.status()));
    }
    response_headers(response.headers(), BodyChange::Rewritten).map_err(UpstreamError::from)?;
    let limits = BodyLimits { bytes: LONGEST, pause: PATIENCE };
    Ok(installed_models(&collect(response.into_body(), limits, share).await?)?)
}
