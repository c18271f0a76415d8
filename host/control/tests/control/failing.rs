//! A shipped policy that traps among those that are asked in the same call.

use stockade_authn::Scope;
use stockade_control::generation::{self, Asker, Decision, Generation, Hypothetical, Refusal};
use stockade_core::{
    BindingName, BindingVerdict, Content, DenialCause, Dialect, ModelName, ModelRef, ModelRole,
    Operation, Outcome, Parameters, PolicyName, SystemClock, UnixTime,
};
use stockade_engine::{Compiler, Engine, EngineConfig};

/// Equal limits: all are asked in one call. Only `pull-guard` is shown the blobs of a request, so
/// that many of them are more than its memory takes.
const POLICIES: &str = "policies:
  model-access: { module: builtin/model-access, memory: 512KiB }
  pull-guard: { module: builtin/pull-guard, memory: 512KiB }
  request-caps: { module: builtin/request-caps, memory: 512KiB }
";
const OTHERS: &str = "users: { alice: {} }
bindings:
  - { name: models, subjects: everyone, policy: model-access, settings: { allow: ['llama3.2:*'] } }
  - { name: caps, subjects: everyone, policy: request-caps, settings: { output: 1024 } }
";
const GUARD: &str = "  - name: builds
    subjects: everyone
    policy: pull-guard
    settings: { users: [alice], operations: [create], targets: ['alice/*'], files: any }
";

fn generation(text: &str) -> Generation {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stockade.yaml");
    std::fs::write(&path, text).unwrap();
    let loaded = stockade_config::load(&path, stockade_control::shipped::NAMES).unwrap();
    let mut config = EngineConfig::default();
    config.compiler = Compiler::Here;
    let engine = Engine::new(config).unwrap();
    generation::build(1, loaded.config, &engine, &SystemClock).unwrap()
}

fn ask(
    generation: &Generation,
    operation: Operation,
    model: &str,
    blobs: usize,
) -> Decision<Hypothetical> {
    let principal = generation.authenticator.principal_of("alice").unwrap();
    let scope = Scope::default();
    let digests = (0..blobs).map(|number| format!("sha256:{number:064x}")).collect();
    let request = Hypothetical {
        operation,
        models: vec![ModelRef {
            name: ModelName::parse(model).unwrap(),
            role: ModelRole::of(operation),
        }],
        dialect: Dialect::Native,
        parameters: Parameters { digests, ..Parameters::default() },
        content: Content::default(),
    };
    let time = generation.at(UnixTime::from_secs(1_800_000_000));
    generation.decide_blocking(Asker::supposed(&principal, &scope, time), request)
}

fn create(generation: &Generation, blobs: usize) -> Decision<Hypothetical> {
    ask(generation, Operation::Create, "alice/own", blobs)
}

fn chat(generation: &Generation) -> Decision<Hypothetical> {
    ask(generation, Operation::Chat, "llama3.2:3b", 0)
}

/// The verdicts of the other bindings.
fn others(decision: &Decision<Hypothetical>) -> Vec<BindingVerdict> {
    let verdicts = decision.verdicts.iter();
    verdicts.filter(|verdict| verdict.binding.as_str() != "builds").cloned().collect()
}

#[test]
fn a_policy_that_traps_is_named_and_those_asked_with_it_answer_as_before() {
    let fused = generation(&format!("{POLICIES}{OTHERS}{GUARD}"));
    let before = chat(&fused).verdicts;
    let refused = create(&fused, 5_000);
    let guard = &refused.verdicts[2];
    assert!(
        matches!(&guard.outcome, Outcome::Failure(why) if why.starts_with("memory: ")),
        "{guard:?}"
    );
    // Without the one that fails, nothing does.
    let without = generation(&format!("{}{OTHERS}", POLICIES.replace("pull-guard:", "unbound:")));
    assert_eq!(others(&refused), *create(&without, 5_000).verdicts);
    let Err(Refusal::Denied(denial)) = refused.result else { panic!("it is refused") };
    assert_eq!(denial.cause, DenialCause::PolicyFailure);
    assert_eq!(denial.policy.as_ref().map(PolicyName::as_str), Some("pull-guard"));
    assert_eq!(denial.binding.as_ref().map(BindingName::as_str), Some("builds"));

    let after = chat(&fused);
    assert_eq!(after.verdicts, before);
    assert!(after.result.is_ok());
    assert!(create(&fused, 1).result.is_ok());
}
