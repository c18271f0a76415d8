//! From a configuration to a generation that is proven to work.

use std::sync::Arc;

use stockade_authn::{Authenticator, Credentials};
use stockade_core::Clock;
use stockade_engine::{Engine, PreparedPolicy};

use super::Generation;
use super::bindings::BindingTable;
use super::config_tests::run_tests;
use super::list::Lists;
use super::nonsense::Nonsense;
use super::quotas::QuotaTable;
use super::units::{Units, are_ready};
use crate::jwks::KeyFeeds;
use crate::memo::Memo;
use stockade_config::{Config, ConfigErrors, Reading};

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
            errors.extend(Units::load(&config, engine).err().unwrap_or_default());
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
            let policies = Units::load(&config, engine).err().unwrap_or_default();
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
        are_ready(&self.config, engine)
    }

    /// A generation that knows who may come in, and permits nobody anything.
    pub(crate) fn without_policies(&self, number: u64) -> Generation {
        let bindings = BindingTable::new(&[], Vec::new());
        let quotas = QuotaTable::none(&self.config);
        self.generation(number, Vec::new(), (bindings, quotas))
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
        let units = Units::load(&self.config, engine).map_err(ConfigErrors::from_all)?;
        let bindings = BindingTable::new(&self.config.bindings, units.places);
        let quotas = QuotaTable::new(&self.config, bindings.inputs())
            .map_err(|error| self.config.error(None, error.to_string()))?;
        let generation = self.generation(number, units.policies, (bindings, quotas));
        run_tests(&generation, clock)?;
        Ok(generation)
    }

    fn generation(
        &self,
        number: u64,
        units: Vec<PreparedPolicy>,
        (bindings, quotas): (BindingTable, QuotaTable),
    ) -> Generation {
        let (config, authenticator) = (Arc::clone(&self.config), Arc::clone(&self.authenticator));
        Generation {
            number,
            authenticator,
            feeds: self.feeds.clone(),
            time_zone: config.time_zone.clone(),
            config,
            units,
            bindings,
            quotas,
            memo: Memo::new(REMEMBERED),
            lists: Lists::new(LISTS),
            nonsense: Nonsense::default(),
        }
    }
}

/// Questions to which a generation remembers the answers; some 700 bytes each.
const REMEMBERED: usize = 8_192;
/// Lists of which a generation remembers what a caller may use.
const LISTS: usize = 1_024;

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
