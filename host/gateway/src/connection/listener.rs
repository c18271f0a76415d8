//! Sockets: accept, shake hands, serve HTTP/1.1, drain.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::header::{CONNECTION, HeaderValue, TRANSFER_ENCODING};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use stockade_core::Transport;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::connection::connections::{Connected, Full};
use crate::connection::guard::{HeadGuard, Heads, REFUSED, Verdict};
use crate::connection::info::{ConnectionInfo, PeerAddr};
use crate::connection::patience::{Patience, Patient};
use crate::connection::proxy_protocol::{self, NotProxied};
use crate::connection::seated::SeatedBody;
use crate::forward::answer::AnswerBody;
use crate::gateway::Gateway;
use crate::identify::certificate::PeerCertificate;
use stockade_config::Listener;
use stockade_net::tls::{Tls, noting};

/// The time that a connection may wait for its next request.
const IDLE: Duration = Duration::from_secs(75);

/// Accepts connections until `stop`, then lets the running requests finish.
pub(crate) async fn serve(
    listener: TcpListener,
    configured: Listener,
    gateway: Arc<Gateway>,
    stop: CancellationToken,
) {
    let graceful = GracefulShutdown::new();
    let patience = Patience::new(gateway.current.clone(), stop.clone());
    let Listener { address, tls, proxy_protocol, .. } = configured;
    let mut entrance = ListenerConfig { address, tls, proxy_protocol };
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    entrance.renew(&gateway);
                    let stream = Patient::new(stream, patience.clone());
                    match gateway.acceptor.admit() {
                        Ok(connected) => {
                            let connection = Connection::new(gateway.clone(), connected);
                            let entrance = entrance.clone();
                            let watcher = graceful.watcher();
                            tokio::spawn(connection.run(stream, PeerAddr(peer), entrance, watcher));
                        }
                        Err(full) => gateway.acceptor.turn_away(&stream, &entrance, full),
                    }
                    // A burst must not take descriptors faster than evicted connections,
                    // which close themselves, give them back.
                    tokio::task::yield_now().await;
                }
                Err(error) => gateway.acceptor.pause_after(&error).await,
            },
        }
    }
    drop(listener);
    let drain_timeout = gateway.current.load().config.limits.drain_timeout;
    if tokio::time::timeout(drain_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still running when the drain timeout ended; they are cut");
    }
}

/// A listener's address and what it presents.
#[derive(Clone)]
pub(crate) struct ListenerConfig {
    address: SocketAddr,
    tls: Option<Tls>,
    proxy_protocol: bool,
}

impl ListenerConfig {
    /// Tells whether HTTP begins with the first byte.
    pub(crate) const fn is_plain(&self) -> bool {
        self.tls.is_none() && !self.proxy_protocol
    }

    /// Takes what the current generation says. Whether there is TLS at all was decided when the
    /// socket was opened: a change of that waits for a restart.
    fn renew(&mut self, gateway: &Gateway) {
        let generation = gateway.current.load();
        let Some(configured) = generation.listener(self.address, self.tls.is_some()) else {
            return;
        };
        self.proxy_protocol = configured.proxy_protocol;
        if let (Some(own), Some(tls)) = (&mut self.tls, &configured.tls) {
            own.clone_from(tls);
        }
    }
}

struct Connection {
    gateway: Arc<Gateway>,
    /// The time that its caller may take to send a request's head, and to shake hands.
    header_timeout: Duration,
    connected: Arc<Connected>,
}

/// The connection makes room for another one.
#[derive(Debug, thiserror::Error)]
#[error("it makes room for another connection")]
struct Evicted;

impl Connection {
    fn new(gateway: Arc<Gateway>, connected: Connected) -> Self {
        let header_timeout = gateway.current.load().config.limits.header_timeout;
        Self { gateway, header_timeout, connected: Arc::new(connected) }
    }

    async fn run(
        self,
        stream: Patient<TcpStream>,
        peer: PeerAddr,
        entrance: ListenerConfig,
        watcher: Watcher,
    ) {
        let connected = self.connected.clone();
        let evicted = std::future::poll_fn(|context| connected.seat().poll_evicted(context));
        tokio::select! {
            biased;
            () = evicted => tracing::debug!(%peer, "connection ended: {Evicted}"),
            () = self.establish(stream, peer, entrance, watcher) => {}
        }
    }

