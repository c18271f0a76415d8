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
                    let connection = Connection { gateway: gateway.clone(), peer: PeerAddr(peer) };
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

struct Connection {
    gateway: Arc<Gateway>,
    peer: PeerAddr,
}

impl Connection {
    async fn run(self, stream: TcpStream, limits: ConnectionLimits, watcher: Watcher) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let peer = self.peer;
        let verdict = Verdict::default();
        let stream = HeadGuard::new(stream, limits.header_timeout, verdict.clone());
        let service = service_fn(move |request| {
            let (gateway, verdict) = (self.gateway.clone(), verdict.clone());
            async move { Ok::<_, Infallible>(answer(&gateway, peer, request, &verdict).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // A head arrives here whole or not at all, so this is the time between two.
            .header_read_timeout(limits.header_timeout + IDLE)
            .serve_connection(TokioIo::new(stream), service);
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%peer, %error, "connection ended");
        }
    }
}

async fn answer(
    gateway: &Gateway,
    peer: PeerAddr,
    request: Request<Incoming>,
    verdict: &Verdict,
) -> Response<AnswerBody> {
    let refused = request.method() == REFUSED;
    let last = refused || request.headers().contains_key(TRANSFER_ENCODING);
    let mut response = if refused {
        gateway.refuse(peer, request.uri().path(), verdict.take())
    } else {
        gateway.serve(peer, request).await
    };
    if last {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
