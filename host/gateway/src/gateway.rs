//! A request's life: identify, classify, decide, forward, record.

use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, Request, Response, Uri};
use hyper::body::Incoming;
use stockade_authn::{AuthnError, Identity, TrustedProxies};
use stockade_control::generation::Generation;
use stockade_control::reload::Current;
use stockade_control::shadow::ShadowTally;
use stockade_control::shadow_generation::ShadowFeed;
use stockade_core::{AccessClass, Catalogue, Clock, Dialect, permit_public};
use stockade_ollama::{RequestHead, Routed, dialect_of_path};
use tokio_util::sync::CancellationToken;

use crate::admit::{Terms, admit};
use crate::audit::Audit;
use crate::body::memory::BodyMemory;
use crate::body::readers::Readers;
use crate::classify::Classifier;
use crate::connection::acceptor::Acceptor;
use crate::connection::connections::Connections;
use crate::connection::guard::RefusedHead;
use crate::connection::info::ConnectionInfo;
use crate::connection::refusals::RefusalLog;
use crate::context::Context;
use crate::cors::{self, Page};
use crate::decide::Decider;
use crate::decide::blobs::SentBlobs;
use crate::decide::catalogue::{Snapshot, UpstreamCatalogue};
use crate::decide::consequences::{Consequences, Permitted};
use crate::forward::Forwarder;
use crate::forward::answer::AnswerBody;
use crate::forward::blob::Host;
use crate::forward::upstream::Upstream;
use crate::identify::Identifier;
use crate::identify::path_key::PathKey;
use crate::me::MeEndpoint;
use crate::metering::Metering;
use crate::own::OwnRoute;
use crate::record::{Record, Recorder};
use crate::refused::Refused;
use crate::resources;
use crate::surplus::Surplus;
use crate::token::TokenEndpoint;

/// The gateway: what connections share, and the steps that each request takes.
pub(crate) struct Gateway {
    pub(crate) current: Arc<Current>,
    pub(crate) acceptor: Acceptor,
    pub(crate) connections: Arc<Connections>,
    pub(crate) refusals: Arc<RefusalLog>,
    pub(crate) memory: Arc<BodyMemory>,
    pub(crate) catalogue: Arc<UpstreamCatalogue>,
    pub(crate) metering: Arc<Metering>,
    upstream: Arc<Upstream>,
    clock: Arc<dyn Clock>,
    surplus: Arc<Surplus>,
    recorder: Recorder,
    identifier: Identifier,
    classifier: Classifier,
    decider: Decider,
    forwarder: Forwarder,
}

impl Gateway {
    pub(crate) fn new(
        current: Arc<Current>,
        clock: Arc<dyn Clock>,
        (shadow, feed): (Arc<ShadowTally>, Arc<ShadowFeed>),
        (metering, audit): (Arc<Metering>, Arc<Audit>),
    ) -> Self {
        let surplus: Arc<Surplus> = Arc::default();
        let refusals: Arc<RefusalLog> = Arc::default();
        let upstream: Arc<Upstream> = Arc::default();
        let connections = Arc::new(Connections::new(resources::descriptors(), surplus.clone()));
        let memory = Arc::new(BodyMemory::new(resources::memory(), surplus.clone()));
        let readers = Readers::new();
        let catalogue: Arc<UpstreamCatalogue> = Arc::default();
        let consequences = Consequences::new(catalogue.clone());
        let state_directory = current.load().config.state_directory.clone();
        let blobs = Arc::new(SentBlobs::open(state_directory.as_deref()));
        let host = Host {
            connections: upstream.clone(),
            catalogue: catalogue.clone(),
            blobs: blobs.clone(),
        };
        Self {
            acceptor: Acceptor::new(current.clone(), connections.clone()),
            recorder: Recorder::new(audit, feed),
            identifier: Identifier::new(current.clone(), refusals.clone(), surplus.clone()),
            classifier: Classifier::new(memory.clone(), readers.clone()),
            decider: Decider::new(shadow, blobs, consequences),
            forwarder: Forwarder::new(
                (current.clone(), metering.clone()),
                host,
                memory.clone(),
                readers,
            ),
            current,
            connections,
            refusals,
            memory,
            catalogue,
            metering,
            upstream,
            clock,
            surplus,
        }
    }

    /// Returns the counter of the memory that is freed in bursts, to be given back.
    pub(crate) const fn surplus(&self) -> &Arc<Surplus> {
        &self.surplus
    }

    /// Keeps the list of the models of the upstream fresh.
    pub(crate) async fn keep_catalogue_fresh(self: Arc<Self>, stop: CancellationToken) {
        let of = (self.current.clone(), self.upstream.clone());
        self.catalogue.clone().keep_fresh(of, stop).await;
    }

    /// Answers one request, by the generation that is current now.
    pub(crate) async fn serve(
        &self,
        link: &ConnectionInfo,
        request: Request<Incoming>,
    ) -> Response<AnswerBody> {
        let generation = self.current.load();
        let (mut parts, body) = request.into_parts();
        let key = PathKey::take(&mut parts.uri);
        let head = Head { parts: &parts, key: &key };
        let cors = &generation.config.cors;
        let mut response = self.answer(&generation, link, head, body).await;
        if let Some(page) = Page::of(cors, &parts.headers) {
            page.may_read(response.headers_mut());
        }
        cors::vary(cors, response.headers_mut());
        response
    }

