//! `stockade policy`, as an author uses it.

use std::path::Path;
use std::process::{Command, Output};

/// Runs in a directory, without a network. What is compiled goes where the other guests of the
/// tests go, so that dependencies are compiled once.
fn policy(arguments: &[&str], directory: &Path) -> Output {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests");
    Command::new(env!("CARGO_BIN_EXE_stockade"))
        .arg("policy")
        .args(arguments)
        .current_dir(directory)
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_TARGET_DIR", target)
        // Flags that are set for something else must not reach the policy.
        .env("RUSTFLAGS", "--cfg none_of_its_business")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap().trim_end()
}

#[test]
fn a_new_policy_builds_and_passes_and_tells_what_fails() {
    let here = tempfile::tempdir().unwrap();
    let new = policy(&["new", "quiet-nights"], here.path());
    assert!(new.status.success(), "{}", text(&new.stderr));
    let directory = here.path().join("quiet-nights");

    let cases = std::fs::read_to_string(directory.join("tests.yaml")).unwrap();
    let schema = cases.strip_prefix("# yaml-language-server: $schema=").unwrap();
    let schema = std::fs::read(directory.join(schema.lines().next().unwrap())).unwrap();
    let schema: serde_json::Value = serde_json::from_slice(&schema).unwrap();
    assert_eq!(schema, stockade_config::policy_tests_json_schema());

    let test = policy(&["test"], &directory);
    assert!(test.status.success(), "{}\n{}", text(&test.stdout), text(&test.stderr));
    assert!(text(&test.stdout).ends_with("4 passed, 0 failed"), "{}", text(&test.stdout));

    let build = policy(&["build", "quiet-nights", "--out", "out/q.wasm", "--json"], here.path());
    assert!(build.status.success(), "{}", text(&build.stderr));
    let told: serde_json::Value = serde_json::from_slice(&build.stdout).unwrap();
    let module = std::fs::read(here.path().join("out/q.wasm")).unwrap();
    assert_eq!(told["bytes"], module.len());
    assert_eq!(told["digest"], stockade_engine::Digest::of(&module).to_string());
    let has = |text: &str| module.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has("quiet_nights"), "the name section is kept");
    assert!(!has(here.path().to_str().unwrap()), "no path of this machine");

    let cases = directory.join("tests.yaml");
    let wrong = std::fs::read_to_string(&cases).unwrap().replace("expect: abstain", "expect: deny");
    std::fs::write(&cases, wrong).unwrap();
    let test = policy(&["test", "out/q.wasm", "--tests", "quiet-nights/tests.yaml"], here.path());
    assert_eq!(test.status.code(), Some(1));
    let expected = "FAIL ops may\n     \
                    quiet-nights/tests.yaml:14:5: expected (-) and found (+)\n     \
                    - deny\n     + abstain\n";
    assert!(text(&test.stdout).contains(expected), "{}", text(&test.stdout));
    assert!(text(&test.stdout).ends_with("2 passed, 2 failed"), "{}", text(&test.stdout));
}

#[test]
fn a_shipped_policy_is_asked_with_everything_that_cases_can_say() {
    let here = tempfile::tempdir().unwrap();
    let cases = r#"
time_zone: Europe/Berlin
settings: { models: ["qwen3:*"], output: 100 }
tests:
  - name: too much is lowered
    user: bob
    groups: [a, b]
    attributes: { team: red }
    operation: chat
    api: openai
    models: [{ name: qwen3, role: use, installed: true, bytes: 7, parameters: 8, family: qwen3, quantization: Q4_0, loaded: true }]
    parameters: { output: 500, context: 5, think: high, format: json, runner_options: [num_gpu] }
    proof: mtls
    address: "2001:db8::1"
    transport: mutual-tls
    time: 2026-01-05T12:00
    usage: { hour: { requests: 1, tokens: 2, gpu_milliseconds: 3 } }
    usage_with_model: { day: { requests: 1 } }
    tools: [search]
    texts: [{ role: system, text: be brief }]
    blobs: [{ digest: "sha256:ab", uploaded: true }]
    labels: { owner: lab }
    listener: children
    expect: restrict
    obligations: ["output at most 100, also written where it is missing"]
  - name: and obligations are compared
    operation: chat
    model: qwen3
    expect: restrict
    obligations: ["context at most 1"]
"#;
    std::fs::write(here.path().join("cases.yaml"), cases).unwrap();
    let test = policy(&["test", "builtin/request-caps", "--tests", "cases.yaml"], here.path());
    assert_eq!(test.status.code(), Some(1));
    let told = text(&test.stdout);
    assert!(told.starts_with("ok   too much is lowered\nFAIL and obligations"), "{told}");
    assert!(told.contains("- context at most 1\n"), "{told}");
    assert!(told.contains("+ output at most 100, also written where it is missing"), "{told}");
}

