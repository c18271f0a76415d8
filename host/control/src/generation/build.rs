//! From a configuration to a generation that is proven to work.

use std::sync::Arc;

use stockade_authn::{Authenticator, Credentials, ImpossibleCaller, Scope};
use stockade_core::{Catalogue, Clock, LocalTime, ModelRef, ModelRole, Operation, Parameters};
use stockade_engine::{Engine, LoadError, ModuleSource, PolicyLimits, PreparedPolicy};

use super::bindings::{BindingTable, Place};
use super::nonsense::Nonsense;
use super::{Asker, Generation, Hypothetical};
use crate::jwks::KeyFeeds;
use stockade_config::{
    Binding, Config, ConfigError, ConfigErrors, ConfigTest, ModuleLocation, PolicySource, Reading,
};

/// Builds a generation of what was read. What is wrong with policies is told together with
/// what is wrong with the text.
///
/// # Errors
/// Everything that is wrong, each with its place in the configuration.
pub fn candidate(
    number: u64,
    reading: Reading,
    engine: &Engine,
    clock: &dyn Clock,
) -> Result<Generation, ConfigErrors> {
    let Reading { config, mut errors, sources } = reading;
    let built = match config {
        Some(config) if errors.is_empty() => build(number, config, engine, clock),
        Some(config) => {
            errors.extend(load_policies(&config, engine).err().unwrap_or_default());
            errors.sort_by_key(|error| (error.location().is_none(), error.location()));
            Err(ConfigErrors::from_all(errors))
        }
        None => Err(ConfigErrors::from_all(errors)),
    };
    built.map_err(|errors| errors.passing(sources.is_short()))
}

/// Builds a generation: loads every policy with the settings of all its bindings, then runs the
/// configuration's own tests. Blocks while policies compile.
///
/// # Errors
/// Everything that is wrong, each with its place in the configuration.
pub fn build(
    number: u64,
    config: Config,
    engine: &Engine,
    clock: &dyn Clock,
) -> Result<Generation, ConfigErrors> {
    let config = Arc::new(config);
    match Draft::new(Arc::clone(&config), &KeyFeeds::default()) {
        Ok(draft) => draft.complete(number, engine, clock),
        Err(conflicts) => {
            let policies = load_policies(&config, engine).err().unwrap_or_default();
            Err(ConfigErrors::from_all(conflicts.into_all().into_iter().chain(policies)))
        }
    }
}

/// A configuration that is right in itself, and of which it is known who may come in. Its
/// policies are not loaded yet.
#[derive(Clone)]
pub(crate) struct Draft {
    config: Arc<Config>,
    authenticator: Arc<Authenticator>,
    feeds: KeyFeeds,
}

impl Draft {
    fn new(config: Arc<Config>, before: &KeyFeeds) -> Result<Self, ConfigErrors> {
        let feeds = KeyFeeds::of(&config, before);
        let authenticator = Arc::new(authenticator(&config, &feeds)?);
        Ok(Self { config, authenticator, feeds })
    }

    /// Takes what was read. Keys that the feeds `before` have fetched are not fetched again.
    ///
    /// # Errors
    /// Everything that is wrong with it, as far as it can be told without its policies.
    pub(crate) fn of(reading: Reading, before: &KeyFeeds) -> Result<Self, ConfigErrors> {
        let Reading { config, errors, sources } = reading;
        let draft = match (config, ConfigErrors::check(errors)) {
            (Some(config), Ok(())) => Self::new(Arc::new(config), before),
            (_, Err(errors)) => Err(errors),
            (None, Ok(())) => Err(ConfigErrors::from_all([])),
        };
        draft.map_err(|errors| errors.passing(sources.is_short()))
    }

    /// Tells whether its policies are there, so that [`complete`](Self::complete) takes no time.
    pub(crate) fn is_ready(&self, engine: &Engine) -> bool {
        self.config.policies.iter().all(|source| {
            let settings: Vec<String> =
                bound_to(&self.config, source).iter().map(|(_, b)| b.settings.clone()).collect();
            let limits = limits(engine.config().default_limits(), source);
            // What cannot be loaded takes no time either.
            module(source).is_ok_and(|module| engine.is_ready(&module, &settings, limits))
        })
    }

