//! A request's life: identify, classify, decide, forward, record.

use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, Request, Response, Uri};
use hyper::body::Incoming;
use stockade_authn::{AuthnError, ClientIp, Identity, Replays, Throttle, TrustedProxies};
use stockade_core::{AccessClass, Client, Clock, Dialect, Permit, permit_public};
use stockade_ollama::{RequestHead, Routed, dialect_of_path};

use crate::answer::AnswerBody;
use crate::bounded::Bounded;
use crate::catalogue::Catalogue;
use crate::classify::Classified;
use crate::connections::Connections;
use crate::consequences::Permitted;
use crate::cors::Page;
use crate::guard::RefusedHead;
use crate::link::Link;
use crate::memory::BodyMemory;
use crate::passwords::PasswordChecks;
use crate::path_key::PathKey;
use crate::readers::Readers;
use crate::record::{Record, RequestIds};
use crate::refused::Refused;
use crate::resources;
use crate::strangers::Strangers;
use crate::surplus::Surplus;
use crate::upstream::Upstream;
use stockade_config::WhenStuck;
use stockade_control::generation::{Asker, Generation};
use stockade_control::reload::Current;
use stockade_control::shadow::{self, ShadowTally};
use stockade_core::record::Facts;
use stockade_log as log;

/// The gateway: what connections share.
pub(crate) struct Gateway {
    pub(crate) current: Arc<Current>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) upstream: Upstream,
    pub(crate) ids: RequestIds,
    pub(crate) passwords: PasswordChecks,
    pub(crate) replays: Replays,
    pub(crate) throttle: Throttle,
    pub(crate) shadow: Arc<ShadowTally>,
    pub(crate) strangers: Strangers,
    pub(crate) catalogue: Catalogue,
    /// The machine's own name, in lower case.
    pub(crate) machine: Option<String>,
    pub(crate) connections: Arc<Connections>,
    pub(crate) memory: Arc<BodyMemory>,
    pub(crate) readers: Readers,
    pub(crate) surplus: Arc<Surplus>,
    pub(crate) turned_away: Bounded<1>,
    pub(crate) starved: Bounded<1>,
}

impl Gateway {
    pub(crate) fn new(
        current: Arc<Current>,
        clock: Arc<dyn Clock>,
        shadow: Arc<ShadowTally>,
    ) -> Self {
        let surplus: Arc<Surplus> = Arc::default();
        Self {
            current,
            clock,
            upstream: Upstream::default(),
            ids: RequestIds::new(),
            passwords: PasswordChecks::new(surplus.clone()),
            replays: Replays::default(),
            throttle: Throttle::default(),
            shadow,
            strangers: Strangers::default(),
            catalogue: Catalogue::default(),
            machine: crate::cross_site::machine_name(),
            connections: Arc::new(Connections::new(resources::descriptors(), surplus.clone())),
            memory: Arc::new(BodyMemory::new(resources::memory(), surplus.clone())),
            readers: Readers::new(),
            surplus,
            turned_away: Bounded::default(),
            starved: Bounded::default(),
        }
    }

    /// What is freed in bursts, to be given back.
    pub(crate) const fn surplus(&self) -> &Arc<Surplus> {
        &self.surplus
    }

    /// Answer one request, by the generation that is current now.
    pub(crate) async fn serve(
        &self,
        link: &Link,
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
        crate::cors::vary(cors, response.headers_mut());
        response
    }

    /// Answer a request whose head was refused before it was parsed.
    pub(crate) fn refuse(&self, link: &Link, head: RefusedHead) -> Response<AnswerBody> {
        let generation = self.current.load().number;
        let RefusedHead { bad, method, path } = head;
        // The key is not looked at, but it must not be recorded.
        let mut uri: Option<Uri> = path.and_then(|path| path.parse().ok());
        if let Some(uri) = &mut uri {
            PathKey::take(uri);
        }
        let mut record = Record::begin(self.ids.next(), generation, link.peer);
        record.asked(method, uri.as_ref().map(Uri::path));
        // Its headers are not known.
        if let Ok(hop) = TrustedProxies::default().client(link.hop(), &HeaderMap::new()) {
            record.came_from(hop);
        }
        let path = uri.as_ref().map_or("/", Uri::path);
        Refused::from(bad).answer(dialect_of_path(path), record)
    }

