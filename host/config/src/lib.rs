//! The configuration file: YAML text, to a tree that knows its places, to raw types, to
//! the domain types that the gateway works with.
//!
//! [`load`] tells everything that is wrong with a file at once, each error with its
//! place and what to do instead. What can only be found out later, such as settings that
//! a policy does not accept, is told in the same way through [`Config::error`].

mod endings;
mod include;
mod lints;
mod local_time;
mod merge;
mod pattern;
pub mod policy_tests;
mod quantity;
mod raw;
mod regular_file;
mod schema;
mod source_set;
mod startup;
mod text_file;
mod top_level;
mod types;
mod validate;
mod value_schema;

use std::path::Path;

use stockade_core::Secret;

pub use self::local_time::local_time;
pub use self::pattern::{Matches, Pattern};
pub use self::quantity::local_time as moment;
pub use self::schema::{json_schema, policy_tests_json_schema};
pub use self::source_set::{ChangedFile, Changes, LastRead, SourceSet};
pub use self::startup::StartupConfig;
pub use self::types::{
    Anchors, AuditRules, Authentication, Binding, Config, ConfigDigest, ConfigTest, Cors,
    Exceptions, FetchedKeys, Issuer, Limits, Listener, Log, LogFormat, LogLevel, ModuleBytes,
    ModuleLocation, OnFailure, OriginPattern, PRIVATE_DOMAINS, PolicySource, QuotaRule, Store,
    Subjects, TestRequest, Upstream, UsageRules, WhenStuck,
};
use stockade_yaml::{Diagnostics, Finished};

use self::validate::secret_file::SecretFileError;
use self::validate::{LoadContext, secret_file, validate};
pub use stockade_yaml::{ConfigError, ConfigErrors, Location, render_all};

/// A configuration and what it was made of.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Everything that was read or looked for.
    pub sources: SourceSet,
}

/// The result of reading a configuration, good or not.
#[derive(Debug)]
pub struct Reading {
    /// The part that could be understood; without errors, it is the configuration.
    pub config: Option<Config>,
    /// Everything that is wrong.
    pub errors: Vec<ConfigError>,
    /// Everything that was read or looked for.
    pub sources: SourceSet,
}

/// The reason why a secret is not taken from a file, with its name.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct UnusableSecret(#[from] SecretFileError);

/// Reads the secret of a file that only its owner, or a group of this process, can read.
///
/// # Errors
/// The reason why it is not taken.
pub fn read_secret(path: &Path) -> Result<Secret<Vec<u8>>, UnusableSecret> {
    Ok(secret_file::read(path)?)
}

/// Loads a configuration file. `builtins` are the names of the shipped policies, without
/// `builtin/`.
///
/// # Errors
/// Everything that is wrong with the file, with what it includes, and with the secrets
/// that it names.
pub fn load(path: &Path, builtins: &[&str]) -> Result<Loaded, ConfigErrors> {
    let Reading { config, errors, sources } = read(path, builtins);
    match (config, ConfigErrors::check(errors)) {
        (Some(config), Ok(())) => Ok(Loaded { config, sources }),
        (_, Err(errors)) => Err(errors.with_files(sources.files())),
        // Whatever gave nothing has reported why.
        (None, Ok(())) => Err(ConfigError::new(path, "the configuration is not read").into()),
    }
}

/// [`load`] for whoever wants to look for more errors in a configuration that has some.
pub fn read(path: &Path, builtins: &[&str]) -> Reading {
    read_from(path, builtins, SourceSet::default())
}

/// [`read`] with files that were read already.
pub fn read_from(path: &Path, builtins: &[&str], sources: SourceSet) -> Reading {
    let directory = path.parent().unwrap_or(Path::new(""));
    let mut context =
        LoadContext { directory, builtins, sources, permissions: raw::Permissions::default() };
    let mut diagnostics = Diagnostics::default();
    let raw = match include::read(path, &mut context, &mut diagnostics) {
        Ok(raw) => raw,
        Err(error) => {
            let message = format!("cannot read the configuration: {error}");
            let errors = vec![ConfigError::new(path, &message)];
            return Reading { config: None, errors, sources: context.sources };
        }
    };
    let config = raw.map(|raw| validate(raw, &mut context, &mut diagnostics));
    let Finished { errors, warnings, sources } = diagnostics.finish();
    let (digest, texts) = (ConfigDigest(context.sources.digest()), context.sources.texts());
    let read_warnings = warnings;
    let config = config.map(|config| Config { texts, read_warnings, digest, sources, ..config });
    Reading { config, errors, sources: context.sources }
}
