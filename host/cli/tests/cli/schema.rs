//! The schema for editors: the committed one is the program's own, takes every good
//! configuration, and finds what an editor should underline.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;
use stockade_engine::{Engine, EngineConfig};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
        let engine = Engine::new(EngineConfig::default()).unwrap();
        let shipped = stockade_control::shipped::settings_schemas(&engine).unwrap();
        stockade_config::json_schema(&shipped)
    });
    &SCHEMA
}

fn validator() -> Validator {
    jsonschema::validator_for(schema()).unwrap()
}

fn errors(validator: &Validator, yaml: &str) -> Vec<String> {
    let value: Value = serde_yaml::from_str(yaml).unwrap();
    let place =
        |error: jsonschema::ValidationError<'_>| format!("{}: {error}", error.instance_path());
    validator.iter_errors(&value).map(place).collect()
}

#[test]
fn the_committed_schema_is_up_to_date() {
    let committed = std::fs::read_to_string(root().join("docs/reference/stockade.schema.json"));
    let committed: Value = serde_json::from_str(&committed.unwrap_or_default()).unwrap_or_default();
    assert!(
        &committed == schema(),
        "docs/reference/stockade.schema.json is out of date; run `cargo xtask generate`"
    );
}

/// The settings of another policy are unknown.
#[test]
fn settings_of_other_policies_are_free() {
    let yaml = "bindings: [{ name: a, subjects: everyone, policy: own, settings: { alow: [a] } }]";
    assert_eq!(errors(&validator(), yaml), [""; 0]);
}

fn yaml_files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            found.extend(yaml_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            found.push(path);
        }
    }
    found
}

#[test]
fn it_takes_every_good_configuration() {
    let validator = validator();
    let mut files = yaml_files(&root().join("examples"));
    files.retain(|file| !file.ends_with("tests.yaml"));
    assert!(files.len() >= 3, "{files:?}");
    files.extend(yaml_files(&root().join("host/cli/tests/config/good")));
    for file in files {
        let mut errors = errors(&validator, &std::fs::read_to_string(&file).unwrap());
        // Its settings are there to be read, not to be accepted by a policy.
        let full = file.ends_with("good/full.yaml");
        errors.retain(|error| !(full && error.starts_with("/bindings/0/settings/")));
        assert!(errors.is_empty(), "{}: {errors:#?}", file.display());
    }
}

/// Every YAML file that people start from tells an editor where its schema is.
#[test]
fn examples_name_their_schema() {
    let mut files = yaml_files(&root().join("examples"));
    files.extend(yaml_files(&root().join("policies")));
    assert!(files.len() >= 12, "{files:?}");
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        let named =
            text.lines().find_map(|line| line.strip_prefix("# yaml-language-server: $schema="));
        let named = named.unwrap_or_else(|| panic!("{} names no schema", file.display()));
        let schema = file.parent().unwrap().join(named).canonicalize().unwrap();
        let name = if file.ends_with("tests.yaml") { "policy-tests" } else { "stockade" };
        let expected = format!("docs/reference/{name}.schema.json");
        assert_eq!(schema, root().canonicalize().unwrap().join(expected), "{}", file.display());
    }
}

#[test]
fn the_schema_of_policy_tests_takes_what_the_program_takes() {
    let schema = stockade_config::policy_tests_json_schema();
    let committed = root().join("docs/reference/policy-tests.schema.json");
    let committed: Value =
        serde_json::from_str(&std::fs::read_to_string(committed).unwrap_or_default())
            .unwrap_or_default();
    assert!(committed == schema, "run `cargo xtask generate`");
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut files = yaml_files(&root().join("policies"));
    files.push(root().join("examples/custom-policy/tests.yaml"));
    for file in files {
        let errors = errors(&validator, &std::fs::read_to_string(&file).unwrap());
        assert!(errors.is_empty(), "{}: {errors:#?}", file.display());
    }
    for (yaml, place) in [
        ("{}", ""),
        ("tests: [{ name: a, operation: chat }]", "/tests/0"),
        ("tests: [{ name: a, operation: chta, expect: allow }]", "/tests/0/operation"),
        ("tests: [{ name: a, operation: chat, expect: denny }]", "/tests/0/expect"),
        ("tests: [{ name: a, operation: chat, expect: deny, mdoel: b }]", "/tests/0"),
        (
            "tests: [{ name: a, operation: chat, expect: deny, parameters: { tols: 1 } }]",
            "/tests/0/parameters",
        ),
        (
            "tests: [{ name: a, operation: chat, expect: deny, models: [{ name: b, role: uses }] }]",
            "/tests/0/models/0/role",
        ),
    ] {
        let errors = errors(&validator, yaml);
        let told = |error: &String| error.starts_with(&format!("{place}: "));
        assert!(errors.iter().any(told), "{yaml}: {errors:?}");
    }
}

