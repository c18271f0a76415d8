//! The running end: sockets, renewal and shutdown in one object.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use stockade_core::{Clock, UnixTime};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::blocking::blocking;
use crate::linger::{AnsweredEarly, Lingering};
use crate::peer::{ForeignPeer, PeerCheck};
use crate::relay::Relay;
use crate::{Config, CredentialError, TlsError, renewal};

/// The time that a connection may wait for its next request.
const IDLE: Duration = Duration::from_mins(5);
/// The time that running answers may take once this end stops.
const DRAIN: Duration = Duration::from_secs(10);
/// The time for which nothing is accepted after the system could not.
const PAUSE: Duration = Duration::from_millis(100);

/// The reason why this end does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Nothing proves who is asking.
    #[error(
        "say who you are: --key-file or --token-file with a file that only you can read, or a \
         client certificate by --cert and --key"
    )]
    NoCredential,
    /// The credential would be read by others.
    #[error(
        "{0} is another machine, and without TLS everybody on the way could read your credential \
         and what you ask; use https, or say --send-credential-unencrypted"
    )]
    Unencrypted(String),
    /// Certificates and authorities are of no use without TLS.
    #[error("--cert, --key and --ca are for TLS; write the gateway's address with https")]
    NoTls,
    /// Others could use the credential.
    #[error(
        "{0} is no loopback address: whoever reached it would be answered with your rights; use \
         127.0.0.1 or [::1], and let other machines have credentials of their own"
    )]
    NotLoopback(SocketAddr),
    /// An address is not to be had.
    #[error("cannot listen on {address}: {source}{}", advice(*.address, .source))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The reason.
        source: io::Error,
    },
    /// The key or the token cannot be used.
    #[error("{0}")]
    Credential(#[from] CredentialError),
    /// A file for TLS cannot be used.
    #[error("{0}")]
    Tls(#[from] TlsError),
    /// The gateway's address cannot be written into a request.
    #[error("the gateway's address is no host: {0}")]
    Gateway(#[from] http::Error),
}

fn advice(address: SocketAddr, error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse if address.port() == crate::DEFAULT_ADDRESS.port() => {
            "; Ollama itself may run here (stop it: `systemctl disable --now ollama`), or choose \
             another port by --listen and tell clients by OLLAMA_HOST"
        }
        io::ErrorKind::AddrInUse => "; another program listens there, choose another port",
        _ => "",
    }
}

/// A running local end of a gateway.
pub struct Connect {
    addresses: Vec<SocketAddr>,
    relay: Arc<Relay>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Connect {
    /// Reads the credential and listens. The gateway need not be there yet.
    ///
    /// # Errors
    /// Nothing listens until everything is ready.
    pub async fn start(config: Config, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        check(&config)?;
        let relay = Arc::new(Relay::new(&config, clock)?);
        match relay.authorization().await {
            // Whoever logs in after a holiday puts a new one there, and need not start this again.
            Err(ended @ CredentialError::Ended { .. }) => tracing::warn!("{ended}"),
            other => drop(other?),
        }
        if let Some(files) = relay.upstream.tls().cloned() {
            blocking(move || files.current()).await?;
        }
        let peers = PeerCheck::new();
        if peers == PeerCheck::Untold {
            tracing::warn!(
                "this system does not tell whose processes connect: every user of this machine is \
                 answered with your rights"
            );
        }
        let mut sockets = Vec::new();
        for &address in &config.listen {
            let bound = TcpListener::bind(address).await;
            sockets.push(bound.map_err(|source| StartError::Listen { address, source })?);
        }
        let addresses = sockets.iter().filter_map(|socket| socket.local_addr().ok()).collect();
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        for socket in sockets {
            tasks.spawn(serve(socket, Arc::clone(&relay), peers, stop.clone()));
        }
        tasks.spawn(renewal::keep_fresh(Arc::clone(&relay), stop.clone()));
        Ok(Self { addresses, relay, stop, tasks })
    }

    /// The addresses on which it listens; the real ports, where it was told 0.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Tells until when the token is good, whenever that changes; `None` without a token.
    pub fn token_expiry(&self) -> Option<watch::Receiver<Option<UnixTime>>> {
        self.relay.credential.as_ref().map(|credential| credential.expiry())
    }

    /// Asks the gateway for its list of models, and logs whether it can be reached and accepts the
    /// credential.
    pub async fn probe(&self) {
        self.relay.probe().await;
    }

    /// Stops accepting, lets running answers finish for a while, and ends.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

fn check(config: &Config) -> Result<(), StartError> {
    let gateway = &config.gateway;
    if config.bearer.is_none() && config.certificate.is_none() {
        return Err(StartError::NoCredential);
    }
    if !gateway.is_encrypted() && (config.certificate.is_some() || config.ca.is_some()) {
        return Err(StartError::NoTls);
    }
    if !gateway.is_encrypted() && !gateway.is_loopback() && !config.unencrypted {
        return Err(StartError::Unencrypted(gateway.to_string()));
    }
    let reachable = |address: &&SocketAddr| !address.ip().is_loopback();
    match config.listen.iter().find(reachable) {
        Some(address) => Err(StartError::NotLoopback(*address)),
        None => Ok(()),
    }
}

/// Accepts connections until it is told to stop, then lets the running requests finish.
async fn serve(
    listener: TcpListener,
    relay: Arc<Relay>,
    peers: PeerCheck,
    stop: CancellationToken,
) {
    let graceful = GracefulShutdown::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let connection = Connection { stream, peer, peers, relay: relay.clone() };
                    tokio::spawn(connection.run(graceful.watcher()));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("answers were still running; they are cut");
    }
}

/// One connection of a program on this machine.
struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    peers: PeerCheck,
    relay: Arc<Relay>,
}

impl Connection {
    async fn run(self, watcher: Watcher) {
        let Self { stream, peer, peers, relay } = self;
        let Ok(local) = stream.local_addr() else { return };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let checked: Result<(), ForeignPeer> = blocking(move || peers.check(peer, local)).await;
        if let Err(foreign) = checked {
            relay.refused(foreign);
        }
        let early = AnsweredEarly::default();
        let stream = Lingering::new(stream, early.clone());
        let service = service_fn(move |request| {
            let (relay, early) = (Arc::clone(&relay), early.clone());
            async move { Ok::<_, Infallible>(relay.serve(checked, request, &early).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(IDLE)
            .serve_connection(TokioIo::new(stream), service);
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%error, "a connection ended");
        }
    }
}
