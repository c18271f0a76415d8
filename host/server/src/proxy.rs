//! A request's life: identify, classify, decide, forward, record.

mod answer;
mod body;
mod catalogue;
mod certificate;
mod classify;
mod connections;
mod consequences;
mod cors;
mod cross_site;
mod crowd;
mod forward;
mod guard;
mod identify;
mod link;
mod list;
mod listener;
mod memory;
mod passwords;
mod path_key;
mod patience;
mod pause;
mod proxy_protocol;
mod readers;
mod record;
mod refused;
mod seat;
mod seated;
mod strangers;
mod surplus;
mod tenure;
mod throttled;
mod token;
mod upstream;

use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, Request, Response, Uri};
use hyper::body::Incoming;
use stockade_authn::{AuthnError, ClientIp, Identity, Replays, Throttle, TrustedProxies};
use stockade_core::{AccessClass, Client, Clock, Dialect, Permit, permit_public};
use stockade_ollama::{RequestHead, Routed, dialect_of_path};

use crate::bounded::Bounded;
use crate::config::WhenStuck;
use crate::generation::{Asker, Generation};
use crate::log;
use crate::reload::Current;
use crate::resources;
use crate::shadow::{self, ShadowTally};
use answer::AnswerBody;
use catalogue::Catalogue;
use classify::Classified;
use connections::Connections;
use consequences::Permitted;
use cors::Page;
use guard::RefusedHead;
use link::Link;
use memory::BodyMemory;
use passwords::PasswordChecks;
use path_key::PathKey;
use readers::Readers;
use record::{Record, RequestIds};
use refused::Refused;
use stockade_core::record::Facts;
use strangers::Strangers;
use surplus::Surplus;
use upstream::Upstream;

pub(crate) use listener::serve;

/// The gateway: what connections share.
pub(crate) struct Gateway {
    current: Arc<Current>,
    clock: Arc<dyn Clock>,
    upstream: Upstream,
    ids: RequestIds,
    passwords: PasswordChecks,
    replays: Replays,
    throttle: Throttle,
    shadow: Arc<ShadowTally>,
    strangers: Strangers,
    catalogue: Catalogue,
    /// The machine's own name, in lower case.
    machine: Option<String>,
    connections: Arc<Connections>,
    memory: Arc<BodyMemory>,
    readers: Readers,
    surplus: Arc<Surplus>,
    turned_away: Bounded<1>,
    starved: Bounded<1>,
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
            machine: cross_site::machine_name(),
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
        cors::vary(cors, response.headers_mut());
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

    async fn answer(
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
        if parts.uri.path() == token::PATH {
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
struct Head<'a> {
    parts: &'a Parts,
    key: &'a PathKey,
}

/// One request on its way, with the one generation that it is judged by.
struct Exchange<'a> {
    gateway: &'a Gateway,
    generation: &'a Arc<Generation>,
    link: &'a Link,
    client: ClientIp,
}

impl Exchange<'_> {
    async fn judge(
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
        let classified = self.classify(routed?, body, Some(&caller), record).await?;
        let permit = self.decide(classified, &caller, record).await?;
        let permitted = self.consider(permit, &caller, record).await?;
        record.permitted(&permitted.permit);
        Ok((permitted, Some(caller)))
    }

    /// Refuse what would go on without a trace, where the configuration says so.
    fn recordable(&self) -> Result<(), Refused> {
        match self.generation.config.log.when_stuck {
            WhenStuck::Refuse if log::is_stuck() => Err(Refused::unrecorded()),
            WhenStuck::Refuse | WhenStuck::Drop => Ok(()),
        }
    }

    async fn decide(
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
    fn asker<'c>(&self, caller: &'c Identity) -> Asker<'c> {
        Asker {
            principal: &caller.principal,
            scope: &caller.terms.scope,
            client: self.client(),
            time: self.generation.local_time(self.gateway.clock.as_ref()),
        }
    }

    fn client(&self) -> Client {
        Client { address: self.client.address(), transport: self.link.transport }
    }
}
