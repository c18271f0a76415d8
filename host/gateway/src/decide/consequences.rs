//! The effects of a permitted request besides what it asks for: a create that makes Ollama pull its
//! base, and a `keep_alive` that unloads or pins the model. Each is judged like a request of its
//! own. And what a request can do without: plain HTTP.

use std::sync::Arc;

use stockade_authn::Identity;
use stockade_core::{
    Catalogue, Content, Denial, DenialCause, ModelName, ModelRef, ModelRole, Obligations,
    Operation, Parameters, Permit, Subject as _,
};
use stockade_ollama::{CanonicalRequest, WriteOptions};

use crate::classify::Classified;
use crate::context::Context;
use crate::decide::catalogue::{Found, UpstreamCatalogue};
use crate::record::Record;
use crate::refused::Refused;
use stockade_control::generation::Hypothetical;

/// A request that may be forwarded, and how it is written.
pub(crate) struct Permitted {
    pub(crate) permit: Permit<Classified>,
    pub(crate) options: WriteOptions,
    /// True if it asks for a blob that does not exist for the caller, who has not sent it.
    pub(crate) hides_blob: bool,
}

impl Permitted {
    /// As it is.
    pub(crate) fn unchanged(permit: Permit<Classified>) -> Self {
        let options = WriteOptions { include_usage: true, ..WriteOptions::default() };
        Self { permit, options, hides_blob: false }
    }
}

/// Judges what permitted requests do besides.
pub(crate) struct Consequences {
    catalogue: Arc<UpstreamCatalogue>,
}

impl Consequences {
    pub(crate) const fn new(catalogue: Arc<UpstreamCatalogue>) -> Self {
        Self { catalogue }
    }

    /// Decides about what a permitted request does besides.
    pub(crate) async fn consider(
        &self,
        context: &Context<'_>,
        permit: Permit<Classified>,
        caller: &Identity,
        record: &mut Record,
    ) -> Result<Permitted, Refused> {
        let mut permitted = Permitted::unchanged(permit);
        let permit = &permitted.permit;
        let request = &permit.request().request;
        permitted.options.installed = respelled(context.catalogue, request);
        permitted.hides_blob = request.operation() == Operation::CheckBlob
            && !request.parameters().foreign_digests.is_empty();
        if request.base().is_some() {
            // Rare, and their futures would make that of every request larger.
            let installed = Box::pin(self.base(context, request, caller)).await?;
            permitted.options.installed.extend(installed);
        } else if let Some(effect) = effect_of_keep_alive(request, permit.obligations()) {
            let allowed = Box::pin(also(context, caller, effect)).await;
            permitted.options.without_keep_alive = allowed.is_err();
            if allowed.is_err() {
                record.left_out("keep_alive");
            }
        }
        Ok(permitted)
    }

    /// The base of a new model in the spelling under which it is installed. Where it is not,
    /// Ollama pulls it.
    async fn base(
        &self,
        context: &Context<'_>,
        request: &CanonicalRequest,
        caller: &Identity,
    ) -> Result<Option<ModelName>, Refused> {
        let Some(base) = request.base() else {
            return Ok(None);
        };
        let why = match self.catalogue.find(&context.config().upstream, base).await {
            Found::Installed(name) => return Ok(Some(name)),
            Found::Missing => "is not installed, so Ollama would pull it",
            Found::Unknown => {
                "may not be installed, because Ollama does not tell what is, so it might pull it"
            }
        };
        let pull = Hypothetical {
            operation: Operation::Pull,
            models: vec![ModelRef { name: base.clone(), role: ModelRole::of(Operation::Pull) }],
            dialect: request.dialect(),
            parameters: Parameters::default(),
            content: Content::default(),
        };
        let pulled = also(context, caller, pull).await.map_err(|denial| {
            let reason = format!("the base {} {why}: {}", base.short(), denial.reason);
            Denial { reason, ..denial }
        });
        pulled.map(|()| None).map_err(|denial| Refused::denied(denial, context.now()))
    }
}

/// Returns the models that are installed in another spelling than the request's. The base of a new
/// one is looked for in a newer list.
fn respelled(catalogue: &Catalogue, request: &CanonicalRequest) -> Vec<ModelName> {
    let named = request.models().iter().filter(|model| model.role != ModelRole::Base);
    named.filter_map(|model| catalogue.respelled(&model.name)).cloned().collect()
}

/// Takes plain HTTP out of a request whose caller may not ask for it. Open WebUI asks for it
/// with every pull, and without it the request is only safer.
pub(crate) async fn do_without_plain_http(
    context: &Context<'_>,
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
        content: request.content(),
    };
    if context.generation.decide(context.asker(caller), as_asked).await.result.is_err() {
        request.leave_out_insecure();
        record.left_out("insecure");
    }
}

/// Decides about an operation that a request brings with it. With another model in the
/// place of its own it would not be that operation.
async fn also(
    context: &Context<'_>,
    caller: &Identity,
    effect: Hypothetical,
) -> Result<(), Denial> {
    let permit = context.generation.decide(context.asker(caller), effect).await.result?;
    match permit.replaced_by() {
        None => Ok(()),
        Some(other) => {
            let reason = format!("a policy would replace the model by {other}");
            Err(Denial::overall(DenialCause::NotAllowed, reason))
        }
    }
}

/// Returns the effect of the request's `keep_alive`, where that is an operation of its own. What a
/// policy writes in its place is the policy's.
fn effect_of_keep_alive(
    request: &CanonicalRequest,
    obligations: &Obligations,
) -> Option<Hypothetical> {
    let operation = request.side_effect()?;
    let seconds = request.parameters().keep_alive?;
    if request.keep_alive_is_limited(obligations) {
        return None;
    }
    Some(Hypothetical {
        operation,
        models: request.models().to_vec(),
        dialect: request.dialect(),
        parameters: Parameters { keep_alive: Some(seconds), ..Parameters::default() },
        content: Content::default(),
    })
}
