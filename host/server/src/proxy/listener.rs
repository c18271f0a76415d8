//! Sockets: accept, serve HTTP/1.1, drain.

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONNECTION, HeaderValue, TRANSFER_ENCODING};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use stockade_core::Transport;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::Gateway;
use super::answer::AnswerBody;
use super::guard::{HeadGuard, REFUSED, Verdict};

/// How long a connection may wait for its next request.
const IDLE: Duration = Duration::from_secs(75);

/// The address at the other end of a connection: the last proxy's, if there are any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PeerAddr(pub(crate) SocketAddr);

impl fmt::Display for PeerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How a caller is connected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    pub(crate) peer: PeerAddr,
    pub(crate) transport: Transport,
    /// Whether the gateway was reached at an address that only this machine has.
    loopback: bool,
}

impl Link {
    /// Whether nobody on the way can read a password.
    pub(crate) fn keeps_passwords(&self) -> bool {
        self.loopback || self.transport != Transport::Plain
    }
}

/// Limits of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionLimits {
    /// How long a caller may take to send a request's head.
    pub(crate) header_timeout: Duration,
    /// How long running answers may go on after a shutdown began.
    pub(crate) drain_timeout: Duration,
}

/// Accept connections until `stop`, then let the running requests finish.
pub(crate) async fn serve(
    listener: TcpListener,
    gateway: Arc<Gateway>,
    limits: ConnectionLimits,
    stop: CancellationToken,
) {
    let graceful = GracefulShutdown::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let connection = Connection { gateway: gateway.clone(), link: plain(&stream, peer) };
                    tokio::spawn(connection.run(stream, limits, graceful.watcher()));
                }
                Err(error) => pause_after(&error).await,
            },
        }
    }
    drop(listener);
    if tokio::time::timeout(limits.drain_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still running when the drain timeout ended; they are cut");
    }
}

/// Out of descriptors: there is nothing to do but to wait until some are free.
async fn pause_after(error: &std::io::Error) {
    tracing::warn!(%error, "cannot accept a connection");
    tokio::time::sleep(Duration::from_millis(50)).await;
}

fn plain(stream: &TcpStream, peer: SocketAddr) -> Link {
    let loopback = |address: SocketAddr| address.ip().to_canonical().is_loopback();
    let loopback = stream.local_addr().is_ok_and(loopback) && loopback(peer);
    Link { peer: PeerAddr(peer), transport: Transport::Plain, loopback }
}

struct Connection {
    gateway: Arc<Gateway>,
    link: Link,
}

impl Connection {
    async fn run(self, stream: TcpStream, limits: ConnectionLimits, watcher: Watcher) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let link = self.link;
        let verdict = Verdict::default();
        let stream = HeadGuard::new(stream, limits.header_timeout, verdict.clone());
        let service = service_fn(move |request| {
            let (gateway, verdict) = (self.gateway.clone(), verdict.clone());
            async move { Ok::<_, Infallible>(answer(&gateway, &link, request, &verdict).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // A head arrives here whole or not at all, so this is the time between two.
            .header_read_timeout(limits.header_timeout + IDLE)
            .serve_connection(TokioIo::new(stream), service);
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(peer = %link.peer, %error, "connection ended");
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
        gateway.refuse(link.peer, request.into_parts().0.uri, verdict.take())
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
        let peer = PeerAddr(SocketAddr::from(([192, 0, 2, 7], 4711)));
        for (transport, loopback, kept) in [
            (Transport::Plain, false, false),
            (Transport::Plain, true, true),
            (Transport::Tls, false, true),
            (Transport::MutualTls, false, true),
        ] {
            assert_eq!(Link { peer, transport, loopback }.keeps_passwords(), kept);
        }
    }
}
