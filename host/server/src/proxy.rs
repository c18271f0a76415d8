//! A request's life: identify, classify, decide, forward, record.

mod answer;
mod body;
mod cors;
mod forward;
mod guard;
mod list;
mod listener;
mod pause;
mod record;
mod refused;
mod upstream;

use std::sync::Arc;

use http::request::Parts;
use http::{Method, Request, Response};
use hyper::body::Incoming;
use stockade_authn::{AuthnError, Presented};
use stockade_core::{
    AccessClass, Client, Clock, Dialect, Permit, PolicyInput, Principal, Subject, Transport, Usage,
    combine, permit_public,
};
use stockade_ollama::{
    BadHead, BodyKind, CanonicalRequest, ReadLimits, RequestHead, Routed, dialect_of_path,
};

use crate::generation::Generation;
use crate::reload::Current;
use answer::AnswerBody;
use body::BodyLimits;
use cors::Page;
use listener::PeerAddr;
use record::{Record, RequestIds};
use refused::Refused;
use upstream::Upstream;

pub(crate) use listener::{ConnectionLimits, serve};

/// The gateway: what connections share.
pub(crate) struct Gateway {
    current: Arc<Current>,
    clock: Arc<dyn Clock>,
    upstream: Upstream,
    ids: RequestIds,
}

/// What was judged, and the body that belongs to it if that is streamed through.
struct Classified {
    request: CanonicalRequest,
    stream: Option<Incoming>,
}

impl Subject for Classified {
    fn operation(&self) -> stockade_core::Operation {
        self.request.operation()
    }

    fn models(&self) -> &[stockade_core::ModelRef] {
        self.request.models()
    }
}

impl Gateway {
    pub(crate) fn new(current: Arc<Current>, clock: Arc<dyn Clock>) -> Self {
        let timeout = current.load().config.upstream.connect_timeout;
        Self { current, clock, upstream: Upstream::new(timeout), ids: RequestIds::new() }
    }

    /// Answer one request, by the generation that is current now.
    pub(crate) async fn serve(
        &self,
        peer: PeerAddr,
        request: Request<Incoming>,
    ) -> Response<AnswerBody> {
        let generation = self.current.load();
        let (parts, body) = request.into_parts();
        let cors = &generation.config.cors;
        let mut response = self.answer(&generation, peer, &parts, body).await;
        if let Some(page) = Page::of(cors, &parts.headers) {
            page.may_read(response.headers_mut());
        }
        cors::vary(cors, response.headers_mut());
        response
    }

    /// Answer a request whose head was refused before it was parsed.
    pub(crate) fn refuse(
        &self,
        peer: PeerAddr,
        path: &str,
        bad: Option<BadHead>,
    ) -> Response<AnswerBody> {
        let generation = self.current.load().number;
        let id = self.ids.next();
        let method = Method::from_bytes(guard::REFUSED.as_bytes()).unwrap_or_default();
        let record = Record::begin(id, generation, peer, method, path.to_owned());
        Refused::from(bad).answer(dialect_of_path(path), record)
    }

    async fn answer(
        &self,
        generation: &Arc<Generation>,
        peer: PeerAddr,
        parts: &Parts,
        body: Incoming,
    ) -> Response<AnswerBody> {
        let path = parts.uri.path().to_owned();
        let id = self.ids.next();
        let mut record = Record::begin(id, generation.number, peer, parts.method.clone(), path);
        let routed = stockade_ollama::route(&RequestHead {
            method: &parts.method,
            uri: &parts.uri,
            headers: &parts.headers,
        });
        let dialect = dialect(&routed);
        let refusal = routed.as_ref().err();
        let page = Page::of(&generation.config.cors, &parts.headers);
        let preflight = page.and_then(|_| Page::preflight(&parts.headers, &parts.method, refusal));
        if let Some(response) = preflight {
            record.answered(response.status());
            record.completed();
            return response;
        }
        let exchange = Exchange { gateway: self, generation, peer };
        match exchange.judge(routed, parts, body, &mut record).await {
            Ok((permit, principal)) => exchange.forward(permit, principal, dialect, record).await,
            Err(refused) => refused.answer(dialect, record),
        }
    }
}

/// In which shape to refuse, known before anything is decided.
fn dialect(routed: &Result<Routed, stockade_ollama::Refusal>) -> Dialect {
    match routed {
        Ok(routed) => routed.route().dialect,
        Err(refusal) => refusal.dialect,
    }
}

fn is_public(routed: &Routed) -> bool {
    routed.route().operation.access() == AccessClass::Public
}

/// One request on its way, with the one generation that it is judged by.
struct Exchange<'a> {
    gateway: &'a Gateway,
    generation: &'a Arc<Generation>,
    peer: PeerAddr,
}

impl Exchange<'_> {
    async fn judge(
        &self,
        routed: Result<Routed, stockade_ollama::Refusal>,
        parts: &Parts,
        body: Incoming,
        record: &mut Record,
    ) -> Result<(Permit<Classified>, Option<Principal>), Refused> {
        if matches!(&routed, Ok(routed) if is_public(routed)) {
            let classified = self.classify(routed?, body, record).await?;
            let permit = permit_public(classified).map_err(|_| AuthnError::Missing)?;
            return Ok((permit, None));
        }
        let principal = self.identify(parts)?;
        record.identified(&principal);
        let classified = self.classify(routed?, body, record).await?;
        let permit = self.decide(classified, &principal).await?;
        record.permitted(permit.allowed_by());
        Ok((permit, Some(principal)))
    }

    fn identify(&self, parts: &Parts) -> Result<Principal, Refused> {
        let presented = Presented::from_headers(&parts.headers)?;
        Ok(self.generation.authenticator.identify(&presented, self.gateway.clock.now())?)
    }

    async fn classify(
        &self,
        routed: Routed,
        body: Incoming,
        record: &mut Record,
    ) -> Result<Classified, Refused> {
        let limits = &self.generation.config.limits;
        let classified = if let BodyKind::Blob = routed.body_kind() {
            // A length that is too large is known before anything is forwarded.
            body::check_length(&body, limits.blob)?;
            Classified { request: routed.streamed()?, stream: Some(body) }
        } else {
            let caller = BodyLimits { bytes: limits.body, pause: limits.body_timeout };
            let bytes = body::collect(body, caller).await?;
            let limits = ReadLimits {
                bytes: usize::try_from(limits.body).unwrap_or(usize::MAX),
                depth: limits.json_depth,
                ..ReadLimits::default()
            };
            Classified { request: routed.read(bytes, &limits)?, stream: None }
        };
        record.classified(classified.request.operation(), classified.request.models());
        Ok(classified)
    }

    async fn decide(
        &self,
        classified: Classified,
        principal: &Principal,
    ) -> Result<Permit<Classified>, Refused> {
        let request = &classified.request;
        let body = self.generation.wants_body().then(|| request.body_text()).flatten();
        let input = PolicyInput {
            principal,
            operation: request.operation(),
            dialect: request.dialect(),
            models: request.models(),
            parameters: request.parameters(),
            client: self.client(),
            time: self.generation.local_time(self.gateway.clock.as_ref()),
            usage: Usage::default(),
            body: body.as_deref(),
        };
        let opinions = self.generation.opinions(&input).await;
        Ok(combine(classified, &opinions)?)
    }

    fn client(&self) -> Client {
        Client { address: self.peer.0.ip(), transport: Transport::Plain }
    }
}
