//! `stockade policy`, as an author uses it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;
use std::process::{Command, Output};

/// Run in a directory, without a network. What is compiled goes where the other guests of
/// the tests go, so that dependencies are compiled once.
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
fn a_shipped_policy_is_asked_with_everything_that_cases_can_say() {
    let here = tempfile::tempdir().unwrap();
    let cases = r#"
time_zone: Europe/Berlin
settings: { allow: ["qwen3:*"], output: 100 }
tests:
  - name: too much is lowered
    user: bob
    groups: [a, b]
    attributes: { team: red }
    operation: chat
    api: openai
    models: [{ name: qwen3, role: use }]
    parameters: { output: 500, context: 5 }
    proof: mtls
    address: "2001:db8::1"
    transport: mutual-tls
    time: 2026-01-05T12:00
    usage: { hour: { requests: 1, tokens: 2 } }
    expect: allow
    obligations: ["output at most 100, also written where it is missing"]
  - name: and obligations are compared
    operation: chat
    model: qwen3
    expect: allow
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

/// The cases of each shipped policy, asked of the module that is in the program.
#[test]
fn shipped_policies_pass_their_own_tests() {
    let here = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for name in stockade::builtin::NAMES {
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
        "only a deny and wrong settings have a reason",
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
        (&["build"][..], "stockade policy new"),
        (&["test", "taken"], "has no tests.yaml"),
        (&["test", "builtin/model-acces"], "there is no shipped policy \"model-acces\""),
        (&["test", "builtin/model-access", "--tests", "none"], "cannot read the tests"),
    ] {
        let output = policy(arguments, here.path());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(message), "{}", text(&output.stderr));
    }
}
