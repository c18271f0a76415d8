//! Sockets: accept, shake hands, serve HTTP/1.1, drain.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONNECTION, HeaderValue, TRANSFER_ENCODING};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use stockade_authn::ClientIp;
use stockade_core::Transport;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::Gateway;
use super::answer::AnswerBody;
use super::certificate::PeerCertificate;
use super::guard::{HeadGuard, REFUSED, Verdict};
use super::proxy_protocol::{self, NotProxied};
use crate::config::Listener;
use crate::reload::Wake;
use crate::tls::{Tls, noting};

/// How long a connection may wait for its next request.
const IDLE: Duration = Duration::from_secs(75);

/// The address at the other end of a connection: the last proxy's, if there are any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PeerAddr(pub(crate) SocketAddr);

/// Whether the caller itself is at the other end.
impl PartialEq<PeerAddr> for ClientIp {
    fn eq(&self, peer: &PeerAddr) -> bool {
        self.address() == peer.0.ip().to_canonical()
    }
}

impl fmt::Display for PeerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How a caller is connected.
pub(crate) struct Link {
    pub(crate) peer: PeerAddr,
    /// Whom a trusted proxy says that the connection is for.
    told: Option<SocketAddr>,
    pub(crate) transport: Transport,
    /// The address that the listener has in the configuration.
    pub(super) listener: SocketAddr,
    /// The client's certificate, if it has one.
    pub(super) certificate: Option<Arc<PeerCertificate>>,
    /// Whether the gateway was reached at an address that only this machine has. A proxy on
    /// this machine is at one, whomever it speaks for, and whatever headers say.
    loopback: bool,
}

impl Link {
    /// Where requests come from, as far as it can be told without looking at them.
    pub(super) fn hop(&self) -> IpAddr {
        self.told.unwrap_or(self.peer.0).ip()
    }

    /// Whether nobody on the way can read a password.
    pub(crate) fn keeps_passwords(&self) -> bool {
        self.loopback || self.transport != Transport::Plain
    }
}

/// Accept connections until `stop`, then let the running requests finish.
pub(crate) async fn serve(
    listener: TcpListener,
    configured: Listener,
    gateway: Arc<Gateway>,
    stop: CancellationToken,
) {
    let graceful = GracefulShutdown::new();
    let Listener { address, tls, proxy_protocol, .. } = configured;
    let mut entrance = Entrance { address, tls, proxy_protocol };
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    entrance.renew(&gateway);
                    let header_timeout = gateway.current.load().config.limits.header_timeout;
                    let connection = Connection { gateway: gateway.clone(), header_timeout };
                    let entrance = entrance.clone();
                    tokio::spawn(connection.run(stream, PeerAddr(peer), entrance, graceful.watcher()));
                }
                Err(error) => pause_after(&error).await,
            },
        }
    }
    drop(listener);
    let drain_timeout = gateway.current.load().config.limits.drain_timeout;
    if tokio::time::timeout(drain_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still running when the drain timeout ended; they are cut");
    }
}

/// Out of descriptors: there is nothing to do but to wait until some are free.
async fn pause_after(error: &io::Error) {
    tracing::warn!(%error, "cannot accept a connection");
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// A listener's address and what it presents.
#[derive(Clone)]
struct Entrance {
    address: SocketAddr,
    tls: Option<Tls>,
    proxy_protocol: bool,
}

impl Entrance {
    /// Take what the current generation says. Whether there is TLS at all was decided when
    /// the socket was opened: a change of that waits for a restart.
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
    /// How long its caller may take to send a request's head, and to shake hands.
    header_timeout: Duration,
}

impl Connection {
    async fn run(
        self,
        mut stream: TcpStream,
        peer: PeerAddr,
        entrance: Entrance,
        watcher: Watcher,
    ) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let told = match self.told(&mut stream, peer, &entrance).await {
            Ok(told) => told,
            Err(error) => {
                return self.gateway.strangers.unproxied(peer, entrance.address, &error);
            }
        };
        let is_loopback = |address: SocketAddr| address.ip().to_canonical().is_loopback();
        let mut link = Link {
            peer,
            told,
            transport: Transport::Plain,
            listener: entrance.address,
            certificate: None,
            loopback: stream.local_addr().is_ok_and(is_loopback) && is_loopback(peer.0),
        };
        let Some(tls) = entrance.tls else {
            tokio::spawn(self.http(stream, link, watcher));
            return;
        };
        let acceptor = TlsAcceptor::from(tls.server);
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
            Ok(Err(error)) => self.gateway.strangers.failed(peer, &error, refused.as_deref()),
            Err(_) => self.gateway.strangers.late(peer),
        }
    }

    /// What stands before everything else on a connection, if something does.
    async fn told(
        &self,
        stream: &mut TcpStream,
        peer: PeerAddr,
        entrance: &Entrance,
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
    async fn http<S>(self, stream: S, link: Link, watcher: Watcher)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let peer = link.peer;
        let link = Arc::new(link);
        let verdict = Verdict::default();
        let wake = Wake::new(&self.gateway.current);
        let stream = HeadGuard::new(stream, self.header_timeout, verdict.clone());
        let service = service_fn(move |request| {
            let (gateway, link, verdict) = (self.gateway.clone(), link.clone(), verdict.clone());
            // hyper moves it several times, and keeps the room for it while a connection is
            // idle: kilobytes, unless it is boxed.
            Box::pin(async move {
                Ok::<_, Infallible>(answer(&gateway, &link, request, &verdict).await)
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
            connection.as_mut().poll(context)
        });
        if let Err(error) = served.await {
            tracing::debug!(%peer, %error, "connection ended");
        }
    }
}

async fn answer(
    gateway: &Gateway,
    link: &Link,
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
    if last {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_travel_by_loopback_or_tls_only() {
        let address = SocketAddr::from(([192, 0, 2, 7], 4711));
        for (transport, loopback, kept) in [
            (Transport::Plain, false, false),
            (Transport::Plain, true, true),
            (Transport::Tls, false, true),
            (Transport::MutualTls, false, true),
        ] {
            let (peer, listener) = (PeerAddr(address), address);
            // Whomever a proxy speaks for, also if that is somebody on this machine.
            for told in [None, Some(address), Some(SocketAddr::from(([127, 0, 0, 1], 80)))] {
                let certificate = None;
                let link = Link { peer, told, transport, listener, certificate, loopback };
                assert_eq!(link.keeps_passwords(), kept);
            }
        }
    }
}
