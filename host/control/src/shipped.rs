//! The shipped policies, embedded so that the binary is all there is to install.

use serde_json::Value;
use stockade_engine::{Engine, LoadError, ModuleSource};

/// A shipped policy.
struct Shipped {
    name: &'static str,
    module: &'static [u8],
    /// Its `tests.yaml`.
    cases: &'static str,
}

/// Every shipped policy.
const SHIPPED: &[Shipped] = include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// The name of each shipped policy, as in `module: builtin/<name>`.
pub const NAMES: &[&str] = &{
    let mut names = [""; SHIPPED.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = SHIPPED[index].name;
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
    let schema = |Shipped { name, module, .. }: &Shipped| {
        let policy = engine.prepare(&ModuleSource::new(name, module.to_vec()), &[], limits)?;
        // A schema that is none says nothing.
        let schema = serde_json::from_str(&policy.metadata().settings_schema);
        Ok((*name, schema.unwrap_or(Value::Bool(true))))
    };
    SHIPPED.iter().map(schema).collect()
}

/// The module of a shipped policy.
pub fn module(name: &str) -> Option<&'static [u8]> {
    shipped(name).map(|shipped| shipped.module)
}

/// The cases of a shipped policy, as `stockade policy test` reads them.
pub fn cases(name: &str) -> Option<&'static str> {
    shipped(name).map(|shipped| shipped.cases)
}

fn shipped(name: &str) -> Option<&'static Shipped> {
    SHIPPED.iter().find(|shipped| shipped.name == name)
}
