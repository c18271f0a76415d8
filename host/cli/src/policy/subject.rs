//! The policy that a command is about, and the cases that it is asked.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context;
use stockade_core::Outcome;
use stockade_engine::{Engine, LoadError, ModuleSource, PreparedPolicy};

use super::toolchain;
use stockade_config::policy_tests::{self, Case, Cases};
use stockade_control::shipped;

/// A policy, and its cases.
#[derive(clap::Args)]
pub(crate) struct Subject {
    /// The directory of a policy, which is built first; a module; or `builtin/…`.
    #[arg(default_value = ".")]
    policy: PathBuf,
    /// The test cases, where they are not in the directory's tests.yaml.
    #[arg(long, value_name = "FILE")]
    tests: Option<PathBuf>,
}

impl Subject {
    /// The module, built if a directory is named.
    pub(super) fn module(&self) -> anyhow::Result<ModuleSource> {
        let name = self.policy.display().to_string();
        if let Some(shipped) = self.shipped() {
            let module = shipped::module(shipped).with_context(|| unknown(shipped))?;
            return Ok(ModuleSource::new(&name, module));
        }
        let path = if self.policy.is_dir() {
            toolchain::build(&self.policy)?
        } else {
            self.policy.clone()
        };
        let bytes = std::fs::read(&path)
            .with_context(|| format!("cannot read the module {}", path.display()))?;
        let name = path.file_stem().map_or(name, |stem| stem.display().to_string());
        Ok(ModuleSource::new(&name, bytes))
    }

    /// The cases of the named file or those that come with the policy, if any do.
    pub(super) fn cases(&self) -> anyhow::Result<Option<Cases>> {
        let usual = self.policy.join("tests.yaml");
        if self.tests.is_none()
            && let Some(shipped) = self.shipped()
        {
            let text = shipped::cases(shipped).with_context(|| unknown(shipped))?;
            return Ok(Some(policy_tests::read(&usual, text)?));
        }
        let path = match &self.tests {
            Some(path) => path,
            None if usual.is_file() => &usual,
            None => return Ok(None),
        };
        Ok(Some(policy_tests::load(path)?))
    }

    /// [`cases`](Self::cases), without which there is nothing to do.
    pub(super) fn needed_cases(&self) -> anyhow::Result<Cases> {
        self.cases()?.with_context(|| {
            let policy = self.policy.display();
            format!("{policy} has no tests.yaml; write one, or name the file with --tests")
        })
    }

    fn shipped(&self) -> Option<&str> {
        self.policy.to_str()?.strip_prefix("builtin/")
    }
}

fn unknown(shipped: &str) -> String {
    format!("there is no shipped policy {shipped:?}; there are {}", shipped::NAMES.join(", "))
}

/// One module with each of the settings that its cases use.
pub(super) struct Asked<'a> {
    engine: &'a Engine,
    module: &'a ModuleSource,
    prepared: BTreeMap<String, Result<PreparedPolicy, LoadError>>,
}

impl<'a> Asked<'a> {
    pub(super) fn new(engine: &'a Engine, module: &'a ModuleSource) -> Self {
        Self { engine, module, prepared: BTreeMap::new() }
    }

    /// The policy with the settings of a case.
    pub(super) fn with(&mut self, settings: &str) -> &Result<PreparedPolicy, LoadError> {
        let (engine, module) = (self.engine, self.module);
        self.prepared.entry(settings.to_owned()).or_insert_with(|| {
            let limits = engine.config().default_limits();
            engine.prepare(module, &[settings.to_owned()], limits)
        })
    }

    /// The policy with the settings of a case, or nothing where it does not accept them.
    pub(super) fn accepting(&mut self, case: &Case) -> anyhow::Result<Option<&PreparedPolicy>> {
        match self.with(&case.settings) {
            Ok(policy) => Ok(Some(policy)),
            Err(LoadError::Settings(_)) => Ok(None),
            Err(error) => Err(does_not_load(error)),
        }
    }
}

pub(super) fn does_not_load(error: &LoadError) -> anyhow::Error {
    anyhow::anyhow!("the policy does not load: {error}")
}

/// Returns a policy's answer to a case.
pub(super) fn ask(policy: &PreparedPolicy, case: &Case) -> Outcome {
    let mut outcomes = policy.evaluate_blocking(&case.facts.input(), &[0]).outcomes;
    outcomes.pop().unwrap_or_else(|| Outcome::Failure("no answer".to_owned()))
}
