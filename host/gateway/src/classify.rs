//! The second step: what a request asks for, with its body read.

use std::sync::Arc;

use bytes::Bytes;
use http_body::Body as _;
use hyper::body::Incoming;
use stockade_authn::Identity;
use stockade_core::{Content, Dialect, FieldRule, ModelName, Parameters, Subject};
use stockade_ollama::{BodyKind, CanonicalRequest, ReadLimits, Routed};

use crate::body::memory::{BodyMemory, Share};
use crate::body::readers::Readers;
use crate::body::{self, BodyLimits};
use crate::context::Context;
use crate::record::Record;
use crate::refused::Refused;
use stockade_config::Limits;
use stockade_control::generation::Judged;

/// The request to be judged, and its body if that is streamed through.
pub(super) struct Classified {
    pub(super) request: Box<CanonicalRequest>,
    pub(super) stream: Option<Incoming>,
    /// The memory of its body, if it has one.
    pub(super) share: Option<Arc<Share>>,
}

impl Subject for Classified {
    fn operation(&self) -> stockade_core::Operation {
        self.request.operation()
    }

    fn models(&self) -> &[stockade_core::ModelRef] {
        self.request.models()
    }
}

impl Judged for Classified {
    fn dialect(&self) -> Dialect {
        self.request.dialect()
    }

    fn parameters(&self) -> &Parameters {
        self.request.parameters()
    }

    fn body_text(&self) -> Option<String> {
        self.request.body_text()
    }

    fn content(&self) -> Content {
        self.request.content()
    }

    fn change(&mut self, model: Option<&ModelName>, fields: &[FieldRule]) -> Result<bool, String> {
        self.request.change(model, fields)
    }
}

/// Finds out what a request asks for.
pub(crate) struct Classifier {
    memory: Arc<BodyMemory>,
    readers: Readers,
}

impl Classifier {
    pub(crate) const fn new(memory: Arc<BodyMemory>, readers: Readers) -> Self {
        Self { memory, readers }
    }

    /// Reads the body of a request, as its route says.
    ///
    /// # Errors
    /// Where it cannot be understood, or there is no room for it.
    pub(crate) async fn classify(
        &self,
        context: &Context<'_>,
        (routed, body): (Routed, Incoming),
        caller: Option<&Identity>,
        record: &mut Record,
    ) -> Result<Classified, Refused> {
        let limits = &context.config().limits;
        let classified = match (routed.body_kind(), caller) {
            (BodyKind::Blob, _) => {
                // A length that is too large is known before anything is forwarded.
                body::check_length(&body, limits.blob)?;
                let request = Box::new(routed.streamed()?);
                Classified { request, stream: Some(body), share: None }
            }
            (BodyKind::Json(_) | BodyKind::Multipart, Some(caller)) => {
                self.read(limits, (routed, body), caller).await?
            }
            // Any body is too long, and so the first bytes of it tell as much as all.
            (BodyKind::None, Some(_)) => {
                let bytes = body::beginning(body, limits.body_timeout).await?;
                without_body(routed, bytes, limits)?
            }
            // For somebody who has proven nothing, not even those are waited for.
            (_, None) => {
                let none = body.is_end_stream();
                without_body(routed, Bytes::from_static(if none { b"" } else { b"?" }), limits)?
            }
        };
        record.classified(classified.request.operation(), classified.request.models());
        Ok(classified)
    }

    /// Reads a body whole, where that takes nobody else's time or memory.
    async fn read(
        &self,
        limits: &Limits,
        (routed, body): (Routed, Incoming),
        caller: &Identity,
    ) -> Result<Classified, Refused> {
        let share = self.memory.share(&caller.principal.user, limits);
        let most = BodyLimits { bytes: limits.body, pause: limits.body_timeout };
        let bytes = body::collect(body, most, &share).await?;
        let weight = if routed.is_compressed() { u64::MAX } else { bytes.len() as u64 };
        let (limits, taken) = (read_limits(limits), share.clone());
        let read = move || {
            let mut take = |bytes: usize| taken.take(bytes as u64).is_ok();
            routed.read_within(bytes, &limits, &mut take)
        };
        let request = self.readers.run(weight, &share, read).await??;
        share.take(request.overhead() as u64)?;
        Ok(Classified { request: Box::new(request), stream: None, share: Some(share) })
    }
}

/// Reads a request without a body; `beginning` is what came of one all the same.
fn without_body(routed: Routed, beginning: Bytes, limits: &Limits) -> Result<Classified, Refused> {
    let request = Box::new(routed.read(beginning, &read_limits(limits))?);
    Ok(Classified { request, stream: None, share: None })
}

fn read_limits(limits: &Limits) -> ReadLimits {
    ReadLimits {
        bytes: usize::try_from(limits.body).unwrap_or(usize::MAX),
        depth: limits.json_depth,
        ..ReadLimits::default()
    }
}
