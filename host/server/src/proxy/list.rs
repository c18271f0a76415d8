//! Lists show a model if and only if the caller may use it.

use bytes::Bytes;
use stockade_authn::Identity;
use stockade_core::{
    Client, Dialect, LocalTime, ModelName, ModelRef, ModelRole, Parameters, combine,
};
use stockade_ollama::response::{ListKind, ModelList};

use super::Exchange;
use super::refused::Refused;
use super::upstream::UpstreamError;
use crate::generation::{Generation, Hypothetical, USES};

impl Exchange<'_> {
    /// The list, without what the caller may not use.
    pub(super) async fn usable_models(
        &self,
        kind: ListKind,
        body: Bytes,
        caller: (&Identity, Dialect),
    ) -> Result<Bytes, Refused> {
        let list = ModelList::read(kind, body).map_err(|error| {
            tracing::warn!(%error, "Ollama's list of models is not what it should be");
            UpstreamError::Unusable("its list of models is not understood")
        })?;
        let time = self.generation.local_time(self.gateway.clock.as_ref());
        let mut usable = std::collections::HashSet::new();
        for name in list.names() {
            if may_use(self.generation, caller, name, (self.client(), time)).await {
                usable.insert(name.clone());
            }
        }
        Ok(list.retain(|name| usable.contains(name)))
    }
}

/// Whether the same scope and policies that judge a call would permit at least one use.
pub(crate) async fn may_use(
    generation: &Generation,
    (caller, dialect): (&Identity, Dialect),
    name: &ModelName,
    (client, time): (Client, LocalTime),
) -> bool {
    let models = [ModelRef { name: name.clone(), role: ModelRole::Use }];
    let parameters = Parameters::default();
    for operation in USES {
        let principal = &caller.principal;
        let asked = Hypothetical { principal, operation, models: &models, dialect };
        if caller.terms.scope.check(&asked).is_err() {
            continue;
        }
        let opinions = generation.opinions(&asked.input(&parameters, client, time)).await;
        if combine(asked, &opinions).is_ok() {
            return true;
        }
    }
    false
}
