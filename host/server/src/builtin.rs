//! The shipped policies, embedded so that the binary is all there is to install.

use serde_json::Value;
use stockade_engine::{Engine, LoadError, ModuleSource};

/// Every shipped policy with its module.
const MODULES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/builtin.rs"));

/// The name of each shipped policy, as in `module: builtin/<name>`.
pub const NAMES: &[&str] = &{
    let mut names = [""; MODULES.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = MODULES[index].0;
        index += 1;
    }
    names
};

/// The JSON Schema of the settings of each shipped policy, as the policy itself tells it.
///
/// # Errors
/// Where one does not load, which the tests rule out.
pub fn settings_schemas(engine: &Engine) -> Result<Vec<(&'static str, Value)>, LoadError> {
    let limits = engine.config().default_limits();
    let schema = |(name, module): &(&'static str, &[u8])| {
        let policy = engine.prepare(&ModuleSource::new(name, module.to_vec()), &[], limits)?;
        // A schema that is none says nothing.
        let schema = serde_json::from_str(&policy.metadata().settings_schema);
        Ok((*name, schema.unwrap_or(Value::Bool(true))))
    };
    MODULES.iter().map(schema).collect()
}

/// The module of a shipped policy.
pub fn module(name: &str) -> Option<&'static [u8]> {
    MODULES.iter().find(|(known, _)| *known == name).map(|(_, module)| *module)
}