    pub(crate) async fn answer(
        &self,
        generation: &Arc<Generation>,
        link: &Link,
        head: Head<'_>,
        body: Incoming,
    ) -> Response<AnswerBody> {
        let parts = head.parts;
        let mut record = Record::begin(self.ids.next(), generation.number, link.peer);
        record.asked(Some(parts.method.clone()), Some(parts.uri.path()));
        let proxies = &generation.config.trusted_proxies;
        let client = match proxies.client(link.hop(), &parts.headers) {
            Ok(client) => client,
            Err(bad) => {
                return Refused::from(bad).answer(dialect_of_path(parts.uri.path()), record);
            }
        };
        record.came_from(client);
        let exchange = Exchange { gateway: self, generation, link, client };
        if parts.uri.path() == crate::token::PATH {
            return match exchange.token(head, body, &mut record).await {
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
        let judged = exchange.judge(routed, head, body, &mut record).await;
        match judged.and_then(|judged| exchange.recordable().map(|()| judged)) {
            Ok((permitted, caller)) => exchange.forward(permitted, caller, dialect, record).await,
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

/// What comes before a request's body, the key that stood in front of the path apart.
#[derive(Clone, Copy)]
pub(crate) struct Head<'a> {
    pub(crate) parts: &'a Parts,
    pub(crate) key: &'a PathKey,
}

/// One request on its way, with the one generation that it is judged by.
pub(crate) struct Exchange<'a> {
    pub(crate) gateway: &'a Gateway,
    pub(crate) generation: &'a Arc<Generation>,
    pub(crate) link: &'a Link,
    pub(crate) client: ClientIp,
}

impl Exchange<'_> {
    pub(crate) async fn judge(
        &self,
        routed: Result<Routed, stockade_ollama::Refusal>,
        head: Head<'_>,
        body: Incoming,
        record: &mut Record,
    ) -> Result<(Permitted, Option<Identity>), Refused> {
        let in_path = head.key.allowed(&self.generation.config.authentication)?;
        let routed = match routed {
            // Anybody is told how a path is spelled; nobody is asked who they are twice.
            Err(refusal) if refusal.location.is_some() => {
                return Err(Refused::moved(refusal, in_path));
            }
            routed => routed,
        };
        if matches!(&routed, Ok(routed) if is_public(routed)) {
            let classified = self.classify(routed?, body, None, record).await?;
            let permit = permit_public(classified)
                .map_err(|_| Refused::unproven(&AuthnError::Missing, false))?;
            record.permitted(&permit);
            return Ok((Permitted::unchanged(permit), None));
        }
        let caller = self.identify(head.parts, in_path).await?;
        record.identified(&caller);
        let mut classified = self.classify(routed?, body, Some(&caller), record).await?;
        if classified.request.parameters().insecure {
            // Rare, and its future would make that of every request larger.
            Box::pin(self.do_without_plain_http(&mut classified, &caller, record)).await;
        }
        let permit = self.decide(classified, &caller, record).await?;
        let permitted = self.consider(permit, &caller, record).await?;
        record.permitted(&permitted.permit);
        Ok((permitted, Some(caller)))
    }

    /// Refuse what would go on without a trace, where the configuration says so.
    pub(crate) fn recordable(&self) -> Result<(), Refused> {
        match self.generation.config.log.when_stuck {
            WhenStuck::Refuse if log::is_stuck() => Err(Refused::unrecorded()),
            WhenStuck::Refuse | WhenStuck::Drop => Ok(()),
        }
    }

    pub(crate) async fn decide(
        &self,
        classified: Classified,
        caller: &Identity,
        record: &mut Record,
    ) -> Result<Permit<Classified>, Refused> {
        let asker = self.asker(caller);
        record.judged(Facts::of(&asker.input(&classified, None)));
        let decision = self.generation.decide(asker, classified).await;
        let remarks = shadow::remarks(&decision);
        self.gateway.shadow.count(&remarks);
        record.shadowed(remarks);
        Ok(decision.result?)
    }

    /// The caller as decisions see it, now.
    pub(crate) fn asker<'c>(&self, caller: &'c Identity) -> Asker<'c> {
        Asker {
            principal: &caller.principal,
            scope: &caller.terms.scope,
            client: self.client(),
            time: self.generation.local_time(self.gateway.clock.as_ref()),
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client { address: self.client.address(), transport: self.link.transport }
    }
}
