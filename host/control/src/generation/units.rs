//! Units: what is asked in one call. A policy is one by itself; shipped policies with the same
//! limits are one together, because five of them asked at once take little longer than one.

use stockade_config::{Binding, Config, ConfigError, ModuleLocation, PolicySource};
use stockade_engine::{Engine, LoadError, ModuleSource, PolicyLimits, PreparedPolicy};

use super::bindings::{Declared, Place};
use crate::shipped;

/// The name under which shipped policies that are asked together write into the log.
const TOGETHER: &str = "builtin";

/// The units of a configuration, and the place of each binding.
pub(super) struct Units {
    pub(super) policies: Vec<PreparedPolicy>,
    pub(super) places: Vec<Place>,
}

impl Units {
    /// Loads every policy with the settings of all its bindings. Blocks while policies compile.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place in the configuration.
    pub(super) fn load(config: &Config, engine: &Engine) -> Result<Self, Vec<ConfigError>> {
        let mut units = Self {
            policies: Vec::with_capacity(config.policies.len()),
            places: vec![Place::default(); config.bindings.len()],
        };
        let mut errors = Vec::new();
        for plan in plans(config, engine) {
            match plan.load(config, engine) {
                Ok(policy) => units.add(&plan, policy),
                Err(more) => errors.extend(more),
            }
        }
        if errors.is_empty() { Ok(units) } else { Err(errors) }
    }

    fn add(&mut self, plan: &Plan<'_>, policy: PreparedPolicy) {
        for (settings, (position, _, source)) in (0..).zip(&plan.bound) {
            let inputs = match &source.module {
                ModuleLocation::Builtin(name) => shipped::inputs(name).unwrap_or_default(),
                ModuleLocation::File(..) => policy.metadata().inputs,
            };
            let declared = Declared { inputs, remember: source.remember };
            self.places[*position] = Place { unit: self.policies.len(), settings, declared };
        }
        self.policies.push(policy);
    }
}

/// Tells whether all policies of a configuration are there, so that loading them takes no time.
pub(super) fn are_ready(config: &Config, engine: &Engine) -> bool {
    plans(config, engine).iter().all(|plan| {
        // What cannot be loaded takes no time either.
        plan.module().is_ok_and(|module| engine.is_ready(&module, &plan.settings(), plan.limits))
    })
}

/// A unit to be loaded.
struct Plan<'c> {
    sources: Vec<&'c PolicySource>,
    /// The bindings, with their positions in the configuration and their policies.
    bound: Vec<(usize, &'c Binding, &'c PolicySource)>,
    limits: PolicyLimits,
}

fn plans<'c>(config: &'c Config, engine: &Engine) -> Vec<Plan<'c>> {
    let usual = engine.config().default_limits();
    let mut plans: Vec<Plan<'c>> = Vec::new();
    for source in &config.policies {
        let limits = limits(usual, source);
        let is_bound = config.bindings.iter().any(|binding| binding.policy == source.name);
        let shared = plans.iter_mut().find(|plan| {
            is_bound && can_share(source) && plan.limits == limits && plan.takes_others()
        });
        match shared {
            Some(plan) => plan.sources.push(source),
            None => plans.push(Plan { sources: vec![source], bound: Vec::new(), limits }),
        }
    }
    for plan in &mut plans {
        let source = |binding: &Binding| {
            plan.sources.iter().copied().find(|source| source.name == binding.policy)
        };
        let bindings = config.bindings.iter().enumerate();
        plan.bound = bindings
            .filter_map(|(position, binding)| Some((position, binding, source(binding)?)))
            .collect();
    }
    plans
}

/// A digest is that of the policy's own module.
fn can_share(source: &PolicySource) -> bool {
    let is_together = match &source.module {
        ModuleLocation::Builtin(name) => shipped::is_together(name),
        ModuleLocation::File(..) => false,
    };
    is_together && source.digest.is_none()
}

