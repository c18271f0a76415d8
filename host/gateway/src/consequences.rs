//! What a permitted request does besides what it asks for: a create that makes Ollama pull its
//! base, and a `keep_alive` that unloads or pins the model. Each is judged like a request of
//! its own. And what a request can do without: plain HTTP.

use stockade_authn::Identity;
use stockade_core::{
    Denial, DenialCause, LimitedParameter, ModelRef, ModelRole, Obligations, Operation, Parameters,
    Permit, Subject as _,
};
use stockade_ollama::{CanonicalRequest, WriteOptions};

use crate::catalogue::Presence;
use crate::classify::Classified;
use crate::gateway::Exchange;
use crate::record::Record;
use crate::refused::Refused;
use stockade_control::generation::{Asker, Hypothetical};

/// A request that may be forwarded, and how it is written.
pub(super) struct Permitted {
    pub(super) permit: Permit<Classified>,
    pub(super) options: WriteOptions,
}

impl Permitted {
    /// As it is.
    pub(super) fn unchanged(permit: Permit<Classified>) -> Self {
        Self { permit, options: WriteOptions { include_usage: true, ..WriteOptions::default() } }
    }
}

impl Exchange<'_> {
    /// Takes plain HTTP out of a request whose caller may not ask for it. Open WebUI asks for it
    /// with every pull, and without it the request is only safer.
    pub(super) async fn do_without_plain_http(
        &self,
        classified: &mut Classified,
        caller: &Identity,
        record: &mut Record,
    ) {
        let request = &mut classified.request;
        let as_asked = Hypothetical {
            operation: request.operation(),
            models: request.models().to_vec(),
            dialect: request.dialect(),
            parameters: request.parameters().clone(),
        };
        if self.generation.decide(self.asker(caller), as_asked).await.result.is_err() {
            request.leave_out_insecure();
            record.left_out("insecure");
        }
    }

    /// Decides about what a permitted request does besides.
    pub(super) async fn consider(
        &self,
        permit: Permit<Classified>,
        caller: &Identity,
        record: &mut Record,
    ) -> Result<Permitted, Refused> {
        let mut permitted = Permitted::unchanged(permit);
        let permit = &permitted.permit;
        let request = &permit.request().request;
        if request.base().is_some() {
            // Rare, and their futures would make that of every request larger.
            let spelling = Box::pin(self.base(request, caller)).await?;
            permitted.options.base_spelling = spelling;
        } else if let Some(effect) = effect_of_keep_alive(request, permit.obligations()) {
            let allowed = Box::pin(self.also(self.asker(caller), effect)).await;
            permitted.options.without_keep_alive = allowed.is_err();
            if allowed.is_err() {
                record.left_out("keep_alive");
            }
        }
        Ok(permitted)
    }

    /// The spelling under which the base of a new model is installed. Where it is not, Ollama
    /// pulls it.
    async fn base(
        &self,
        request: &CanonicalRequest,
        caller: &Identity,
    ) -> Result<Option<Box<str>>, Refused> {
        let Some(base) = request.base() else {
            return Ok(None);
        };
        let (catalogue, connections) = (&self.gateway.catalogue, &self.gateway.upstream);
        let upstream = &self.generation.config.upstream;
        let share = self.share(caller);
        let why = match catalogue.find((connections, &share), upstream, base).await {
            Presence::Installed(model) => return Ok(Some(model.spelling)),
            Presence::Missing => "is not installed, so Ollama would pull it",
            Presence::Unknown => {
                "may not be installed, because Ollama does not tell what is, so it might pull it"
            }
        };
        let pull = Hypothetical {
            operation: Operation::Pull,
            models: vec![ModelRef { name: base.clone(), role: ModelRole::of(Operation::Pull) }],
            dialect: request.dialect(),
            parameters: Parameters::default(),
        };
        let pulled = self.also(self.asker(caller), pull).await.map_err(|denial| {
            let reason = format!("the base {} {why}: {}", base.short(), denial.reason);
            Denial { reason, ..denial }
        });
        Ok(pulled.map(|()| None)?)
    }

    /// Decides about an operation that a request brings with it. With another model in the
    /// place of its own it would not be that operation.
    async fn also(&self, asker: Asker<'_>, effect: Hypothetical) -> Result<(), Denial> {
        let permit = self.generation.decide(asker, effect).await.result?;
        match permit.replaced_by() {
            None => Ok(()),
            Some(other) => Err(Denial {
                cause: DenialCause::NotAllowed,
                reason: format!("a policy would replace the model by {other}"),
                binding: None,
                policy: None,
            }),
        }
    }
}

/// What the request's `keep_alive` does, where that is an operation of its own. What a policy
/// writes in its place is the policy's.
fn effect_of_keep_alive(
    request: &CanonicalRequest,
    obligations: &Obligations,
) -> Option<Hypothetical> {
    let operation = request.side_effect()?;
    let seconds = request.parameters().keep_alive?;
    let of_keep_alive = |limit: &&stockade_core::Limit| {
        limit.parameter == LimitedParameter::KeepAlive && (seconds < 0 || seconds > limit.maximum)
    };
    if obligations.limits.iter().any(|limit| of_keep_alive(&limit)) {
        return None;
    }
    Some(Hypothetical {
        operation,
        models: request.models().to_vec(),
        dialect: request.dialect(),
        parameters: Parameters { keep_alive: Some(seconds), ..Parameters::default() },
    })
}
