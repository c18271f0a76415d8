//! The way of a request: configuration, listeners, policies, Ollama.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Serialize;
use stockade_engine::Digest;

use stockade_config::{Config, ModuleLocation};

/// The parts on the way of a request, and the file that they come from.
#[derive(Serialize)]
pub(super) struct DataPath {
    pub(super) config: PathBuf,
    /// The SHA-256 of the main file; what it includes has its own.
    pub(super) config_digest: String,
    pub(super) users: usize,
    pub(super) bindings: usize,
    pub(super) tests: usize,
    pub(super) listeners: Vec<Listener>,
    pub(super) policies: Vec<Policy>,
    pub(super) upstream: String,
}

#[derive(Serialize)]
pub(super) struct Listener {
    pub(super) address: String,
    pub(super) tls: bool,
}

#[derive(Serialize)]
pub(super) struct Policy {
    pub(super) name: String,
    pub(super) module: String,
    pub(super) digest: String,
}

impl DataPath {
    pub(super) fn of(path: &Path, config: &Config) -> anyhow::Result<Self> {
        let shown = || path.display().to_string();
        let text = std::fs::read(path).with_context(shown)?;
        let listener = |listener: &stockade_config::Listener| Listener {
            address: listener.address.to_string(),
            tls: listener.tls.is_some(),
        };
        let policies = config.policies.iter().map(|source| {
            let (module, bytes) = match &source.module {
                ModuleLocation::Builtin(name) => {
                    let bytes =
                        stockade_control::shipped::module(name).unwrap_or_default().to_vec();
                    (format!("builtin/{name}"), bytes)
                }
                ModuleLocation::File(file, bytes) => {
                    (file.display().to_string(), bytes.as_slice().to_vec())
                }
            };
            let name = source.name.as_str().to_owned();
            Ok(Policy { name, module, digest: Digest::of(&bytes).to_string() })
        });
        Ok(Self {
            config: path.canonicalize().with_context(shown)?,
            config_digest: Digest::of(&text).to_string(),
            users: config.users.len(),
            bindings: config.bindings.len(),
            tests: config.tests.len(),
            listeners: config.listen.iter().map(listener).collect(),
            policies: policies.collect::<anyhow::Result<_>>()?,
            upstream: format!("http://{}", config.upstream.authority),
        })
    }
}