#[test]
fn it_finds_what_is_wrong() {
    let validator = validator();
    let wrong = [
        ("bindngs: []", ""),
        ("users: { alice: { grups: [a] } }", "/users/alice"),
        ("users: [alice]", "/users"),
        ("listen: { tls: {} }", "/listen"),
        ("limits: { body: much }", "/limits/body"),
        ("limits: { header_timeout: 5 }", "/limits/header_timeout"),
        ("limits: { json_depth: 1000 }", "/limits/json_depth"),
        ("limits: { connections: 0 }", "/limits/connections"),
        ("limits: { bodies: plenty }", "/limits/bodies"),
        ("log: { level: loud }", "/log/level"),
        ("policies: { p: { modul: builtin/model-access } }", "/policies/p"),
        ("policies: { p: { module: x.wasm, digest: abc } }", "/policies/p/digest"),
        ("bindings: [{ name: a, policy: p }]", "/bindings/0"),
        ("bindings: [{ name: a, policy: p, subjects: everybody }]", "/bindings/0/subjects"),
        ("bindings: [{ name: a, policy: p, subjects: everyone, mode: on }]", "/bindings/0/mode"),
        ("tests: [{ user: a, operation: chatt, expect: allow }]", "/tests/0/operation"),
        ("tests: [{ user: a, operation: chat, expect: maybe }]", "/tests/0/expect"),
        ("users: { a: { keys: [{ id: k, sha256: short }] } }", "/users/a/keys/0/sha256"),
        ("users: { a: { certificates: [{ id: c }] } }", "/users/a/certificates/0"),
        ("include: { files: a.yaml }", "/include"),
        // Settings of shipped policies, if the policy is called as it is shipped.
        (
            "bindings: [{ name: a, subjects: everyone, policy: model-access, settings: { alow: [a] } }]",
            "/bindings/0/settings",
        ),
        (
            "bindings: [{ name: a, subjects: everyone, policy: model-access, settings: { classes: [reed] } }]",
            "/bindings/0/settings/classes/0",
        ),
        (
            "bindings: [{ name: a, subjects: everyone, policy: working-hours, settings: { hours: [{ from: \"08:00\" }] } }]",
            "/bindings/0/settings/hours/0",
        ),
    ];
    for (yaml, place) in wrong {
        let errors = errors(&validator, yaml);
        assert!(
            errors.iter().any(|error| error.starts_with(&format!("{place}: "))),
            "{yaml}: {errors:?}"
        );
    }
}

/// An editor underlines what the program refuses for its shape alone.
#[test]
fn it_refuses_the_bad_shapes_that_the_program_refuses() {
    let validator = validator();
    let bad = root().join("host/cli/tests/config/bad");
    for name in ["unknown-keys", "keys", "missing", "quantities", "not-a-mapping"] {
        let text = std::fs::read_to_string(bad.join(name).with_extension("yaml")).unwrap();
        assert!(!errors(&validator, &text).is_empty(), "{name}");
    }
}

#[test]
fn the_program_prints_them() {
    let printed = |arguments: &[&str]| -> Value {
        let program = env!("CARGO_BIN_EXE_stockade");
        let output = std::process::Command::new(program).args(arguments).output().unwrap();
        assert!(output.status.success());
        serde_json::from_slice(&output.stdout).unwrap()
    };
    assert_eq!(&printed(&["schema"]), schema());
    let tests = stockade_config::policy_tests_json_schema();
    assert_eq!(printed(&["schema", "policy-tests"]), tests);
}
