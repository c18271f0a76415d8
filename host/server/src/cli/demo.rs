//! `stockade demo`: the gateway in front of a simulated Ollama, with three ready users.

mod tries;

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde_json::json;
use stockade_authn::KeyText;
use stockade_core::SystemClock;
use stockade_simulator::Simulator;

use super::{Ending, Output, environment, serve};
use crate::config::{Log, LogFormat, LogLevel};
use crate::{Server, StartError, log};
use tries::{Try, tour};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Where the gateway listens.
    #[arg(long, default_value = "127.0.0.1:11435")]
    listen: SocketAddr,
    /// Send the requests of the tour, compare the answers, and end.
    #[arg(long)]
    tour: bool,
}

const CONFIG: &str = include_str!("demo/stockade.yaml");
const MODELS: [&str; 4] = ["llama3.2:1b", "llama3.2:3b", "qwen3:8b", "llama3.3:70b"];
const USERS: [&str; 3] = ["alice", "bob", "kim"];

/// The demo's users with the keys made for this run.
struct Keys([(&'static str, KeyText); 3]);

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Ending> {
    let level = if arguments.tour { LogLevel::Warn } else { LogLevel::Info };
    let level = log::init(Log { level, format: LogFormat::Text }, environment::color())?;
    serve::runtime()?.block_on(async {
        let (simulator, directory, keys) = prepare(arguments.listen).await?;
        let config = directory.path().join("stockade.yaml");
        let server = match Server::start(&config, Arc::new(SystemClock)).await {
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
        output.answer(
            welcome(gateway, simulator.addr(), &config, &keys),
            &described(gateway, &config, &keys),
        )?;
        serve::serve(server, Some(level)).await
    })
}

async fn prepare(listen: SocketAddr) -> anyhow::Result<(Simulator, tempfile::TempDir, Keys)> {
    let simulator = Simulator::builder()
        .models(MODELS)
        .chunk_delay(Duration::from_millis(80))
        .start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .await
        .context("cannot start the simulated Ollama")?;
    let mut config = CONFIG
        .replace("{listen}", &listen.to_string())
        .replace("{upstream}", &simulator.addr().to_string());
    let keys = Keys(USERS.map(|user| {
        let key = KeyText::generate();
        config = config.replace(&format!("{{{user}}}"), &key.digest().to_string());
        (user, key)
    }));
    let directory = tempfile::Builder::new().prefix("stockade-demo-").tempdir()?;
    std::fs::write(directory.path().join("stockade.yaml"), config)?;
    Ok((simulator, directory, keys))
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

fn welcome(gateway: SocketAddr, ollama: SocketAddr, config: &Path, keys: &Keys) -> String {
    let mut text = format!(
        "Stockade is listening on http://{gateway}\n\
         in front of a SIMULATED Ollama on http://{ollama}: its answers are canned text.\n\n\
         Its configuration, which you can edit while it runs:\n  {}\n\n\
         The keys of its three users, made for this run:\n",
        config.display()
    );
    for (user, key) in &keys.0 {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {user}={}", key.expose());
    }
    text.push_str("\nPaste them into another terminal, then try:\n");
    for step in tour() {
        let _ = write!(text, "\n# {step}\n{}\n", Try::curl(&step, gateway));
    }
    text.push_str("\nCtrl-C ends it.");
    text
}

fn described(gateway: SocketAddr, config: &PathBuf, keys: &Keys) -> serde_json::Value {
    let users = keys.0.iter().map(|(user, key)| ((*user).to_owned(), json!(key.expose())));
    let tour: Vec<String> = tour().iter().map(|step| step.curl(gateway)).collect();
    json!({
        "gateway": format!("http://{gateway}"),
        "simulated": true,
        "config": config,
        "keys": users.collect::<serde_json::Map<_, _>>(),
        "tour": tour,
    })
}
