//! Configurations of one caller, and the question that is decided by them.

use std::fmt::Write as _;

use stockade_authn::Scope;
use stockade_control::generation::{self, Asker, Generation, Hypothetical};
use stockade_control::shipped;
use stockade_core::{
    Content, Dialect, ModelName, ModelRef, ModelRole, Operation, Parameters, Principal,
    SystemClock, UnixTime,
};
use stockade_engine::{Engine, EngineConfig};

/// One shipped policy, which allows.
pub(crate) const ONE_SHIPPED: &str = "users: { alice: {} }
policies:
  model-access: { module: builtin/model-access, remember: false }
bindings:
  - { name: models, subjects: everyone, policy: model-access, settings: { allow: ['llama3.2:*'] } }
";

/// The shipped policies that an ordinary configuration binds to everybody.
pub(crate) const FIVE_SHIPPED: &str = "users: { alice: {} }
groups: [ops]
policies:
  model-access: { module: builtin/model-access, remember: false }
  pull-guard: { module: builtin/pull-guard, remember: false }
  request-caps: { module: builtin/request-caps, remember: false }
  endpoint-access: { module: builtin/endpoint-access, remember: false }
  working-hours: { module: builtin/working-hours, remember: false }
bindings:
  - name: models
    subjects: everyone
    policy: model-access
    settings: { allow: ['llama3.2:*', 'team/*'] }
  - name: pulls
    subjects: everyone
    policy: pull-guard
    settings: { groups: [ops], sources: ['registry.ollama.ai/library/*'] }
  - name: caps
    subjects: everyone
    policy: request-caps
    settings: { context: 8192, output: 1024, images: 4 }
  - { name: apis, subjects: everyone, policy: endpoint-access, settings: { deny: [web-search] } }
  - name: hours
    subjects: everyone
    policy: working-hours
    settings: { hours: [{ from: '00:00', to: '24:00' }] }
";

/// One binding whose settings name 200 groups, the caller's last.
pub(crate) fn two_hundred_groups() -> String {
    let groups: Vec<_> = (0..200).map(|number| format!("group-{number:05}")).collect();
    let all = groups.join(", ");
    format!(
        "users: {{ alice: {{ groups: [group-00199] }} }}
groups: [{all}]
policies: {{ pull-guard: {{ module: builtin/pull-guard, remember: false }} }}
bindings:
  - name: pulls
    subjects: everyone
    policy: pull-guard
    settings: {{ groups: [{all}], sources: ['registry.ollama.ai/library/*'] }}
"
    )
}

/// Ten policies of a user's own, none of which is asked with another.
pub(crate) fn ten_own() -> String {
    let (mut policies, mut bindings) = (String::new(), String::new());
    for number in 0..10 {
        let _ = writeln!(policies, "  own-{number}: {{ module: own.wasm, remember: false }}");
        let _ = writeln!(
            bindings,
            "  - {{ name: own {number}, subjects: everyone, policy: own-{number}, \
             settings: {{ allow: ['llama3.2:*', 'team-{number}/*'] }} }}"
        );
    }
    format!("users: {{ alice: {{}} }}\npolicies:\n{policies}bindings:\n{bindings}")
}

/// The same, with verdicts remembered for as long as they are true.
pub(crate) fn remembering(text: &str) -> String {
    text.replace(", remember: false", "")
}

/// One request of the caller, decided again and again.
pub(crate) struct Question {
    generation: Generation,
    principal: Principal,
    operation: Operation,
    models: Vec<ModelRef>,
}

impl Question {
    /// Asks for a chat with a model.
    pub(crate) fn chat(configuration: &str) -> Self {
        Self::new(configuration, Operation::Chat)
    }

    /// Asks to pull a model.
    pub(crate) fn pull(configuration: &str) -> Self {
        Self::new(configuration, Operation::Pull)
    }

    fn new(configuration: &str, operation: Operation) -> Self {
        let generation = generation(configuration);
        let principal = generation.authenticator.principal_of("alice").unwrap();
        let name = ModelName::parse("llama3.2:3b").unwrap();
        let models = vec![ModelRef { name, role: ModelRole::of(operation) }];
        Self { generation, principal, operation, models }
    }

    /// Decides it, which has to be a yes: it is the longest way.
    pub(crate) fn decide(&self) {
        let request = Hypothetical {
            operation: self.operation,
            models: self.models.clone(),
            dialect: Dialect::Native,
            parameters: Parameters::default(),
            content: Content::default(),
        };
        let scope = Scope::default();
        let time = self.generation.at(UnixTime::from_secs(1_800_000_000));
        let asker = Asker::supposed(&self.principal, &scope, time);
        self.generation.decide_blocking(asker, request).result.unwrap();
    }
}

fn generation(text: &str) -> Generation {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stockade.yaml");
    std::fs::write(&path, text).unwrap();
    let own = shipped::module("model-access").unwrap();
    std::fs::write(directory.path().join("own.wasm"), own).unwrap();
    let loaded = stockade_config::load(&path, shipped::NAMES).unwrap();
    let engine = Engine::new(EngineConfig::default()).unwrap();
    generation::build(1, loaded.config, &engine, &SystemClock).unwrap()
}