    /// A generation that knows who may come in, and permits nobody anything.
    pub(crate) fn without_policies(&self, number: u64) -> Generation {
        let bindings = BindingTable::new(&[], Vec::new());
        self.generation(number, Vec::new(), bindings)
    }

    /// Loads the policies and runs the configuration's own tests. Blocks while policies
    /// compile.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place in the configuration.
    pub(crate) fn complete(
        &self,
        number: u64,
        engine: &Engine,
        clock: &dyn Clock,
    ) -> Result<Generation, ConfigErrors> {
        let loaded = load_policies(&self.config, engine);
        let (policies, places) = loaded.map_err(ConfigErrors::from_all)?;
        let bindings = BindingTable::new(&self.config.bindings, places);
        let generation = self.generation(number, policies, bindings);
        run_tests(&generation, clock)?;
        Ok(generation)
    }

    fn generation(
        &self,
        number: u64,
        policies: Vec<PreparedPolicy>,
        bindings: BindingTable,
    ) -> Generation {
        let (config, authenticator) = (Arc::clone(&self.config), Arc::clone(&self.authenticator));
        let (feeds, time_zone) = (self.feeds.clone(), config.time_zone.clone());
        let nonsense = Nonsense::default();
        Generation { number, config, authenticator, feeds, time_zone, policies, bindings, nonsense }
    }
}

/// Builds the authenticator of a configuration.
pub fn authenticator(config: &Config, feeds: &KeyFeeds) -> Result<Authenticator, ConfigErrors> {
    let conflicts = match Authenticator::new(Credentials {
        users: config.users.clone(),
        api_keys: config.api_keys.clone(),
        token_secrets: config.token_secrets.clone(),
        token_rules: config.token_rules,
        jwt_issuers: feeds.issuers(config),
        ollama_keys: config.ollama_keys.clone(),
        certificates: config.certificates.clone(),
        passwords: config.passwords.clone(),
        password_rules: config.authentication.password_rules,
        anonymous: config.authentication.anonymous.clone(),
        on_behalf: config.authentication.on_behalf.clone(),
    }) {
        Ok(authenticator) => return Ok(authenticator),
        Err(conflicts) => conflicts,
    };
    let errors = conflicts.iter().map(|conflict| config.error(None, conflict.to_string()));
    Err(ConfigErrors::from_all(errors))
}

/// The number of different questions of one second to which a policy remembers its answers.
const REMEMBERED: usize = 1_024;

type Loaded = (Vec<PreparedPolicy>, Vec<Place>);

fn load_policies(config: &Config, engine: &Engine) -> Result<Loaded, Vec<ConfigError>> {
    let mut policies = Vec::with_capacity(config.policies.len());
    let mut places = vec![Place { policy: 0, settings: 0 }; config.bindings.len()];
    let mut errors = Vec::new();
    for source in &config.policies {
        let bound = bound_to(config, source);
        for (settings, &(position, _)) in (0..).zip(&bound) {
            places[position] = Place { policy: policies.len(), settings };
        }
        match load(config, engine, source, &bound) {
            Ok(policy) => policies.push(policy),
            Err(more) => errors.extend(more),
        }
    }
    if errors.is_empty() { Ok((policies, places)) } else { Err(errors) }
}

/// The bindings of one policy, with their positions in the configuration.
fn bound_to<'c>(config: &'c Config, source: &PolicySource) -> Vec<(usize, &'c Binding)> {
    let bindings = config.bindings.iter().enumerate();
    bindings.filter(|(_, binding)| binding.policy == source.name).collect()
}