    async fn establish(
        self,
        mut stream: Patient<TcpStream>,
        peer: PeerAddr,
        entrance: ListenerConfig,
        watcher: Watcher,
    ) {
        if let Err(error) = stream.get_ref().set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let proxied_source = match self.proxied_source(&mut stream, peer, &entrance).await {
            Ok(proxied_source) => proxied_source,
            Err(error) => {
                return self.gateway.refusals.unproxied(peer, entrance.address, &error);
            }
        };
        if let Err(full) = self.locate(peer, proxied_source) {
            return self.gateway.acceptor.turn_away(&stream, &entrance, full);
        }
        let is_loopback = |address: SocketAddr| address.ip().to_canonical().is_loopback();
        let local = stream.get_ref().local_addr();
        let mut link = ConnectionInfo {
            peer,
            proxied_source,
            transport: Transport::Plain,
            listener: entrance.address,
            certificate: None,
            loopback: local.is_ok_and(is_loopback) && is_loopback(peer.0),
        };
        let Some(tls) = entrance.tls else {
            tokio::spawn(self.http(stream, link, watcher));
            return;
        };
        let acceptor = TlsAcceptor::from(Arc::clone(tls.server()));
        let handshake = tokio::time::timeout(self.header_timeout, acceptor.accept(stream));
        let (shaken, refused) = noting(handshake).await;
        match shaken {
            Ok(Ok(stream)) => {
                let chain = stream.get_ref().1.peer_certificates().map(<[_]>::to_vec);
                link.certificate = chain.and_then(PeerCertificate::new).map(Arc::new);
                let mutual = link.certificate.is_some();
                link.transport = if mutual { Transport::MutualTls } else { Transport::Tls };
                tokio::spawn(self.http(stream, link, watcher));
            }
            Ok(Err(error)) => self.gateway.refusals.failed(peer, &error, refused.as_deref()),
            Err(_) => self.gateway.refusals.late(peer),
        }
    }

    /// Counts the connection for whom it is from. A trusted proxy that does not tell has as many as
    /// there are.
    fn locate(&self, peer: PeerAddr, proxied_source: Option<SocketAddr>) -> Result<(), Full> {
        let generation = self.gateway.current.load();
        if proxied_source.is_none() && generation.config.trusted_proxies.trusts(peer.0.ip()) {
            return Ok(());
        }
        let most = self.gateway.connections.most(&generation.config.limits);
        self.connected.locate(proxied_source.unwrap_or(peer.0).ip(), most)
    }

    /// Reads the address in the PROXY header that a connection begins with, if one is due.
    async fn proxied_source(
        &self,
        stream: &mut Patient<TcpStream>,
        peer: PeerAddr,
        entrance: &ListenerConfig,
    ) -> Result<Option<SocketAddr>, NotProxied> {
        if !entrance.proxy_protocol {
            return Ok(None);
        }
        if !self.gateway.current.load().config.trusted_proxies.trusts(peer.0.ip()) {
            return Err(NotProxied::Untrusted);
        }
        let header = proxy_protocol::read(stream);
        let header = tokio::time::timeout(self.header_timeout, header).await;
        header.unwrap_or(Err(NotProxied::Late))
    }

    /// A task of its own: what only a handshake or only TLS needs room for would otherwise
    /// be kept for each idle connection, kilobytes of it.
    async fn http<S>(self, stream: S, link: ConnectionInfo, watcher: Watcher)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let peer = link.peer;
        let link = Arc::new(link);
        let verdict = Verdict::default();
        let wake = self.gateway.current.wake();
        let heads = Heads::new(self.gateway.memory.clone(), self.gateway.current.clone());
        let timeout = self.header_timeout;
        let stream = HeadGuard::new(stream, timeout, verdict.clone(), heads);
        let connected = self.connected.clone();
        let service = service_fn(move |request| {
            let (gateway, link, verdict) = (self.gateway.clone(), link.clone(), verdict.clone());
            let busy = self.connected.begin();
            // hyper moves it several times, and keeps the room for it while a connection is
            // idle: kilobytes, unless it is boxed.
            Box::pin(async move {
                let busy = busy.ok_or(Evicted)?;
                let response = answer(&gateway, &link, request, &verdict).await;
                Ok::<_, Evicted>(response.map(|body| SeatedBody::new(body, busy)))
            })
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // A head arrives here whole or not at all, so this is the time between two.
            .header_read_timeout(self.header_timeout + IDLE)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(watcher.watch(connection));
        let served = std::future::poll_fn(|context| {
            wake.register(context);
            if connected.seat().poll_evicted(context).is_ready() {
                tracing::debug!(%peer, "connection ended: {Evicted}");
                return Poll::Ready(Ok(()));
            }
            connection.as_mut().poll(context)
        });
        if let Err(error) = served.await {
            tracing::debug!(%peer, %error, "connection ended");
        }
    }
}

async fn answer(
    gateway: &Gateway,
    link: &ConnectionInfo,
    request: Request<Incoming>,
    verdict: &Verdict,
) -> Response<AnswerBody> {
    let refused = request.method() == REFUSED;
    let last = refused || request.headers().contains_key(TRANSFER_ENCODING);
    let mut response = if refused {
        gateway.refuse(link, verdict.take())
    } else {
        gateway.serve(link, request).await
    };
    if last || verdict.is_arriving() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
