//! Connections to the gateway, with TLS or, on this machine, without.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;
use tower_service::Service;

/// From the name to the end of the handshake.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// The time for which the network may take nothing of what is sent: a machine that slept or changed
/// networks has connections that lead nowhere.
const DEAD: Duration = Duration::from_secs(20);
/// The silence after which the network is asked whether a connection on which nothing comes still
/// exists.
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 3;

/// The reason why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    /// The name is unknown, or nobody answers at the address.
    #[error("no connection is made")]
    Tcp(#[source] Box<dyn Error + Send + Sync>),
    /// The name leads to another machine, where the credential must not go without TLS.
    #[error("its name leads to another machine")]
    NotHere,
    /// The host is no name that a certificate could have.
    #[error("its name is none that a certificate can have")]
    Name,
    /// No TLS connection is made.
    #[error("the handshake fails")]
    Tls(#[source] io::Error),
    /// It takes too long.
    #[error("it takes longer than {} seconds", PATIENCE.as_secs())]
    Slow,
}

/// Makes connections.
#[derive(Clone)]
pub(crate) struct Connector {
    tcp: HttpConnector,
    tls: Option<Arc<ClientConfig>>,
    /// Only to this machine.
    loopback_only: bool,
}

impl Connector {
    /// Connections with TLS.
    pub(crate) fn encrypted(tls: Arc<ClientConfig>) -> Self {
        Self { tcp: tcp(), tls: Some(tls), loopback_only: false }
    }

    /// Connections without, to this machine or to any.
    pub(crate) fn plain(loopback_only: bool) -> Self {
        Self { tcp: tcp(), tls: None, loopback_only }
    }
}

fn tcp() -> HttpConnector {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(KEEPALIVE));
    tcp.set_keepalive_interval(Some(KEEPALIVE_INTERVAL));
    tcp.set_keepalive_retries(Some(KEEPALIVE_RETRIES));
    #[cfg(target_os = "linux")]
    tcp.set_tcp_user_timeout(Some(DEAD));
    tcp
}

impl Service<Uri> for Connector {
    type Response = GatewayStream;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<GatewayStream, ConnectError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        self.tcp.poll_ready(context).map_err(|error| ConnectError::Tcp(error.into()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let dialled = self.tcp.call(uri);
        let (tls, loopback_only) = (self.tls.clone(), self.loopback_only);
        let established = async move {
            let stream = dialled.await.map_err(|error| ConnectError::Tcp(error.into()))?;
            let stream = stream.into_inner();
            let peer = stream.peer_addr().map_err(|error| ConnectError::Tcp(error.into()))?;
            if loopback_only && !peer.ip().to_canonical().is_loopback() {
                return Err(ConnectError::NotHere);
            }
            let Some(tls) = tls else {
                return Ok(GatewayStream(TokioIo::new(Either::Left(stream))));
            };
            let name = ServerName::try_from(host).map_err(|_| ConnectError::Name)?;
            let shaken = TlsConnector::from(tls).connect(name, stream).await;
            let stream = shaken.map_err(ConnectError::Tls)?;
            Ok(GatewayStream(TokioIo::new(Either::Right(Box::new(stream)))))
        };
        Box::pin(async move {
            let established = tokio::time::timeout(PATIENCE, established).await;
            established.unwrap_or(Err(ConnectError::Slow))
        })
    }
}

/// A connection to the gateway.
pub(crate) struct GatewayStream(TokioIo<Either<TcpStream, Box<TlsStream<TcpStream>>>>);

impl Connection for GatewayStream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for GatewayStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl Write for GatewayStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, slices)
    }
}