fn load(
    config: &Config,
    engine: &Engine,
    source: &PolicySource,
    bound: &[(usize, &Binding)],
) -> Result<PreparedPolicy, Vec<ConfigError>> {
    let at_module = |message: String| vec![config.error(Some(source.at), message)];
    let module = module(source).map_err(at_module)?;
    let settings: Vec<String> = bound.iter().map(|(_, b)| b.settings.clone()).collect();
    let limits = limits(engine.config().default_limits(), source);
    match engine.prepare(&module, &settings, limits) {
        Ok(prepared) if source.remember => Ok(prepared.remembering(REMEMBERED)),
        Ok(prepared) => Ok(prepared),
        Err(LoadError::Settings(problems)) => {
            let located = problems.iter().map(|problem| {
                let binding = bound[problem.binding].1;
                let at = binding.settings_at(&problem.path);
                let message = format!(
                    "binding {:?}: policy {:?} does not accept `settings{}`: {}",
                    binding.name.as_str(),
                    source.name.as_str(),
                    dotted(&problem.path),
                    problem.message
                );
                config.error(Some(at), message)
            });
            Err(located.collect())
        }
        Err(other) => {
            let message = format!("policy {:?} does not load: {other}", source.name.as_str());
            let error = config.error(Some(source.at), message);
            Err(vec![if other.is_passing() { error.into_passing() } else { error }])
        }
    }
}

fn limits(usual: PolicyLimits, source: &PolicySource) -> PolicyLimits {
    let memory = source.memory.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    PolicyLimits {
        deadline: source.deadline.unwrap_or(usual.deadline),
        memory_bytes: memory.unwrap_or(usual.memory_bytes),
    }
}

fn dotted(path: &str) -> String {
    if path.is_empty() || path.starts_with('[') { path.to_owned() } else { format!(".{path}") }
}

fn module(source: &PolicySource) -> Result<ModuleSource, String> {
    let bytes = match &source.module {
        ModuleLocation::Builtin(name) => crate::shipped::module(name)
            .ok_or_else(|| format!("there is no shipped policy {name:?}"))?
            .to_vec(),
        ModuleLocation::File(_, bytes) => bytes.as_slice().to_vec(),
    };
    let module = ModuleSource::new(source.name.as_str(), bytes);
    let found = module.digest();
    match source.digest.map(stockade_engine::Digest::from) {
        Some(pinned) if pinned != found => Err(format!(
            "the module's digest is {found}, not the pinned {pinned}; \
             pin the new one if you trust the module"
        )),
        _ => Ok(module),
    }
}

/// Runs the configuration's own tests: a failing one rejects the generation.
fn run_tests(generation: &Generation, clock: &dyn Clock) -> Result<(), ConfigErrors> {
    let now = generation.local_time(clock);
    let failures = generation.config.tests.iter().filter_map(|test| {
        let time = test.asked.time.map_or(now, |time| generation.at(time));
        let message = run_test(generation, test, time)?;
        Some(generation.config.error(Some(test.at), message))
    });
    ConfigErrors::check(failures.collect())
}

fn run_test(generation: &Generation, test: &ConfigTest, time: LocalTime) -> Option<String> {
    let question = &test.asked;
    let principal = match generation.authenticator.suppose(&question.caller) {
        Ok(principal) => principal,
        // Refused is what such a caller is, whatever the policies say.
        Err(ImpossibleCaller::Disabled(_)) if !test.allowed => return None,
        Err(impossible) => return Some(impossible.to_string()),
    };
    let request = Hypothetical {
        operation: question.operation,
        models: question.model.iter().map(|name| model(question.operation, name)).collect(),
        dialect: question.api,
        parameters: Parameters::default(),
    };
    let scope = Scope::default();
    let (client, catalogue) = (question.client, Catalogue::UNKNOWN);
    let asker = Asker { principal: &principal, scope: &scope, client, time, catalogue };
    let (allowed, why) = match generation.decide_blocking(asker, request).result {
        Ok(permit) => (true, format!("allowed by {:?}", permit.allowed_by())),
        Err(refusal) => (false, refusal.to_string()),
    };
    (allowed != test.allowed).then(|| {
        let expected = if test.allowed { "allow" } else { "deny" };
        let found = if allowed { "allow" } else { "deny" };
        format!("this test expects {expected} and the answer is {found}: {why}")
    })
}

fn model(operation: Operation, name: &stockade_core::ModelName) -> ModelRef {
    ModelRef { name: name.clone(), role: ModelRole::of(operation) }
}
