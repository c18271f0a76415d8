//! Quotas in a configuration's own tests: what would be refused after so much was used.

use std::sync::LazyLock;

use stockade_control::{generation, shipped};
use stockade_core::SystemClock;
use stockade_engine::{Compiler, Engine, EngineConfig};

static ENGINE: LazyLock<Engine> =
    LazyLock::new(|| Engine::new(EngineConfig::compiling(Compiler::Here)).unwrap());

const CONFIG: &str = r#"
time_zone: Europe/Berlin
users:
  alice: { groups: [research] }
  kim: { groups: [children] }
policies:
  model-access: { module: builtin/model-access }
  usage-budget: { module: builtin/usage-budget }
bindings:
  - { name: all, subjects: everyone, policy: model-access, settings: { allow: ["*"] } }
  - name: budget
    subjects: { groups: [children] }
    policy: usage-budget
    settings: { hour: { tokens: 500 } }
quotas:
  - { name: share, subjects: { groups: [research] }, tokens: { hour: 50k, day: 80k } }
  - { name: few, subjects: everyone, operations: [embed], requests: { hour: 3 } }
tests:
"#;

/// Returns what is wrong with a configuration that has this test.
fn failure(test: &str) -> Option<String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stockade.yaml");
    std::fs::write(&path, format!("{CONFIG}  - {{ {test} }}\n")).unwrap();
    let loaded = stockade_config::load(&path, shipped::NAMES).unwrap();
    let built = generation::build(1, loaded.config, &ENGINE, &SystemClock);
    built.err().map(|errors| errors.iter().map(ToString::to_string).collect())
}

#[test]
fn a_test_may_say_what_was_used_before() {
    for test in [
        "user: alice, operation: chat, model: m, after: { tokens: 49k }, expect: allow",
        "user: alice, operation: chat, model: m, after: { tokens: 50k }, expect: deny",
        "user: alice, operation: chat, model: m, after: { input_tokens: 50k }, expect: deny",
        "user: alice, operation: chat, model: m, after: { requests: 9, gpu_time: 9h }, expect: allow",
        "user: alice, operation: show, model: m, after: { tokens: 50k }, expect: allow",
        "user: alice, operation: embed, model: m, after: { requests: 3 }, expect: deny",
        "user: alice, operation: embed, model: m, after: { requests: 2 }, expect: allow",
        // A policy is told of it, too.
        "user: kim, operation: chat, model: m, after: { tokens: 499 }, expect: allow",
        "user: kim, operation: chat, model: m, after: { tokens: 500 }, expect: deny",
    ] {
        assert_eq!(failure(test), None, "{test}");
    }
}

#[test]
fn a_failing_one_names_the_quota() {
    let at = "time: 2027-01-01T13:20";
    let test = format!(
        "user: alice, operation: chat, model: m, {at}, after: {{ tokens: 50k }}, expect: allow"
    );
    let message = failure(&test).unwrap();
    let expected = "this test expects allow and the answer is deny: quota share: you have used \
                    50,000 of 50,000 tokens of this hour; from 14:00 on again";
    assert!(message.contains(expected), "{message}");
}
