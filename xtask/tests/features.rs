//! Holds the workspace to compiling wasmtime once per profile.
//!
//! Cargo gives a dependency the features that the packages being built ask for. Where one of
//! wasmtime's own dependencies had other features for `cargo test -p stockade-engine` than for
//! `cargo build`, wasmtime would be compiled again, which takes ten minutes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Returns what cargo would build: each package below wasmtime with its target and its features.
fn below_wasmtime(arguments: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .args(["--offline", "--unit-graph", "-Z", "unstable-options"])
        // Only cargo's own list of what it would build is exact, and it is not stable.
        .env("RUSTC_BOOTSTRAP", "1")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let graph: Value = serde_json::from_slice(&output.stdout).unwrap();
    let units = graph["units"].as_array().unwrap();
    let id = |unit: &Value| unit["pkg_id"].as_str().unwrap().to_owned();
    let is_root = |unit: &&Value| id(unit).contains("wasmtime@") || id(unit).contains("#wasmtime");
    let mut reached: Vec<&Value> = units.iter().filter(is_root).collect();
    let mut found = BTreeSet::new();
    while let Some(unit) = reached.pop() {
        if unit["mode"] == "build"
            && found.insert(format!("{} {} {}", id(unit), unit["target"]["kind"], unit["features"]))
        {
            let dependencies = unit["dependencies"].as_array().unwrap().iter();
            let index = |dependency: &Value| dependency["index"].as_u64().unwrap();
            reached.extend(dependencies.map(|d| &units[usize::try_from(index(d)).unwrap()]));
        }
    }
    found
}

#[test]
fn wasmtime_is_compiled_once_whatever_is_built() {
    let all = below_wasmtime(&["test", "--workspace", "--no-run"]);
    assert!(all.len() > 100, "wasmtime has more dependencies than {all:?}");
    for arguments in [
        &["build"][..],
        &["build", "--workspace", "--bin", "stockade"],
        &["build", "--workspace", "--bin", "stockade-bench"],
        &["test", "--package", "stockade-engine", "--no-run"],
        &["test", "--package", "stockade-control", "--no-run"],
        &["test", "--package", "stockade-gateway", "--no-run"],
        &["test", "--package", "stockade", "--no-run"],
        &["test", "--package", "stockade-tests", "--no-run"],
    ] {
        let others: Vec<_> = below_wasmtime(arguments).difference(&all).cloned().collect();
        assert!(
            others.is_empty(),
            "`cargo {}` builds these with other features than `cargo test --workspace`; name \
             those in host/engine/Cargo.toml: {others:#?}",
            arguments.join(" ")
        );
    }
}
