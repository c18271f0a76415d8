//! `stockade demo`: the gateway in front of a simulated Ollama, with three ready users.

mod authority;
mod tries;

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde_json::json;
use stockade_authn::KeyText;
use stockade_core::SystemClock;
use stockade_simulator::Simulator;

use super::compile::compiler;
use super::{Ending, Output, serve};
use stockade_config::{Log, LogFormat, LogLevel};
use stockade_core::environment;
use stockade_gateway::{Server, StartError, proven_engine};
use stockade_log as log;
use tries::{Try, tour};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The address that the gateway listens on.
    #[arg(long, default_value = "127.0.0.1:11435")]
    listen: SocketAddr,
    /// Send the requests of the tour, compare the answers, and end.
    #[arg(long)]
    tour: bool,
    /// Use TLS, and give each user a certificate instead of a key.
    #[arg(long, conflicts_with = "tour")]
    mtls: bool,
}

const CONFIG: &str = include_str!("demo/stockade.yaml");
const MODELS: [&str; 4] = ["llama3.2:1b", "llama3.2:3b", "qwen3:8b", "llama3.3:70b"];
const USERS: [&str; 3] = ["alice", "bob", "kim"];

/// The demo's users with the keys made for this run.
struct Keys([(&'static str, KeyText); 3]);

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Ending> {
    let level = if arguments.tour { LogLevel::Warn } else { LogLevel::Info };
    let level =
        log::init(Log { level, format: LogFormat::Text, ..Log::default() }, environment::color())?;
    serve::runtime()?.block_on(async {
        let (simulator, directory, keys) = prepare(arguments).await?;
        let config = directory.path().join("stockade.yaml");
        let engine = Arc::new(proven_engine(compiler()?)?);
        let server = match Server::start(engine, &config, Arc::new(SystemClock)).await {
            Ok(server) => server,
            Err(StartError::Config(errors)) => {
                output.config_errors(&errors)?;
                return Ok(Ending::Misused);
            }
            Err(error) => return Err(error.into()),
        };
        let gateway = *server.addresses().first().context("the gateway listens nowhere")?;
        if arguments.tour {
            let ending = take_tour(gateway, &keys, output).await;
            server.stop().await;
            return ending;
        }
        let demo = Demo { gateway, config: &config, keys: &keys, mtls: arguments.mtls };
        output.answer(demo.welcome(simulator.addr()), &demo.described())?;
        serve::serve(server, Some(level)).await
    })
}

async fn prepare(arguments: &Arguments) -> anyhow::Result<(Simulator, tempfile::TempDir, Keys)> {
    let simulator = Simulator::builder()
        .models(MODELS)
        .chunk_delay(Duration::from_millis(80))
        .start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .await
        .context("cannot start the simulated Ollama")?;
    let listen = arguments.listen;
    let mut config = CONFIG
        .replace("{listen}", &if arguments.mtls { tls(listen) } else { listen.to_string() })
        .replace("{upstream}", &simulator.addr().to_string());
    let keys = Keys(USERS.map(|user| {
        let key = KeyText::generate();
        config = config.replace(&format!("{{{user}}}"), &key.digest().to_string());
        if arguments.mtls {
            let keys = format!("    keys: [{{ id: {user}-demo");
            let card = format!("    certificates: [{{ id: {user}-card, dns: {user}.demo }}]\n");
            config = config.replace(&keys, &(card + &keys));
        }
        (user, key)
    }));
    let directory = tempfile::Builder::new().prefix("stockade-demo-").tempdir()?;
    if arguments.mtls {
        authority::write(directory.path(), listen.ip(), &USERS)?;
    }
    std::fs::write(directory.path().join("stockade.yaml"), config)?;
    Ok((simulator, directory, keys))
}

/// Optional, so that it can be seen what callers without a certificate are told.
fn tls(listen: SocketAddr) -> String {
    format!(
        "\n  address: \"{listen}\"\n  tls: {{ certificate: gateway.pem, key: gateway.key, \
         client_ca: ca.pem, client_auth: optional }}"
    )
}

impl Keys {
    fn of(&self, user: &str) -> Option<&str> {
        let known = self.0.iter().find(|(known, _)| *known == user);
        known.map(|(_, key)| key.expose())
    }
}

async fn take_tour(gateway: SocketAddr, keys: &Keys, output: &Output) -> anyhow::Result<Ending> {
    let mut report = String::new();
    let mut steps = Vec::new();
    let mut good = true;
    for step in tour() {
        let key = step.user().and_then(|user| keys.of(user));
        let as_announced = step.send(gateway, key).await?;
        good &= as_announced;
        let mark = if as_announced { "ok " } else { "NOT" };
        writeln!(report, "{mark} {step}")?;
        steps.push(json!({ "step": step.to_string(), "ok": as_announced }));
    }
    output.answer(report.trim_end(), &json!({ "ok": good, "steps": steps }))?;
    Ok(if good { Ending::Done } else { Ending::Negative })
}

/// The facts that are told about a running demo.
struct Demo<'a> {
    gateway: SocketAddr,
    config: &'a Path,
    keys: &'a Keys,
    mtls: bool,
}

impl Demo<'_> {
    fn scheme(&self) -> &'static str {
        if self.mtls { "https" } else { "http" }
    }

    fn curl(&self, step: &Try) -> String {
        match self.config.parent().filter(|_| self.mtls) {
            Some(directory) => step.curl_with_certificate(self.gateway, directory),
            None => step.curl(self.gateway),
        }
    }

    fn welcome(&self, ollama: SocketAddr) -> String {
        let mut text = format!(
            "Stockade is listening on {}://{}\n\
             in front of a SIMULATED Ollama on http://{ollama}: its answers are canned text.\n\n\
             Its configuration, which you can edit while it runs:\n  {}\n\n",
            self.scheme(),
            self.gateway,
            self.config.display()
        );
        text.push_str(if self.mtls {
            "The certificates of its three users, made for this run, are beside it. They also \
             have keys:\n"
        } else {
            "The keys of its three users, made for this run:\n"
        });
        for (user, key) in &self.keys.0 {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {user}={}", key.expose());
        }
        text.push_str(if self.mtls {
            "\nTry in another terminal:\n"
        } else {
            "\nPaste them into another terminal, then try:\n"
        });
        for step in tour() {
            let _ = write!(text, "\n# {step}\n{}\n", self.curl(&step));
        }
        text.push_str("\nCtrl-C ends it.");
        text
    }

    fn described(&self) -> serde_json::Value {
        let keys = self.keys.0.iter().map(|(user, key)| ((*user).to_owned(), json!(key.expose())));
        let tour: Vec<String> = tour().iter().map(|step| self.curl(step)).collect();
        json!({
            "gateway": format!("{}://{}", self.scheme(), self.gateway),
            "simulated": true,
            "config": self.config,
            "keys": keys.collect::<serde_json::Map<_, _>>(),
            "tour": tour,
        })
    }
}
