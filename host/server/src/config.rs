//! The configuration file: YAML text, to a tree that knows its places, to raw types, to
//! the domain types that the gateway works with.
//!
//! [`load`] tells everything that is wrong with a file at once, each error with its
//! place and what to do instead. What can only be found out later, such as settings that
//! a policy does not accept, is told in the same way through [`Config::error`].

mod advice;
pub(crate) mod cases;
mod decode;
mod error;
mod include;
mod inputs;
mod location;
mod merge;
mod quantity;
mod raw;
mod report;
mod schema;
mod settings;
mod slot;
mod source;
mod text;
mod tree;
mod types;
mod validate;

use std::path::Path;

pub use self::error::{ConfigError, ConfigErrors, render_all};
pub use self::inputs::{Inputs, Matches, Pattern};
pub use self::location::Location;
use self::report::{Finished, Report};
pub use self::schema::{json_schema, policy_tests_json_schema};
pub use self::types::{
    Authentication, Binding, Config, ConfigTest, Cors, Exceptions, Issuer, Limits, Listener, Log,
    LogFormat, LogLevel, ModuleLocation, PolicySource, Subjects, Upstream,
};
pub(crate) use self::validate::secret_file;
use self::validate::{Surroundings, validate};

/// A configuration and what it was made of.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Everything that was read or looked for.
    pub inputs: Inputs,
}

/// What came of reading a configuration, good or not.
#[derive(Debug)]
pub struct Reading {
    /// What could be understood; without errors, it is the configuration.
    pub config: Option<Config>,
    /// Everything that is wrong.
    pub errors: Vec<ConfigError>,
    /// Everything that was read or looked for.
    pub inputs: Inputs,
}

/// Load a configuration file. `builtins` are the names of the shipped policies, without
/// `builtin/`.
///
/// # Errors
/// Everything that is wrong with the file, with what it includes, and with the secrets
/// that it names.
pub fn load(path: &Path, builtins: &[&str]) -> Result<Loaded, ConfigErrors> {
    let Reading { config, errors, inputs } = read(path, builtins);
    match (config, ConfigErrors::check(errors)) {
        (Some(config), Ok(())) => Ok(Loaded { config, inputs }),
        (_, Err(errors)) => Err(errors.with_inputs(inputs)),
        // Whatever gave nothing has reported why.
        (None, Ok(())) => Err(ConfigError::new(path, "the configuration is not read").into()),
    }
}

/// [`load`] for whoever wants to look for more errors in a configuration that has some.
pub fn read(path: &Path, builtins: &[&str]) -> Reading {
    let mut surroundings = Surroundings {
        directory: path.parent().unwrap_or(Path::new("")),
        builtins,
        inputs: Inputs::of(path),
    };
    let mut report = Report::default();
    let raw = match include::read(path, &mut surroundings, &mut report) {
        Ok(raw) => raw,
        Err(error) => {
            let message = format!("cannot read the configuration: {error}");
            let errors = vec![ConfigError::new(path, &message)];
            return Reading { config: None, errors, inputs: surroundings.inputs };
        }
    };
    let config = raw.map(|raw| validate(raw, &mut surroundings, &mut report));
    let Finished { errors, warnings, sources } = report.finish();
    let config = config.map(|config| Config { sources, read_warnings: warnings, ..config });
    Reading { config, errors, inputs: surroundings.inputs }
}
