//! The running gateway: sockets, reload and shutdown in one object.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use stockade_core::Clock;
use stockade_engine::{Compiler, Engine, EngineConfig, EngineError};
use stockade_usage::ledger::OpenError;
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::audit::Audit;
use crate::connection::listener;
use crate::decide::catalogue::UpstreamCatalogue;
use crate::gateway::Gateway;
use crate::metering::Metering;
use stockade_config::ConfigErrors;
use stockade_control::endings;
use stockade_control::generation::Generation;
use stockade_control::keep_fresh;
use stockade_control::reload::{Current, Reloader, Watch, WatchError};
use stockade_control::shadow::ShadowTally;
use stockade_control::shadow_generation::{ShadowFeed, ShadowGeneration};

/// The reason why the gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration does not load.
    #[error("{0}")]
    Config(#[from] ConfigErrors),
    /// The sandbox does not work on this machine.
    #[error("the sandbox cannot be set up: {0}")]
    Engine(#[from] EngineError),
    /// An address is not to be had.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The reason.
        source: std::io::Error,
    },
    /// The account of what was used cannot be opened.
    #[error(transparent)]
    Ledger(#[from] OpenError),
    /// The audit log cannot be opened.
    #[error(transparent)]
    Audit(#[from] stockade_audit::OpenError),
    /// Changes cannot be noticed.
    #[error("{0}")]
    Watch(#[from] WatchError),
    /// A shadow generation cannot be asked.
    #[error("cannot start a thread for a shadow configuration: {0}")]
    Shadow(std::io::Error),
}

/// A running gateway.
pub struct Server {
    addresses: Vec<SocketAddr>,
    current: Arc<Current>,
    shadow: Arc<ShadowTally>,
    catalogue: Arc<UpstreamCatalogue>,
    metering: Arc<Metering>,
    shadow_feed: Arc<ShadowFeed>,
    /// `None` where nothing is reloaded.
    shadow_generation: Option<Arc<ShadowGeneration>>,
    audit: Arc<Audit>,
    /// `None` where nothing is reloaded.
    watch: Option<Watch>,
    stop: CancellationToken,
    listeners: JoinSet<()>,
}

impl Server {
    /// Loads the configuration and listens. Several gateways in one process can have the same
    /// [`proven_engine`]: what one of them has compiled serves them all.
    ///
    /// # Errors
    /// Nothing listens until everything is ready.
    pub async fn start(
        engine: Arc<Engine>,
        config: &Path,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let reloader = Arc::new(Reloader::start(config, engine.clone(), clock.clone())?);
        let current = reloader.current().clone();
        let mut server = Self::serving(current.clone(), clock.clone()).await?;
        let feed = server.shadow_feed.clone();
        let shadow = ShadowGeneration::start((engine, clock), current.clone(), feed);
        let shadow = Arc::new(shadow.map_err(StartError::Shadow)?);
        server.listeners.spawn(follow(shadow.clone(), current, server.stop.clone()));
        let (shadow_generation, watch) = (Some(shadow), Some(Watch::start(reloader)?));
        Ok(Self { shadow_generation, watch, ..server })
    }

    /// Serves one generation as long as this lives, whatever becomes of its files.
    ///
    /// # Errors
    /// Where an address is not to be had.
    pub async fn of(generation: Generation, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        Self::serving(Arc::new(Current::new(generation)), clock).await
    }

    #[expect(clippy::unused_async, reason = "sockets listen within a runtime only")]
    async fn serving(current: Arc<Current>, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let config = current.load();
        let bound = config.config.listen.iter().map(|listener| listen(listener.address));
        let sockets = bound.collect::<Result<Vec<_>, _>>()?;
        let addresses = sockets.iter().filter_map(|socket| socket.local_addr().ok()).collect();
        let shadow = Arc::new(ShadowTally::default());
        let metering = Arc::new(Metering::open(&config, &clock)?);
        let audit = Arc::new(Audit::open(&config.config, &clock)?);
        audit.started(&current);
        let shadow_feed: Arc<ShadowFeed> = Arc::default();
        let shadows = (shadow.clone(), shadow_feed.clone());
        let kept = (metering.clone(), audit.clone());
        let gateway = Gateway::new(current.clone(), clock.clone(), shadows, kept);
        let gateway = Arc::new(gateway);
        let stop = CancellationToken::new();
        let mut listeners = JoinSet::new();
        listeners.spawn(gateway.surplus().clone().give_back(stop.clone()));
        for (socket, listener) in sockets.into_iter().zip(config.config.listen.clone()) {
            let gateway = gateway.clone();
            listeners.spawn(listener::serve(socket, listener, gateway, stop.clone()));
        }
        listeners.spawn(keep_fresh(current.clone(), stop.clone()));
        let catalogue = gateway.catalogue.clone();
        let timed = (current.clone(), clock.clone());
        listeners.spawn(metering.clone().keep(timed, stop.clone()));
        listeners.spawn(metering.clone().follow_quotas(current.clone(), stop.clone()));
        listeners.spawn(metering.clone().tell_store(stop.clone()));
        listeners.spawn(audit.clone().follow(current.clone(), stop.clone()));
        listeners.spawn(audit.clone().anchor(current.clone(), stop.clone()));
        let followed = (current.clone(), catalogue.clone());
        listeners.spawn(metering.clone().follow(followed, stop.clone()));
        listeners.spawn(gateway.keep_catalogue_fresh(stop.clone()));
        listeners.spawn(endings::keep_watch(current.clone(), clock, stop.clone()));
        Ok(Self {
            addresses,
            current,
            shadow,
            catalogue,
            metering,
            shadow_feed,
            shadow_generation: None,
            audit,
            watch: None,
            stop,
            listeners,
        })
    }

    /// Returns the addresses it listens on; the real ports, where the configuration says 0.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The generation in force and what becomes of changes.
    pub fn current(&self) -> &Arc<Current> {
        &self.current
    }

    /// Returns the verdicts of shadow bindings since the start.
    pub fn shadow(&self) -> &ShadowTally {
        &self.shadow
    }

    /// Returns the models of the upstream, as far as they are known.
    pub fn catalogue(&self) -> &UpstreamCatalogue {
        &self.catalogue
    }

    /// Returns the account of what is used, and the queue.
    pub const fn metering(&self) -> &Arc<Metering> {
        &self.metering
    }

    /// Returns the place of a whole candidate beside the generation in force; `None` where nothing is
    /// reloaded.
    pub const fn shadow_generation(&self) -> Option<&Arc<ShadowGeneration>> {
        self.shadow_generation.as_ref()
    }

    /// Returns the audit log.
    pub const fn audit(&self) -> &Arc<Audit> {
        &self.audit
    }

    /// Looks for changed files now.
    pub fn check_for_changes(&self) {
        if let Some(watch) = &self.watch {
            watch.check();
        }
    }

    /// Stops accepting, lets running requests finish, and ends.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(shadow) = &self.shadow_generation {
            shadow.end();
        }
        while self.listeners.join_next().await.is_some() {}
        self.audit.close(&self.current).await;
        let metering = self.metering;
        metering.leave_store().await;
        let flushed = tokio::task::spawn_blocking(move || metering.flush()).await;
        if let Ok(Err(error)) = flushed {
            tracing::error!("{error}; what was used since then is lost");
        }
    }
}

/// Tells the shadow generation of each change of the configuration, which may name another one.
async fn follow(shadow: Arc<ShadowGeneration>, current: Arc<Current>, stop: CancellationToken) {
    let mut status = current.status();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            changed = status.changed() => match changed {
                Ok(()) => shadow.follow(),
                Err(_) => return,
            },
        }
    }
}

/// The number of connections that may wait to be accepted; the system may allow fewer. A caller for
/// whom there is no place waits for a second before the next try.
const BACKLOG: u32 = 4096;

fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    bind(address).map_err(|source| StartError::Listen { address, source })
}

fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Connections of the process before this one may not have ended.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The sandbox, its limits shown to bite here and now.
///
/// # Errors
/// Where they do not, or it cannot be set up on this machine.
pub fn proven_engine(compiler: Compiler) -> Result<Engine, EngineError> {
    let engine = Engine::new(EngineConfig::compiling(compiler))?;
    engine.self_test()?;
    Ok(engine)
}
