//! Asks Ollama for its lists of models.

use std::collections::HashSet;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, HeaderValue};
use http::{Method, Response, StatusCode};
use hyper::body::Incoming;
use stockade_config as config;
use stockade_core::{Catalogue, ModelFacts, ModelName};
use stockade_ollama::response::{
    BodyChange, InstalledModel, LoadedModel, UnreadableList, installed_models, loaded_models,
    response_headers,
};

use crate::body::idle_timeout::IdleTimeout;
use crate::body::{CutBody, check_length};
use crate::forward::upstream::{Outgoing, Upstream, UpstreamError};

/// For all of it, from the connection to the last byte.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// The longest list that is read, in bytes; each entry has about 500.
const LONGEST: u64 = 32 << 20;
/// The most models of a list.
const MOST: usize = 50_000;

/// The reason why there is no list.
#[derive(Debug, thiserror::Error)]
pub(super) enum CatalogueError {
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    #[error("the answer is {0}")]
    Status(StatusCode),
    #[error("{0}")]
    Body(#[from] CutBody),
    #[error(transparent)]
    List(#[from] UnreadableList),
    #[error("it has {0} models, more than the {MOST} that are read")]
    TooMany(usize),
    #[error("it takes longer than {} seconds", PATIENCE.as_secs())]
    Slow,
}

/// Asks for the models on disk and in memory.
pub(super) async fn fetch(
    connections: &Upstream,
    upstream: &config::Upstream,
) -> Result<Catalogue, CatalogueError> {
    let (installed, loaded) = tokio::join!(
        get(connections, upstream, "/api/tags"),
        get(connections, upstream, "/api/ps")
    );
    let installed = installed_models(&installed?)?;
    if installed.len() > MOST {
        return Err(CatalogueError::TooMany(installed.len()));
    }
    // Old versions do not know it. Nothing is refused for want of it.
    let loaded = loaded.and_then(|body| Ok(loaded_models(&body)?)).unwrap_or_else(|error| {
        tracing::debug!("the list of models in memory cannot be fetched: {error}");
        Vec::new()
    });
    Ok(catalogue(installed, &loaded))
}

async fn get(
    connections: &Upstream,
    upstream: &config::Upstream,
    path: &str,
) -> Result<Bytes, CatalogueError> {
    let mut outgoing =
        Outgoing::own(upstream, Method::GET, path.to_owned()).map_err(UpstreamError::from)?;
    // It is asked seldom, and a connection that nobody uses would be kept for it.
    outgoing.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    let response = connections.send(upstream, outgoing).await?;
    if response.status() != StatusCode::OK {
        return Err(CatalogueError::Status(response.status()));
    }
    response_headers(response.headers(), BodyChange::Rewritten).map_err(UpstreamError::from)?;
    Ok(whole(response).await?)
}

/// Reads a body. It counts for no caller; there is one list at a time.
async fn whole(response: Response<Incoming>) -> Result<Bytes, CutBody> {
    check_length(response.body(), LONGEST)?;
    let mut body = IdleTimeout::new(response.into_body(), PATIENCE);
    let mut all = BytesMut::new();
    while let Some(data) = std::future::poll_fn(|context| body.poll_data(context)).await {
        let data = data?;
        if all.len() as u64 + data.len() as u64 > LONGEST {
            return Err(CutBody::TooLarge(LONGEST));
        }
        all.extend_from_slice(&data);
    }
    Ok(all.freeze())
}

/// Puts both lists together. A model is in memory under each of its names: Ollama tells only the
/// one under which it was loaded.
fn catalogue(installed: Vec<InstalledModel>, loaded: &[LoadedModel]) -> Catalogue {
    let names: HashSet<&ModelName> = loaded.iter().map(|model| &model.name).collect();
    let digests: HashSet<&str> =
        loaded.iter().filter_map(|model| model.digest.as_deref()).collect();
    let known = |InstalledModel { name, facts }: InstalledModel| {
        let same = facts.digest.as_deref().is_some_and(|digest| digests.contains(digest));
        let loaded = same || names.contains(&name);
        (name, ModelFacts { loaded, ..facts })
    };
    // Of several spellings the plain one: most callers write that.
    let is_plain = |model: &InstalledModel| model.name.spelled() == model.name.short();
    let (plain, others): (Vec<_>, Vec<_>) = installed.into_iter().partition(is_plain);
    Catalogue::of(others.into_iter().chain(plain).map(known))
}

#[cfg(test)]
mod tests {
    use stockade_core::Presence;

    use super::*;

    fn name(spelling: &str) -> ModelName {
        ModelName::parse(spelling).unwrap()
    }

    fn installed(spelling: &str, digest: &str) -> InstalledModel {
        let digest = Some(digest.into());
        InstalledModel { name: name(spelling), facts: ModelFacts { digest, ..Default::default() } }
    }

    #[test]
    fn a_model_is_in_memory_under_all_of_its_names() {
        let models = vec![installed("qwen3:8b", "a"), installed("mine", "a"), installed("b", "b")];
        let loaded = [LoadedModel { name: name("qwen3:8b"), digest: Some("a".into()) }];
        let catalogue = catalogue(models, &loaded);
        let loaded = |model| match catalogue.find(&name(model)) {
            Presence::Installed(_, facts) => facts.loaded,
            other => panic!("{other:?}"),
        };
        assert!(loaded("qwen3:8b") && loaded("mine") && !loaded("b"));
    }

    #[test]
    fn of_several_spellings_the_plain_one_is_forwarded() {
        for order in [["Mixed", "mixed"], ["mixed", "Mixed"]] {
            let catalogue = catalogue(order.map(|name| installed(name, "a")).into(), &[]);
            let Presence::Installed(spelled, _) = catalogue.find(&name("MIXED")) else {
                panic!("it is installed");
            };
            assert_eq!(spelled.spelled(), "mixed:latest");
        }
    }
}