#[test]
fn what_a_policy_logs_is_shown_from_the_level_that_is_asked_for() {
    let here = tempfile::tempdir().unwrap();
    let cases = "settings: { verdict: abstain }\n\
                 tests: [{ name: nothing, operation: list, expect: abstain }]";
    std::fs::write(here.path().join("cases.yaml"), cases).unwrap();
    let guest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/tests/contracts/1.0.0.wasm");
    let guest = guest.to_str().unwrap();
    for (level, shown) in [("info", true), ("warn", false)] {
        let test = policy(&["test", guest, "--tests", "cases.yaml", "--log", level], here.path());
        assert!(test.status.success(), "{}", text(&test.stderr));
        assert_eq!(text(&test.stderr).contains("INFO stockade::policy: configured"), shown);
    }
}

/// The cases of each shipped policy, asked of the module that is in the program.
#[test]
fn shipped_policies_pass_their_own_tests() {
    let here = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for name in stockade_control::shipped::NAMES {
            let directory = here.path();
            scope.spawn(move || {
                let test = policy(&["test", &format!("builtin/{name}"), "--json"], directory);
                let told: serde_json::Value = serde_json::from_slice(&test.stdout).unwrap();
                assert_eq!(told["ok"], true, "{name}: {told:#}");
                assert!(told["tests"].as_array().unwrap().len() >= 7, "{name}");
            });
        }
    });
}

#[test]
fn a_module_is_told_what_it_is() {
    let here = tempfile::tempdir().unwrap();
    let inspect = policy(&["inspect", "builtin/model-access", "--json"], here.path());
    let told: serde_json::Value = serde_json::from_slice(&inspect.stdout).unwrap();
    let module = stockade_control::shipped::module("model-access").unwrap();
    assert_eq!(told["bytes"], module.len());
    assert_eq!(told["digest"], stockade_engine::Digest::of(module).to_string());
    assert_eq!(told["contract"], "1.0.0");
    assert_eq!(told["imports"], serde_json::json!(["stockade:policy/log@1.0.0::write"]));
    assert!(told["settings_schema"]["properties"]["allow"].is_object(), "{told}");

    let inspect = policy(&["inspect", "builtin/model-access"], here.path());
    assert!(text(&inspect.stdout).contains("\ncontract  stockade:policy@1.0.0\n"));

    std::fs::write(here.path().join("no.wasm"), "no wasm").unwrap();
    let inspect = policy(&["inspect", "no.wasm"], here.path());
    assert_eq!(inspect.status.code(), Some(2));
    assert!(text(&inspect.stderr).contains("this is no WebAssembly module"));
}

/// One case that is read to its end, one that is not, and one that is never asked.
const THREE: &str = r#"
settings: { allow: ["a", "b", "c"] }
tests:
  - { name: long, operation: chat, models: [{ name: a }, { name: b }, { name: c }], expect: allow }
  - { name: short, operation: web-search, expect: abstain }
  - { name: never, settings: {}, operation: list, expect: wrong-settings }
"#;

#[test]
fn instructions_are_counted_for_each_test_and_are_always_the_same() {
    let here = tempfile::tempdir().unwrap();
    std::fs::write(here.path().join("three.yaml"), THREE).unwrap();
    let tests = || {
        let arguments = ["inspect", "builtin/model-access", "--tests", "three.yaml", "--json"];
        let told: serde_json::Value =
            serde_json::from_slice(&policy(&arguments, here.path()).stdout).unwrap();
        told["tests"].clone()
    };
    let told = tests();
    let count = |index: usize| told[index]["instructions"].as_u64();
    assert!(count(0).unwrap() > count(1).unwrap(), "{told}");
    assert!(count(1).unwrap() > 100, "{told}");
    assert_eq!((count(2), &told[2]["name"]), (None, &"never".into()), "{told}");
    assert!(told[2]["uncounted"].as_str().unwrap().contains("not accepted"), "{told}");
    assert_eq!(tests(), told);

    let inspect = policy(&["inspect", "builtin/model-access"], here.path());
    let text = text(&inspect.stdout);
    let (_, table) = text.split_once("\ninstructions of one decision, for each test\n").unwrap();
    assert!(table.contains("  a listed model may be used\n"), "{table}");
}