    /// Answers a request whose head was refused before it was parsed.
    pub(crate) fn refuse(&self, link: &ConnectionInfo, head: RefusedHead) -> Response<AnswerBody> {
        let generation = self.current.load().number;
        let RefusedHead { bad, method, path } = head;
        // The key is not looked at, but it must not be recorded.
        let mut uri: Option<Uri> = path.and_then(|path| path.parse().ok());
        if let Some(uri) = &mut uri {
            PathKey::take(uri);
        }
        let mut record = self.recorder.begin(generation, link.peer);
        record.asked(method, uri.as_ref().map(Uri::path));
        // Its headers are not known.
        if let Ok(source) = TrustedProxies::default().client(link.source(), &HeaderMap::new()) {
            record.came_from(source);
        }
        let path = uri.as_ref().map_or("/", Uri::path);
        Refused::from(bad).answer(dialect_of_path(path), record)
    }

    pub(crate) async fn answer(
        &self,
        generation: &Arc<Generation>,
        link: &ConnectionInfo,
        head: Head<'_>,
        body: Incoming,
    ) -> Response<AnswerBody> {
        let parts = head.parts;
        let mut record = self.recorder.begin(generation.number, link.peer);
        record.asked(Some(parts.method.clone()), Some(parts.uri.path()));
        let proxies = &generation.config.trusted_proxies;
        let client = match proxies.client(link.source(), &parts.headers) {
            Ok(client) => client,
            Err(bad) => {
                return Refused::from(bad).answer(dialect_of_path(parts.uri.path()), record);
            }
        };
        record.came_from(client);
        let catalogue = Catalogue::UNKNOWN;
        let context = Context { generation, clock: &self.clock, link, client, catalogue };
        if let Some(route) = OwnRoute::of(parts.uri.path()) {
            let answer = self.answer_itself(route, &context, (head, body), &mut record);
            return match Box::pin(answer).await {
                Ok(response) => response,
                Err(refused) => refused.answer(Dialect::Native, record),
            };
        }
        let routed = stockade_ollama::route(&RequestHead {
            method: &parts.method,
            uri: &parts.uri,
            headers: &parts.headers,
            version: parts.version,
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
        match self.judge(&context, (routed, head), body, &mut record).await {
            Ok(Judged { permitted, caller, catalogue, terms }) => {
                let (context, answer) = (context.seeing(&catalogue), (dialect, terms, record));
                self.forwarder.forward(&context, permitted, caller, answer).await
            }
            Err(refused) => refused.answer(dialect, record),
        }
    }

    /// Answers a request for one of the gateway's own routes.
    async fn answer_itself(
        &self,
        route: OwnRoute,
        context: &Context<'_>,
        (head, body): (Head<'_>, Incoming),
        record: &mut Record,
    ) -> Result<Response<AnswerBody>, Refused> {
        let (identifier, recorder) = (&self.identifier, &self.recorder);
        match route {
            OwnRoute::Token => {
                let endpoint = TokenEndpoint { identifier, recorder, memory: &self.memory };
                endpoint.answer(context, head, body, record).await
            }
            OwnRoute::Me => {
                let endpoint = MeEndpoint { identifier, recorder, metering: &self.metering };
                endpoint.answer(context, head, record).await
            }
        }
    }

    /// Takes a request through the steps that come before it is forwarded.
    async fn judge(
        &self,
        context: &Context<'_>,
        (routed, head): (Result<Routed, stockade_ollama::Refusal>, Head<'_>),
        body: Incoming,
        record: &mut Record,
    ) -> Result<Judged, Refused> {
        let in_path = head.key.allowed(&context.config().authentication)?;
        let routed = match routed {
            // Anybody is told how a path is spelled; nobody is asked who they are twice.
            Err(refusal) if refusal.location.is_some() => {
                return Err(Refused::moved(refusal, in_path));
            }
            routed => routed,
        };
        let judged = if matches!(&routed, Ok(routed) if is_public(routed)) {
            let permitted = self.permit_public(context, routed?, body, record).await?;
            record.permitted(&permitted.permit);
            let catalogue = Snapshot::default();
            Judged { permitted, caller: None, catalogue, terms: Terms::default() }
        } else {
            let caller = self.identifier.identify(context, head.parts, in_path).await?;
            record.identified(&caller);
            record.counted_in(self.metering.clone(), context.hour());
            let caller_known = Some(&caller);
            let classified =
                self.classifier.classify(context, (routed?, body), caller_known, record).await?;
            let upstream = &context.config().upstream;
            let catalogue = self.catalogue.for_request(upstream, &classified).await;
            let context = context.seeing(&catalogue);
            let permitted = self.decider.decide(&context, classified, &caller, record).await?;
            record.permitted(&permitted.permit);
            let terms = admit(&context, &permitted, &caller).await?.kept_by(record);
            Judged { permitted, caller: Some(caller), catalogue, terms }
        };
        self.recorder.reserve(record, context.config())?;
        Ok(judged)
    }

    /// Permits what anybody may.
    async fn permit_public(
        &self,
        context: &Context<'_>,
        routed: Routed,
        body: Incoming,
        record: &mut Record,
    ) -> Result<Permitted, Refused> {
        let classified = self.classifier.classify(context, (routed, body), None, record).await?;
        let permit = permit_public(classified)
            .map_err(|_| Refused::unproven(&AuthnError::Missing, false))?;
        Ok(Permitted::unchanged(permit))
    }
}

/// A request that may be forwarded.
struct Judged {
    permitted: Permitted,
    /// `None` for what anybody may ask.
    caller: Option<Identity>,
    /// The models by which it was judged.
    catalogue: Snapshot,
    terms: Terms,
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

/// The part of a request before its body, and the key that stood in front of the path.
#[derive(Clone, Copy)]
pub(crate) struct Head<'a> {
    pub(crate) parts: &'a Parts,
    pub(crate) key: &'a PathKey,
}
