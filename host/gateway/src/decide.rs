//! The third step: whether the caller may.

pub(crate) mod blobs;
pub(crate) mod catalogue;
pub(crate) mod consequences;

use std::sync::Arc;

use stockade_authn::Identity;
use stockade_control::shadow::{self, ShadowTally};
use stockade_core::{Operation, Subject as _};

use crate::classify::Classified;
use crate::context::Context;
use crate::decide::blobs::SentBlobs;
use crate::decide::consequences::{Consequences, Permitted, do_without_plain_http};
use crate::record::Record;
use crate::refused::Refused;

/// Asks the policies about a request, and about what it does besides.
pub(crate) struct Decider {
    shadow: Arc<ShadowTally>,
    blobs: Arc<SentBlobs>,
    consequences: Consequences,
}

impl Decider {
    pub(crate) const fn new(
        shadow: Arc<ShadowTally>,
        blobs: Arc<SentBlobs>,
        consequences: Consequences,
    ) -> Self {
        Self { shadow, blobs, consequences }
    }

    /// Decides about a request.
    ///
    /// # Errors
    /// The refusal, where it is not permitted.
    pub(crate) async fn decide(
        &self,
        context: &Context<'_>,
        mut classified: Classified,
        caller: &Identity,
        record: &mut Record,
    ) -> Result<Permitted, Refused> {
        if classified.request.parameters().insecure {
            // Rare, and its future would make that of every request larger.
            let without = do_without_plain_http(context, &mut classified, caller, record);
            Box::pin(without).await;
        }
        if classified.request.operation() != Operation::UploadBlob {
            let user = &caller.principal.user;
            let is_foreign = |digest: &str| !self.blobs.has_sent(user, digest);
            classified.request.note_foreign_digests(is_foreign);
        }
        let asker = context.asker(caller);
        let outline = classified.request.outline();
        record.decides_on(context.generation.facts(asker, &classified, &outline));
        let decision = context.generation.decide(asker, classified).await;
        let verdicts = shadow::verdicts(&decision);
        self.shadow.count(&verdicts);
        record.shadowed(verdicts);
        let permit = decision.result.map_err(|refusal| Refused::decided(refusal, context.now()))?;
        self.consequences.consider(context, permit, caller, record).await
    }
}
