//! The configuration file: YAML text, to a tree that knows its places, to raw types, to
//! the domain types that the gateway works with.
//!
//! [`load`] tells everything that is wrong with a file at once, each error with its
//! place and what to do instead. What can only be found out later, such as settings that
//! a policy does not accept, is told in the same way through [`Config::error`].

mod decode;
mod error;
mod location;
mod quantity;
mod raw;
mod report;
mod settings;
mod slot;
mod tree;
mod types;
mod validate;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

pub use self::error::{ConfigError, ConfigErrors};
pub use self::location::Location;
use self::location::Source;
use self::raw::RawConfig;
use self::report::Report;
pub use self::types::{
    Authentication, Binding, Config, ConfigTest, Cors, Exceptions, Limits, Log, LogFormat,
    LogLevel, ModuleLocation, PolicySource, Subjects, Upstream,
};
use self::validate::{Surroundings, validate};

/// A configuration and the files that it was made of.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The configuration file, and every file that it names: secrets and modules.
    pub files: Vec<PathBuf>,
}

/// A larger file is a mistake.
const LARGEST: u64 = 16 << 20;

/// Load a configuration file. `builtins` are the names of the shipped policies, without
/// `builtin/`.
///
/// # Errors
/// Everything that is wrong with the file and with the secrets that it names.
pub fn load(path: &Path, builtins: &[&str]) -> Result<Loaded, ConfigErrors> {
    let text = read(path).map_err(|error| {
        let errors = ConfigErrors::from(error);
        errors.with_files(vec![path.to_owned()])
    })?;
    let mut surroundings = Surroundings {
        directory: path.parent().unwrap_or(Path::new("")),
        builtins,
        files: vec![path.to_owned()],
    };
    let config = parse(path, &text, &mut surroundings);
    let files = surroundings.files;
    match config {
        Ok(config) => Ok(Loaded { config, files }),
        Err(errors) => Err(errors.with_files(files)),
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let unreadable = |error: std::io::Error| {
        ConfigError::new(path, &format!("cannot read the configuration: {error}"))
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    let mut limited = file.take(LARGEST + 1);
    limited.read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST {
        let message = format!("the configuration has more than {} MiB", LARGEST >> 20);
        return Err(ConfigError::new(path, &message));
    }
    String::from_utf8(bytes).map_err(|error| not_utf8(path, &error))
}

fn not_utf8(path: &Path, error: &std::string::FromUtf8Error) -> ConfigError {
    let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
    let before = String::from_utf8_lossy(valid);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let at = Location::point(number(line), number(column));
    Source::new(path, &before, Vec::new())
        .error(at, "the file is not UTF-8 from here on")
        .with_help("save it in the encoding UTF-8")
}

fn parse(
    path: &Path,
    text: &str,
    surroundings: &mut Surroundings<'_>,
) -> Result<Config, ConfigErrors> {
    let mut report = Report::default();
    let source = Source::new(path, text, Vec::new());
    let config = tree::parse(text, &mut report)
        .and_then(|root| decode::decode::<RawConfig>(&root, &mut report))
        .map(|raw| validate(raw, source, surroundings, &mut report));
    report.finish(path, text)?;
    // Whatever gave nothing has reported why.
    config.ok_or_else(|| ConfigError::new(path, "the configuration cannot be read").into())
}
