//! `stockade doctor`: what this gateway is made of, where it runs, and whether it answers
//! as it promises, as a report that somebody else can check.

mod answers;
mod ask;
mod caller;
mod gpu;
mod machine;
mod path;
mod report;
mod steps;
mod upstream;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use http::Uri;
use stockade_core::{Clock as _, ModelName, SystemClock};

use super::compile::compiler;
use super::{ConfigFile, Ending, Output, serve};
use answers::Answer;
use caller::{Asked, Caller, Credential};
use machine::Machine;
use path::DataPath;
use report::{Program, Report};
use steps::Step;
use stockade_config::{self as config, Config, ConfigErrors};
use stockade_control::generation::{self, Generation};
use stockade_gateway::{Server, StartError, proven_engine};
use upstream::Upstream;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    /// The user whose answers to look at; if left out, those of the first user to whom something is
    /// allowed and something denied.
    #[arg(long, conflicts_with = "gateway")]
    user: Option<String>,
    /// Ask a running gateway, such as <http://127.0.0.1:11435>, instead of a private one of the
    /// same configuration.
    #[arg(long, requires = "key")]
    gateway: Option<Uri>,
    /// The file with a key or a token for the running gateway; `-` for standard input.
    #[arg(long, requires = "gateway")]
    key: Option<PathBuf>,
    /// Also run this model once. Without it, no model is loaded.
    #[arg(long, value_parser = ModelName::parse)]
    model: Option<ModelName>,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Ending> {
    let running = running(arguments)?;
    let path = arguments.file.config.as_path();
    let (data_path, mut generation) = match load(path)? {
        Ok(loaded) => loaded,
        Err(errors) => {
            output.config_errors(&errors)?;
            return Ok(Ending::Misused);
        }
    };
    let runtime = serve::runtime()?;
    let upstream = runtime.block_on(Upstream::ask(&generation.config.upstream));
    let caller = match &running {
        Some((_, credential)) => {
            Some(runtime.block_on(Caller::of_credential(credential, &generation))?)
        }
        None => Caller::private(arguments.user.as_deref(), &upstream.models, &mut generation)?,
    };
    if caller.is_none() && !generation.config.issuers.is_empty() {
        output.note(ONLY_ISSUERS)?;
    }
    // Policies are asked here, where nothing else waits for this thread.
    let steps = steps::steps(&generation, caller.as_ref(), &upstream, arguments.model.as_ref());
    let timeout = generation.config.upstream.response_timeout;
    let gateway = running.as_ref().map(|(authority, _)| authority.clone());
    let answers = runtime.block_on(async {
        match gateway {
            Some(gateway) => Ok(answers::collect(&gateway, steps, caller.as_ref(), timeout).await),
            None => ask_private(generation, steps, caller.as_ref(), timeout).await,
        }
    })?;
    let report = Report {
        at: jiff::Timestamp::from_second(i64::try_from(SystemClock.now().as_secs())?)?.to_string(),
        program: Program::this(),
        machine: runtime.block_on(Machine::read(Path::new("/"))),
        data_path,
        upstream,
        asked: Asked::new(arguments.gateway.as_ref(), caller.as_ref()),
        answers,
    };
    let mut value = serde_json::to_value(&report)?;
    value["ok"] = report.is_good().into();
    output.answer(&report, &value)?;
    Ok(if report.is_good() { Ending::Done } else { Ending::Negative })
}

/// The sentence for a configuration to whose users no key can be given for the occasion.
const ONLY_ISSUERS: &str = "note: users come by tokens of issuers only, so nobody is asked about but \
                            strangers; to ask as one of them, name a running gateway and a token: \
                            `--gateway http://127.0.0.1:11435 --key FILE`";

/// The address of the running gateway that is to be asked, with what to say to it.
fn running(arguments: &Arguments) -> anyhow::Result<Option<(http::uri::Authority, Credential)>> {
    let (Some(gateway), Some(key)) = (&arguments.gateway, &arguments.key) else {
        return Ok(None);
    };
    let plain = gateway.scheme_str() == Some("http") && gateway.path() == "/";
    let Some(authority) = gateway.authority().filter(|_| plain) else {
        bail!(
            "--gateway is the address of a listener without TLS, such as http://127.0.0.1:11435; \
             without --gateway, a private gateway of the same configuration is asked"
        );
    };
    Ok(Some((authority.clone(), Credential::read(key)?)))
}

/// The generation that `serve` would begin with, and where everything of it comes from.
fn load(path: &Path) -> anyhow::Result<Result<(DataPath, Generation), ConfigErrors>> {
    let engine = proven_engine(compiler()?).context("the sandbox does not work here")?;
    let loaded = match config::load(path, stockade_control::shipped::NAMES) {
        Ok(loaded) => loaded,
        Err(errors) => return Ok(Err(errors)),
    };
    let data_path = DataPath::of(path, &loaded.config)?;
    let built = generation::build(1, loaded.config, &engine, &SystemClock);
    Ok(built.map(|generation| (data_path, generation)))
}

async fn ask_private(
    mut generation: Generation,
    steps: Vec<Step>,
    caller: Option<&Caller>,
    timeout: std::time::Duration,
) -> anyhow::Result<Vec<Answer>> {
    generation.change(listen_privately)?;
    let server = Server::of(generation, Arc::new(SystemClock)).await;
    let server =
        server.map_err(|error: StartError| anyhow::anyhow!("a private gateway: {error}"))?;
    let address = *server.addresses().first().context("the private gateway listens nowhere")?;
    let authority = address.to_string().parse()?;
    let answers = answers::collect(&authority, steps, caller, timeout).await;
    server.stop().await;
    Ok(answers)
}

/// On a port that nobody knows, whatever the configuration says.
fn listen_privately(config: &mut Config) {
    config.listen = vec![config::Listener::plain((std::net::Ipv4Addr::LOCALHOST, 0).into())];
}
