//! Requests to judge by a configuration.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context as _, anyhow, bail};
use stockade_authn::Scope;
use stockade_config as config;
use stockade_control::generation::{self, Asker, Generation, Hypothetical};
use stockade_control::shipped;
use stockade_core::{
    Client, Content, Dialect, ModelName, ModelRef, ModelRole, Operation, Parameters, Principal,
    SystemClock, Transport,
};
use stockade_engine::{Compiler, CompilerProcess, Engine, EngineConfig};

use crate::configurations::{OWN, USER};

/// An engine for decisions, which compiles in this process.
///
/// # Errors
/// Where the machine does not give what it needs.
pub fn engine() -> anyhow::Result<Engine> {
    Ok(Engine::new(EngineConfig::default())?)
}

/// An engine as `stockade serve` sets it up: the gateway that was built beside this program
/// compiles for it.
///
/// # Errors
/// Where the machine does not give what it needs.
pub fn serving_engine() -> anyhow::Result<Engine> {
    let gateway = std::env::current_exe()?.with_file_name("stockade");
    let process = CompilerProcess::new(&gateway, &["compile-policies"]);
    Ok(Engine::new(EngineConfig::compiling(Compiler::Process(process)))?)
}

/// The generation that a configuration makes.
///
/// # Errors
/// The fault in it.
pub fn generation(engine: &Engine, text: &str) -> anyhow::Result<Generation> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("stockade.yaml");
    std::fs::write(&path, text)?;
    let own = shipped::module("model-access").context("it is shipped")?;
    std::fs::write(directory.path().join(OWN), own)?;
    let loaded = config::load(&path, shipped::NAMES).map_err(|errors| anyhow!("{errors:?}"))?;
    generation::build(1, loaded.config, engine, &SystemClock)
        .map_err(|errors| anyhow!("{errors:?}"))
}

/// One request of the caller, judged again and again.
pub struct Question {
    generation: Generation,
    principal: Principal,
    scope: Scope,
    operation: Operation,
    models: Vec<ModelRef>,
}

impl Question {
    /// Asks a generation about one operation on one model.
    ///
    /// # Errors
    /// Where the configuration has no such caller, or there cannot be such a model.
    pub fn new(generation: Generation, operation: Operation, model: &str) -> anyhow::Result<Self> {
        let principal = generation.authenticator.principal_of(USER).context("no such user")?;
        let models = vec![ModelRef {
            name: ModelName::parse(model).map_err(|error| anyhow!("{error}"))?,
            role: ModelRole::of(operation),
        }];
        Ok(Self { generation, principal, scope: Scope::default(), operation, models })
    }

    /// Decides it: chooses the bindings, asks their policies in fresh instances, combines.
    ///
    /// # Errors
    /// Where it is denied: what is measured must be the whole way to yes.
    pub fn decide(&self) -> anyhow::Result<()> {
        let request = Hypothetical {
            operation: self.operation,
            models: self.models.clone(),
            dialect: Dialect::Native,
            parameters: Parameters::default(),
            content: Content::default(),
        };
        let decision = self.generation.decide_blocking(self.asker(), request);
        match decision.result {
            Ok(_permit) => Ok(()),
            Err(refusal) => bail!("denied: {refusal}; {:?}", decision.verdicts),
        }
    }

    /// Decides which of these models a list shows the caller.
    pub fn list(&self, names: &[&ModelName]) -> usize {
        let usable = self.generation.usable(self.asker(), Dialect::Native, names);
        pollster::block_on(usable).iter().filter(|usable| **usable).count()
    }

    fn asker(&self) -> Asker<'_> {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let client = Client { address, transport: Transport::Plain };
        let time = self.generation.local_time(&SystemClock);
        Asker { client, ..Asker::supposed(&self.principal, &self.scope, time) }
    }
}
