//! `stockade connect`: stand where Ollama would stand, and ask a gateway with a user's credential.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use stockade_config::{Log, LogFormat, LogLevel, OriginPattern};
use stockade_connect::{BearerSource, CertificateFiles, Config, Connect, DEFAULT_ADDRESS};
use stockade_core::{SystemClock, environment};
use tokio::signal::unix::{SignalKind, signal};

use super::serve::runtime;
use super::{Ending, Output};

/// The file with the key if none is named, below the user's directory of configurations.
const USUAL_KEY: &str = "stockade/key";

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The gateway, such as <https://gateway.example.org:11443>.
    gateway: String,
    /// A loopback address to listen on. May be given several times.
    #[arg(long, default_values_t = [DEFAULT_ADDRESS])]
    listen: Vec<SocketAddr>,
    /// A file with your key, which only you can read (`~/.config/stockade/key` if nothing else is
    /// named). It is read again when it changes.
    #[arg(long, conflicts_with = "token_file")]
    key_file: Option<PathBuf>,
    /// A file with a token of the gateway, which only you can read. It is renewed before it ends,
    /// and the new one is written to the file.
    #[arg(long)]
    token_file: Option<PathBuf>,
    /// Your client certificate, in PEM, with those between it and its authority.
    #[arg(long)]
    cert: Option<PathBuf>,
    /// The key of the client certificate, which only you can read; left out where it is in the same
    /// file.
    #[arg(long, requires = "cert")]
    key: Option<PathBuf>,
    /// The authority of the gateway's certificate, in PEM, in place of those of this machine.
    #[arg(long)]
    ca: Option<PathBuf>,
    /// The origin of web pages that may ask, as in `cors.origins` of a configuration. May be given
    /// several times.
    #[arg(long)]
    origin: Vec<String>,
    /// Send the credential, and all that is asked, over plain http to another machine: everybody on
    /// the way can read and use them.
    #[arg(long)]
    send_credential_unencrypted: bool,
    /// Log each request: its method, its path and the status of its answer.
    #[arg(long, short)]
    verbose: bool,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Ending> {
    let config = arguments.config()?;
    let format = if output.is_json() { LogFormat::Json } else { LogFormat::Text };
    let level = if arguments.verbose { LogLevel::Debug } else { LogLevel::Info };
    stockade_log::init(Log { level, format, ..Log::default() }, environment::color())?;
    runtime()?.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let gateway = config.gateway.clone();
        let connect = Connect::start(config, Arc::new(SystemClock)).await?;
        for address in connect.addresses() {
            tracing::info!(%address, %gateway, "listening");
        }
        connect.probe().await;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: running answers may finish");
        connect.stop().await;
        Ok(Ending::Done)
    })
}

impl Arguments {
    fn config(&self) -> anyhow::Result<Config> {
        let gateway = self.gateway.parse().context("the gateway's address cannot be used")?;
        let mut patterns = Vec::new();
        for text in &self.origin {
            match OriginPattern::new(text) {
                Ok(pattern) => patterns.push(pattern),
                Err(error) => bail!("--origin {text} {error}"),
            }
        }
        Ok(Config {
            gateway,
            listen: self.listen.clone(),
            bearer: self.bearer(),
            certificate: self.cert.clone().map(|certificate| CertificateFiles {
                key: self.key.clone().unwrap_or_else(|| certificate.clone()),
                certificate,
            }),
            ca: self.ca.clone(),
            origins: Arc::new(move |origin| patterns.iter().any(|known| known.matches(origin))),
            unencrypted: self.send_credential_unencrypted,
        })
    }

    fn bearer(&self) -> Option<BearerSource> {
        if let Some(path) = &self.key_file {
            return Some(BearerSource::Key(path.clone()));
        }
        if let Some(path) = &self.token_file {
            return Some(BearerSource::Token(path.clone()));
        }
        let usual = environment::config_home().map(|home| home.join(USUAL_KEY));
        usual.filter(|path| self.cert.is_none() && path.exists()).map(BearerSource::Key)
    }
}
