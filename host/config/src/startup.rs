//! Settings that are fixed when the gateway starts. Everything else takes effect with the
//! generation that says it.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::types::{Config, LogFormat, Store};

/// The part of a configuration that a running gateway does not change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartupConfig {
    /// Addresses, each with whether it has TLS. Certificates are not fixed.
    listen: Vec<(SocketAddr, bool)>,
    log_format: LogFormat,
    state_directory: Option<PathBuf>,
    /// The directory of the audit log, if there is one.
    audit: Option<PathBuf>,
    /// A digest of the store's settings.
    store: Option<[u8; 32]>,
}

impl StartupConfig {
    /// The keys that a running gateway does not change, as the configuration names them.
    pub const KEYS: [&'static str; 5] = [
        "listen (addresses)",
        "log.format",
        "state_directory",
        "audit (enabled, directory)",
        "usage.store",
    ];

    /// The fixed part of a configuration.
    pub fn of(config: &Config) -> Self {
        let listen = config.listen.iter();
        Self {
            listen: listen.map(|listener| (listener.address, listener.tls.is_some())).collect(),
            log_format: config.log.format,
            state_directory: config.state_directory.clone(),
            audit: config.audit.as_ref().map(|audit| audit.log.directory.clone()),
            store: config.store.as_ref().map(Store::digest),
        }
    }

    /// The keys that say something else in a later configuration.
    pub fn changed_in(&self, config: &Config) -> Vec<&'static str> {
        let Self { listen, log_format, state_directory, audit, store } = Self::of(config);
        let changed = [
            listen != self.listen,
            log_format != self.log_format,
            state_directory != self.state_directory,
            audit != self.audit,
            store != self.store,
        ];
        let keys = Self::KEYS.into_iter().zip(changed);
        keys.filter_map(|(key, changed)| changed.then_some(key)).collect()
    }
}
