//! From raw types to domain types: what the texts mean, and whether it all fits
//! together.
//!
//! Nothing here stops at the first error. What cannot be understood is reported and
//! left out, and the rest is still checked; the result counts only if the diagnostics stay
//! empty.

mod audit;
mod authentication;
mod bindings;
mod certificates;
mod config_tests;
mod cors;
mod headers;
mod hosts;
mod issuer_keys;
mod issuers;
mod limits;
mod listeners;
mod names;
mod network;
mod ollama_keys;
mod outbound;
mod policies;
mod proxies;
mod quantities;
mod quotas;
mod scopes;
pub(crate) mod secret_file;
mod store;
mod throttle;
mod tokens;
mod usage;
mod users;

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use stockade_core::{Secret, environment};
use stockade_yaml::{Diagnostics, Field, Problem, Sources, quoted};

pub(super) use self::config_tests::operation;
use self::network::Network;
use self::secret_file::SecretFileError;
use super::raw::{Permissions, RawConfig, RawLog, RawSecretFiles, RawShadow};
use super::source_set::SourceSet;
use super::types::{Config, ConfigDigest, Log};

/// Facts that are known besides the file's text.
pub(super) struct LoadContext<'a> {
    /// The directory that paths in the file start from.
    pub(super) directory: &'a Path,
    /// The policies that are shipped.
    pub(super) builtins: &'a [&'a str],
    /// The files that the configuration names, as they are met.
    pub(super) sources: SourceSet,
    /// The others who may be able to read the files of secrets.
    pub(super) permissions: Permissions,
}

impl LoadContext<'_> {
    /// The path of a file that the main file names.
    fn file(&self, written: &str) -> PathBuf {
        self.directory.join(written)
    }

    /// Reads a secret from a file that the main file names.
    fn secret(&mut self, written: &str) -> Result<Secret<Vec<u8>>, SecretFileError> {
        let path = self.file(written);
        let content = self.sources.read(&path, secret_file::LONGEST);
        secret_file::secret(&path, content, self.permissions)
    }
}

/// Checks the whole configuration.
pub(super) fn validate(
    raw: RawConfig,
    context: &mut LoadContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Config {
    context.permissions = permissions(raw.secret_files);
    let listeners = listeners::listeners(raw.listen, context, diagnostics);
    let trusted_proxies = proxies::trusted(raw.trusted_proxies, &listeners, diagnostics);
    let network = Network::check(listeners, raw.upstream, raw.allow_plain_http, diagnostics);
    let accounts = users::accounts(raw.users, raw.groups, raw.incomplete, diagnostics);
    let authentication = authentication::authentication(raw.authentication, &accounts, diagnostics);
    let (token_secrets, token_rules) = tokens::tokens(raw.tokens, context, diagnostics);
    let issuers = issuers::issuers(raw.issuers, &accounts.group_names, context, diagnostics);
    let (policies, names) = policies::policies(raw.policies, raw.incomplete, context, diagnostics);
    let known = bindings::Known::of(&accounts, &names);
    let bindings = bindings::bindings(raw.bindings, &known, diagnostics);
    let quotas = quotas::quotas(raw.quotas, &known, &network.upstream, diagnostics);
    let (usage, store) = usage::rules(raw.usage, context, diagnostics);
    let state_directory = state_directory(raw.state_directory, context);
    let audit = audit::rules(raw.audit, state_directory.as_ref(), context, diagnostics);
    let time_zone = time_zone(raw.time_zone, diagnostics);
    let tests = config_tests::tests(raw.tests, &accounts, &network.listen, &time_zone, diagnostics);
    Config {
        listen: network.listen,
        upstream: network.upstream,
        trusted_proxies,
        limits: limits::limits(raw.limits, diagnostics),
        cors: cors::cors(raw.cors, diagnostics),
        log: log(raw.log),
        state_directory,
        time_zone,
        users: accounts.users,
        authentication,
        api_keys: accounts.api_keys,
        passwords: accounts.passwords,
        certificates: accounts.certificates,
        ollama_keys: accounts.ollama_keys,
        token_secrets,
        token_rules,
        issuers,
        policies,
        bindings,
        quotas,
        usage,
        audit,
        store,
        shadow: shadow(raw.shadow, context, diagnostics),
        tests,
        texts: Vec::new(),
        user_places: accounts.places,
        key_ends: accounts.key_ends,
        read_warnings: Vec::new(),
        digest: ConfigDigest::default(),
        sources: Sources::default(),
    }
}

fn permissions(raw: Field<RawSecretFiles>) -> Permissions {
    raw.value().and_then(|raw| raw.permissions.value()).unwrap_or_default()
}

fn shadow(
    raw: Field<RawShadow>,
    context: &LoadContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<PathBuf> {
    let raw = raw.optional()?;
    let written = raw.value.config.required("config", raw.at, diagnostics)?;
    Some(context.file(&written.value))
}

fn state_directory(raw: Field<String>, context: &LoadContext<'_>) -> Option<PathBuf> {
    let named = raw.value().map(|written| context.file(&written));
    named.or_else(environment::state_directory)
}

fn log(raw: Field<RawLog>) -> Log {
    let raw = raw.value().unwrap_or_default();
    Log {
        level: raw.level.value().unwrap_or_default(),
        format: raw.format.value().unwrap_or_default(),
        when_stuck: raw.when_stuck.value().unwrap_or_default(),
    }
}

pub(super) fn time_zone(raw: Field<String>, diagnostics: &mut Diagnostics) -> TimeZone {
    let Some(name) = raw.optional() else {
        return TimeZone::UTC;
    };
    TimeZone::get(&name.value).unwrap_or_else(|_| {
        let message = format!("there is no time zone {}", quoted(&name.value));
        diagnostics.add(
            Problem::new(name.at, message)
                .help("write a name of the IANA database, such as `Europe/Paris` or `UTC`"),
        );
        TimeZone::UTC
    })
}
