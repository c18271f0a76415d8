//! Lists show a model if and only if the caller may use it.

use std::collections::HashSet;

use bytes::Bytes;
use stockade_authn::Identity;
use stockade_core::{Dialect, ModelName};
use stockade_ollama::response::{ListKind, ModelList};

use crate::context::Context;
use crate::forward::upstream::UpstreamError;
use crate::refused::Refused;

/// The list, without what the caller may not use.
pub(crate) async fn usable_models(
    context: &Context<'_>,
    list: (ListKind, Bytes),
    (caller, dialect): (&Identity, Dialect),
) -> Result<Bytes, Refused> {
    let list = ModelList::read(list.0, list.1).map_err(|error| {
        tracing::warn!(%error, "Ollama's list of models is not what it should be");
        UpstreamError::Unusable("its list of models is not understood")
    })?;
    let names: Vec<_> = list.names().collect();
    let uses = context.generation.usable(context.asker(caller), dialect, &names).await;
    let pairs = names.into_iter().zip(uses.iter()).filter(|(_, may)| **may);
    let usable: HashSet<ModelName> = pairs.map(|(name, _)| name.clone()).collect();
    Ok(list.retain(|name| usable.contains(name)))
}
