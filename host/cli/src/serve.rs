//! `stockade serve`: run the gateway until a signal ends it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use stockade_admin::{AdminSocket, Operated};
use stockade_core::SystemClock;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::compile::compiler;
use super::{Ending, Output};
use stockade_config as config;
use stockade_config::LogFormat;
use stockade_control::shadow::ShadowCount;
use stockade_core::environment;
use stockade_gateway::resources;
use stockade_gateway::{Server, StartError, proven_engine};
use stockade_log::{self as log, LogLevelHandle};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The configuration.
    #[arg(long, short, default_value = "stockade.yaml")]
    config: PathBuf,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Ending> {
    // How to log stands in the configuration, so it is read once before anything else.
    let mut settings = match config::load(&arguments.config, stockade_control::shipped::NAMES) {
        Ok(loaded) => loaded.config.log,
        Err(errors) => {
            output.config_errors(&errors)?;
            return Ok(Ending::Misused);
        }
    };
    if output.is_json() {
        settings.format = LogFormat::Json;
    }
    let level = log::init(settings, environment::color())?;
    runtime()?.block_on(async {
        let engine = Arc::new(proven_engine(compiler()?)?);
        match Server::start(engine, &arguments.config, Arc::new(SystemClock)).await {
            Ok(server) => serve(server, Some(level)).await,
            Err(StartError::Config(errors)) => {
                output.config_errors(&errors)?;
                Ok(Ending::Misused)
            }
            Err(error) => Err(error.into()),
        }
    })
}

/// On one processor there is nobody to share work with, and not sharing it is faster.
pub(super) fn runtime() -> anyhow::Result<Runtime> {
    resources::raise_descriptors();
    let mut builder = match std::thread::available_parallelism() {
        Ok(processors) if processors.get() == 1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder.enable_all().build().context("cannot start the runtime")
}

/// Runs until SIGTERM or SIGINT, then drains.
pub(super) async fn serve(server: Server, level: Option<LogLevelHandle>) -> anyhow::Result<Ending> {
    let mut signals = Signals::new()?;
    let generation = server.current().load();
    for address in server.addresses() {
        tracing::info!(%address, generation = generation.number, "listening");
    }
    let _admin = match &generation.config.state_directory {
        Some(directory) => Some(admin(directory, &server)?),
        None => None,
    };
    drop(generation);
    let mut status = server.current().status();
    loop {
        tokio::select! {
            _ = signals.terminate.recv() => break,
            _ = signals.interrupt.recv() => break,
            _ = signals.hangup.recv() => server.check_for_changes(),
            changed = status.changed() => {
                if changed.is_err() {
                    break;
                }
                log_shadow(&server);
                if let Some(level) = &level {
                    level.set(server.current().load().config.log.level);
                }
            }
        }
    }
    log_shadow(&server);
    tracing::info!("stopping: running requests may finish");
    server.stop().await;
    Ok(Ending::Done)
}

/// Answers the operator's commands beside the ledger.
fn admin(directory: &Path, server: &Server) -> anyhow::Result<AdminSocket> {
    let socket = AdminSocket::start(directory, Operated::from(server));
    socket.with_context(|| format!("cannot listen for the operator in {}", directory.display()))
}

/// Logs what shadow bindings have said so far, for whoever decides whether to enforce them.
fn log_shadow(server: &Server) {
    for (binding, count) in server.shadow().counts() {
        let ShadowCount { allow, restrict, deny, abstain, failure, changes } = count;
        tracing::info!(%binding, allow, restrict, deny, abstain, failure, changes, "a shadow binding so far");
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }
}
