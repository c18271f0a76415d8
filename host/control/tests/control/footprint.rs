//! The memory and the stack that shipped policies need: all of it is put back after each decision.

use std::fmt::Write as _;
use std::sync::LazyLock;

use stockade_authn::Scope;
use stockade_config::ConfigErrors;
use stockade_control::generation::{self, Asker, Generation, Hypothetical};
use stockade_core::{
    BindingVerdict, Content, Dialect, ModelName, ModelRef, ModelRole, Operation, Outcome,
    Parameters, SystemClock, UnixTime,
};
use stockade_engine::{Compiler, Engine, EngineConfig};

/// Settings that an ordinary configuration has.
const SETTINGS: [(&str, &str); 5] = [
    ("model-access", "{ allow: ['llama3.2:*', 'team/*'] }"),
    ("pull-guard", "{ groups: [ops], sources: ['registry.ollama.ai/library/*'] }"),
    ("request-caps", "{ context: 8192, output: 1024, images: 4 }"),
    ("endpoint-access", "{ deny: [web-search] }"),
    ("working-hours", "{ hours: [{ from: '00:00', to: '24:00' }] }"),
];

/// The same of rules, which need another page to describe themselves.
const RULES: [(&str, &str); 2] = [
    ("rules", "{ rules: [{ when: 'access = inference and user = alice', then: allow }] }"),
    ("fresh-rules", "{ rules: [{ when: 'access = inference and user = alice', then: allow }] }"),
];

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let mut config = EngineConfig::default();
    config.compiler = Compiler::Here;
    Engine::new(config).unwrap()
});

/// The generation in which each of these policies may use so much memory.
fn generation(bound: &[(&str, &str)], memory: &str) -> Result<Generation, ConfigErrors> {
    let mut text = "groups: [ops]\nusers: { alice: {} }\npolicies:\n".to_owned();
    for (name, _) in bound {
        writeln!(text, "  {name}: {{ module: builtin/{name}, memory: {memory} }}").unwrap();
    }
    text.push_str("bindings:\n");
    for (name, settings) in bound {
        writeln!(
            text,
            "  - {{ name: {name}, subjects: everyone, policy: {name}, settings: {settings} }}"
        )
        .unwrap();
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stockade.yaml");
    std::fs::write(&path, text).unwrap();
    let loaded = stockade_config::load(&path, stockade_control::shipped::NAMES)?;
    generation::build(1, loaded.config, &ENGINE, &SystemClock)
}

fn verdicts(generation: &Generation) -> Vec<BindingVerdict> {
    let principal = generation.authenticator.principal_of("alice").unwrap();
    let name = ModelName::parse("llama3.2:3b").unwrap();
    let request = Hypothetical {
        operation: Operation::Chat,
        models: vec![ModelRef { name, role: ModelRole::Use }],
        dialect: Dialect::Native,
        parameters: Parameters::default(),
        content: Content::default(),
    };
    let scope = Scope::default();
    let time = generation.at(UnixTime::from_secs(1_800_000_000));
    let asker = Asker::supposed(&principal, &scope, time);
    generation.decide_blocking(asker, request).verdicts.to_vec()
}

#[test]
fn shipped_policies_need_little_memory() {
    let one_page = SETTINGS.iter().map(|bound| (std::slice::from_ref(bound), "64KiB"));
    let rules = RULES.iter().map(|bound| (std::slice::from_ref(bound), "128KiB"));
    for (bound, memory) in one_page.chain(rules) {
        let generation = generation(bound, memory).unwrap();
        for verdict in verdicts(&generation) {
            assert!(matches!(verdict.outcome, Outcome::Verdict(_)), "{verdict:?}");
        }
    }
}

#[test]
fn settings_as_deep_as_they_may_be_do_not_exhaust_the_stack() {
    let deep = format!("{}{}", "[".repeat(60), "]".repeat(60));
    for (name, _) in SETTINGS.iter().chain(&RULES) {
        for settings in
            [deep.clone(), format!("{{ allow: {deep} }}"), format!("{{ rules: {deep} }}")]
        {
            let refused = generation(&[(name, &settings)], "1MiB").err().unwrap();
            let said = format!("{refused:?}");
            assert!(said.contains("does not accept"), "{name} {settings}: {said}");
        }
    }
    let condition = format!("{}user = alice{}", "(".repeat(11), ")".repeat(11));
    let rules =
        format!("{{ rules: [{{ when: 'access = inference and {condition}', then: allow }}] }}");
    let generation = generation(&[("rules", &rules)], "1MiB").unwrap();
    assert!(matches!(verdicts(&generation)[0].outcome, Outcome::Verdict(_)));
}