#[test]
fn decisions_are_measured_for_each_test() {
    let here = tempfile::tempdir().unwrap();
    std::fs::write(here.path().join("three.yaml"), THREE).unwrap();
    let bench = |more: &[&str]| {
        let mut arguments =
            vec!["bench", "builtin/model-access", "--tests", "three.yaml", "--decisions", "50"];
        arguments.extend(more);
        policy(&arguments, here.path())
    };
    let told: serde_json::Value = serde_json::from_slice(&bench(&["--json"]).stdout).unwrap();
    assert_eq!(told["decisions"], 50);
    let tests = told["tests"].as_array().unwrap();
    let names: Vec<_> = tests.iter().map(|test| test["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["long", "short"], "{told}");
    for test in tests {
        let (p50, p99) = (test["p50_ns"].as_u64().unwrap(), test["p99_ns"].as_u64().unwrap());
        assert!((1..=p99).contains(&p50), "{told}");
    }
    let human = bench(&[]);
    let shown = text(&human.stdout);
    assert!(shown.contains(" µs  long\n") && shown.ends_with("in a fresh instance"), "{shown}");
}

#[test]
fn everything_wrong_with_cases_is_told_with_its_place() {
    let here = tempfile::tempdir().unwrap();
    let cases = "tests:\n  - { name: x, operation: chta, expect: allow, reason: y }\n  \
                 - { operation: list, expect: denny, time: noon, mdoel: z }\n";
    std::fs::write(here.path().join("tests.yaml"), cases).unwrap();
    let test = policy(&["test"], here.path());
    assert_eq!(test.status.code(), Some(2));
    let errors = text(&test.stderr);
    for part in [
        "did you mean `chat`?",
        "only a deny, an abstention and wrong settings have a reason",
        "`name` is missing here",
        "did you mean `deny`?",
        "a time is written such as",
        "did you mean `model`?",
    ] {
        assert!(errors.contains(part), "{part}:\n{errors}");
    }
    assert!(errors.contains("./tests.yaml:2:"), "{errors}");
}

#[test]
fn mistakes_are_told_with_what_to_do() {
    let here = tempfile::tempdir().unwrap();
    std::fs::create_dir(here.path().join("taken")).unwrap();
    for (arguments, message) in [
        (&["new", "taken"][..], "is there already"),
        (&["new", "../up"], "write small letters, digits and hyphens"),
        (&["new", "Loud"], "write small letters, digits and hyphens"),
        (&["new", "x", "--sdk", "taken"], "--sdk: cannot read taken/Cargo.toml"),
        (&["build"], "stockade policy new"),
        (&["test", "taken"], "has no tests.yaml"),
        (&["test", "builtin/model-acces"], "there is no shipped policy \"model-acces\""),
        (&["test", "builtin/model-access", "--tests", "none"], "cannot read the tests"),
        (&["inspect", "builtin/model-acces"], "there is no shipped policy \"model-acces\""),
        (&["bench", "taken"], "has no tests.yaml"),
        (&["bench", "builtin/model-access", "--decisions", "0"], "--decisions"),
    ] {
        let output = policy(arguments, here.path());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(message), "{}", text(&output.stderr));
    }
    assert!(!here.path().join("x").exists());
}

#[test]
fn a_new_policy_can_use_an_sdk_that_is_there() {
    let here = tempfile::tempdir().unwrap();
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policy-sdk");
    let sdk = sdk.canonicalize().unwrap();
    let new = policy(&["new", "x", "--sdk", sdk.to_str().unwrap()], here.path());
    assert!(new.status.success(), "{}", text(&new.stderr));
    let manifest = std::fs::read_to_string(here.path().join("x/Cargo.toml")).unwrap();
    assert!(manifest.contains(&format!("{{ path = {sdk:?} }}")), "{manifest}");
    assert!(!here.path().join("x/stockade-policy-sdk").exists());
}
