//! The shipped policies, embedded so that the binary is all there is to install.

use serde_json::Value;
use stockade_engine::{Engine, Inputs, LoadError, ModuleSource};

/// A shipped policy.
struct Shipped {
    name: &'static str,
    module: &'static [u8],
    /// Its `tests.yaml`.
    cases: &'static str,
}

/// Every shipped policy.
const SHIPPED: &[Shipped] = include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// The shipped policies that are [asked together](is_together), in one module. The settings of its bindings are those of
/// [`settings_together`].
pub(crate) const TOGETHER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/together.wasm"));

/// The settings of a binding of one shipped policy, for [`TOGETHER`].
pub(crate) fn settings_together(name: &str, settings: &str) -> String {
    format!(r#"{{"policy":"{name}","settings":{settings}}}"#)
}

/// Tells whether a shipped policy is one of [`TOGETHER`]. Rules are not: their module is as large as
/// the others together, and texts would be copied for all of them.
pub(crate) fn is_together(name: &str) -> bool {
    !matches!(name, "rules" | "fresh-rules")
}

/// A place in the settings of [`TOGETHER`], as one in those of the policy alone.
pub(crate) fn path_alone(path: &str) -> &str {
    let inner = path.strip_prefix("settings").unwrap_or(path);
    inner.strip_prefix('.').unwrap_or(inner)
}

/// The inputs that each shipped policy declares; a test compares them with what it says itself.
pub(crate) fn inputs(name: &str) -> Option<Inputs> {
    Some(match name {
        "endpoint-access" => Inputs::NONE,
        "model-access" | "request-caps" => Inputs::PARAMETERS,
        "pull-guard" => Inputs::CALLER.and(Inputs::PARAMETERS).and(Inputs::BLOBS),
        "rules" => RULES,
        "fresh-rules" => RULES.and(Inputs::PROMPT).and(Inputs::TEXTS).and(Inputs::USAGE),
        "usage-budget" => Inputs::USAGE,
        "working-hours" => Inputs::TIME,
        _ => return None,
    })
}

const RULES: Inputs = Inputs::CALLER
    .and(Inputs::CREDENTIAL)
    .and(Inputs::CATALOGUE)
    .and(Inputs::PARAMETERS)
    .and(Inputs::TOOLS)
    .and(Inputs::CLIENT)
    .and(Inputs::TIME);

/// The inputs of rules that no condition can look at without naming a fact that begins so.
const FACTS: [(Inputs, &str); 7] = [
    (Inputs::CATALOGUE, "model."),
    (Inputs::TOOLS, "tools"),
    (Inputs::CLIENT, "client."),
    (Inputs::TIME, "time."),
    (Inputs::PROMPT, "prompt."),
    (Inputs::TEXTS, "texts"),
    (Inputs::USAGE, "usage."),
];

/// The inputs that a shipped policy can look at with these settings, which are canonical JSON.
pub(crate) fn inputs_with(name: &str, settings: &str) -> Option<Inputs> {
    let declared = inputs(name)?;
    if is_together(name) {
        return Some(declared);
    }
    let unnamed = FACTS.into_iter().filter(|(_, fact)| !settings.contains(fact));
    Some(unnamed.fold(declared, |inputs, (unnamed, _)| inputs.without(unnamed)))
}

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

#[cfg(test)]
mod tests {
    use super::{NAMES, SHIPPED, TOGETHER, inputs, inputs_with, is_together, path_alone};
    use stockade_engine::{Compiler, Engine, EngineConfig, Inputs, ModuleSource};

    #[test]
    fn inputs_are_those_that_the_policies_declare() {
        let mut config = EngineConfig::default();
        config.compiler = Compiler::Here;
        let engine = Engine::new(config).unwrap();
        let limits = engine.config().default_limits();
        let mut all = Inputs::NONE;
        for shipped in SHIPPED {
            let module = ModuleSource::new(shipped.name, shipped.module);
            let declared = engine.prepare(&module, &[], limits).unwrap().metadata().inputs;
            assert_eq!(inputs(shipped.name), Some(declared), "{}", shipped.name);
            if is_together(shipped.name) {
                all = all.and(declared);
            }
        }
        let together = ModuleSource::new("together", TOGETHER);
        assert_eq!(engine.prepare(&together, &[], limits).unwrap().metadata().inputs, all);
        assert!(NAMES.iter().all(|name| inputs(name).is_some()));
        assert_eq!(inputs("else"), None);
    }

    #[test]
    fn rules_look_at_nothing_that_they_do_not_name() {
        let rules = |when: &str| {
            let settings = format!(r#"{{"rules":[{{"then":"deny","when":"{when}"}}]}}"#);
            inputs_with("fresh-rules", &settings).unwrap()
        };
        let rest = [Inputs::CALLER, Inputs::CREDENTIAL, Inputs::PARAMETERS];
        let rest = rest.into_iter().fold(Inputs::NONE, Inputs::and);
        assert_eq!(rules("groups contains kids"), rest);
        assert_eq!(rules("prompt.bytes > 5"), rest.and(Inputs::PROMPT));
        assert_eq!(rules("texts.user contains x"), rest.and(Inputs::TEXTS));
        assert_eq!(rules("usage.model.hour.tokens > 5 and time.hour = 3"), {
            rest.and(Inputs::USAGE).and(Inputs::TIME).and(Inputs::CATALOGUE)
        });
        assert_eq!(inputs_with("working-hours", "{}"), Some(Inputs::TIME));
    }

    #[test]
    fn places_are_those_of_the_policy_alone() {
        assert_eq!(path_alone("settings.allow[2]"), "allow[2]");
        assert_eq!(path_alone("settings"), "");
        assert_eq!(path_alone("settings[0]"), "[0]");
        assert_eq!(path_alone(""), "");
    }
}
