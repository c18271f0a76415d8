//! Lists show a model if and only if the caller may use it.

use bytes::Bytes;
use stockade_authn::Identity;
use stockade_core::{Dialect, ModelName, ModelRef, ModelRole, Parameters};
use stockade_ollama::response::{ListKind, ModelList};

use crate::context::Context;
use crate::forward::upstream::UpstreamError;
use crate::refused::Refused;
use stockade_control::generation::{Asker, Generation, Hypothetical, USES};

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
    let asker = context.asker(caller);
    let mut usable = std::collections::HashSet::new();
    for name in list.names() {
        if may_use(context.generation, asker, dialect, name).await {
            usable.insert(name.clone());
        }
    }
    Ok(list.retain(|name| usable.contains(name)))
}

/// Tells whether the scope and policies that judge a call would permit at least one use.
async fn may_use(
    generation: &Generation,
    asker: Asker<'_>,
    dialect: Dialect,
    name: &ModelName,
) -> bool {
    for operation in USES {
        let models = vec![ModelRef { name: name.clone(), role: ModelRole::Use }];
        let parameters = Parameters::default();
        let request = Hypothetical { operation, models, dialect, parameters };
        if generation.decide_tersely(asker, request).await.result.is_ok() {
            return true;
        }
    }
    false
}
