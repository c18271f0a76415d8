//! The configuration file: YAML text, to a tree that knows its places, to raw types, to
//! the domain types that the gateway works with.
//!
//! [`load`] tells everything that is wrong with a file at once, each error with its
//! place and what to do instead. What can only be found out later, such as settings that
//! a policy does not accept, is told in the same way through [`Config::error`].

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

pub use self::error::{ConfigError, ConfigErrors};
pub use self::inputs::{Inputs, Matches, Pattern};
pub use self::location::Location;
use self::report::Report;
pub use self::schema::json_schema;
pub use self::types::{
    Authentication, Binding, Config, ConfigTest, Cors, Exceptions, Limits, Listener, Log,
    LogFormat, LogLevel, ModuleLocation, PolicySource, Subjects, Upstream,
};
use self::validate::{Surroundings, validate};

/// A configuration and what it was made of.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
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
    let mut surroundings = Surroundings {
        directory: path.parent().unwrap_or(Path::new("")),
        builtins,
        inputs: Inputs::of(path),
    };
    let config = read(path, &mut surroundings);
    let inputs = surroundings.inputs;
    match config {
        Ok(config) => Ok(Loaded { config, inputs }),
        Err(errors) => Err(errors.with_inputs(inputs)),
    }
}

fn read(path: &Path, surroundings: &mut Surroundings<'_>) -> Result<Config, ConfigErrors> {
    let mut report = Report::default();
    let raw = include::read(path, surroundings, &mut report).map_err(|error| {
        ConfigError::new(path, &format!("cannot read the configuration: {error}"))
    })?;
    let config = raw.map(|raw| validate(raw, surroundings, &mut report));
    let (sources, errors) = report.finish();
    ConfigErrors::check(errors)?;
    // Whatever gave nothing has reported why.
    let config = config.ok_or_else(|| ConfigError::new(path, "the configuration is not read"))?;
    Ok(Config { sources, ..config })
}