impl Plan<'_> {
    fn takes_others(&self) -> bool {
        self.sources.iter().all(|source| can_share(source))
    }

    fn is_shared(&self) -> bool {
        self.sources.len() > 1
    }

    fn module(&self) -> Result<ModuleSource, String> {
        match self.sources[..] {
            [source] => module(source),
            _ => Ok(ModuleSource::new(TOGETHER, shipped::TOGETHER.to_vec())),
        }
    }

    /// The settings of each binding; with the policy that they are for, where several are asked
    /// together.
    fn settings(&self) -> Vec<String> {
        let settings = |(_, binding, source): &(usize, &Binding, &PolicySource)| match (
            &source.module,
            self.is_shared(),
        ) {
            (ModuleLocation::Builtin(name), true) => {
                shipped::settings_together(name, &binding.settings)
            }
            _ => binding.settings.clone(),
        };
        self.bound.iter().map(settings).collect()
    }

    fn load(&self, config: &Config, engine: &Engine) -> Result<PreparedPolicy, Vec<ConfigError>> {
        let first = self.sources[0];
        let at_module = |message: String| vec![config.error(Some(first.at), message)];
        let module = self.module().map_err(at_module)?;
        match engine.prepare(&module, &self.settings(), self.limits) {
            Ok(prepared) => Ok(prepared),
            Err(LoadError::Settings(problems)) => {
                Err(problems.iter().map(|problem| self.located(config, problem)).collect())
            }
            Err(other) => {
                let message = format!("policy {:?} does not load: {other}", first.name.as_str());
                let error = config.error(Some(first.at), message);
                Err(vec![if other.is_passing() { error.into_passing() } else { error }])
            }
        }
    }

    fn located(&self, config: &Config, problem: &stockade_engine::SettingsProblem) -> ConfigError {
        let (_, binding, source) = self.bound[problem.binding];
        let path =
            if self.is_shared() { shipped::path_alone(&problem.path) } else { &problem.path };
        let message = format!(
            "binding {:?}: policy {:?} does not accept `settings{}`: {}",
            binding.name.as_str(),
            source.name.as_str(),
            dotted(path),
            problem.message
        );
        config.error(Some(binding.settings_at(path)), message)
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
        ModuleLocation::Builtin(name) => shipped::module(name)
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

#[cfg(test)]
mod tests {
    use super::plans;
    use stockade_engine::{Engine, EngineConfig};

    /// The names of the policies that are asked together, unit by unit.
    fn units(policies: &str, bound: &[&str]) -> Vec<Vec<String>> {
        let directory = tempfile::tempdir().unwrap();
        let bindings = bound.iter().map(|name| {
            format!("  - {{ name: {name}, subjects: everyone, policy: {name}, settings: {{}} }}\n")
        });
        let text =
            format!("policies:\n{policies}bindings:\n{}", bindings.collect::<Vec<_>>().concat());
        let path = directory.path().join("stockade.yaml");
        std::fs::write(&path, text).unwrap();
        let config = stockade_config::load(&path, crate::shipped::NAMES).unwrap().config;
        let engine = Engine::new(EngineConfig::default()).unwrap();
        let names = |plan: &super::Plan<'_>| {
            plan.sources.iter().map(|source| source.name.to_string()).collect()
        };
        plans(&config, &engine).iter().map(names).collect()
    }

    #[test]
    fn shipped_policies_are_asked_together_where_nothing_sets_them_apart() {
        let policies = "  model-access: { module: builtin/model-access }\n  \
                        slow: { module: builtin/pull-guard, deadline: 50ms }\n  \
                        request-caps: { module: builtin/request-caps }\n  \
                        unbound: { module: builtin/working-hours }\n  \
                        rules: { module: builtin/rules }\n  \
                        fresh: { module: builtin/endpoint-access, remember: false }\n";
        let units = units(policies, &["model-access", "slow", "request-caps", "rules", "fresh"]);
        let expected =
            [&["model-access", "request-caps", "fresh"][..], &["slow"], &["unbound"], &["rules"]];
        assert_eq!(units, expected);
    }
}
