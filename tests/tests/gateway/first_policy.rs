//! docs/guide/first-policy.md, the way by hand: its files are those of
//! `examples/custom-policy`, its cargo commands are run, and its last request is a 403.

use std::path::{Path, PathBuf};
use std::process::Command;

use stockade_tests::{World, post};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn page() -> String {
    std::fs::read_to_string(root().join("docs/guide/first-policy.md")).unwrap()
}

/// The files that the page shows, each with its name.
fn files(page: &str) -> Vec<(&str, &str)> {
    let shown = page.split("<!-- file: ").skip(1);
    let parts = shown.map(|part| {
        let (name, rest) = part.split_once(" -->\n").unwrap();
        let (_, content) = rest.split_once('\n').unwrap();
        (name, content.split_once("```\n").unwrap().0)
    });
    parts.collect()
}

fn commands<'a>(page: &'a str, program: &str) -> Vec<&'a str> {
    let start = format!("$ {program} ");
    page.lines().filter_map(|line| line.strip_prefix(&start)).collect()
}

/// Everything in the directory of a user who follows the page.
fn write_crate(directory: &Path, page: &str) {
    for (name, content) in files(page).into_iter().filter(|(name, _)| *name != "policies.yaml") {
        let sdk = root().join("policy-sdk").canonicalize().unwrap();
        let content = content.replace("../../policy-sdk", sdk.to_str().unwrap());
        let path = directory.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    // The versions that the example is known to build with.
    let lock = root().join("examples/custom-policy/Cargo.lock");
    assert!(std::fs::copy(lock, directory.join("Cargo.lock")).unwrap() > 0);
}

/// A target directory that outlives the test, so that the SDK is compiled once.
fn cargo(directory: &Path, arguments: &str) {
    let mut cargo = Command::new("cargo");
    for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WORKSPACE_WRAPPER"] {
        cargo.env_remove(variable);
    }
    let output = cargo
        .args(arguments.split_whitespace())
        .args(["--quiet", "--target-dir"])
        .arg(target())
        .current_dir(directory)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {arguments}: {text}");
}

fn target() -> PathBuf {
    root().canonicalize().unwrap().join("target/guests")
}

/// The body between single quotes, and the status that the page says it is answered with.
fn body_and_status(curl: &str) -> (&str, u16) {
    let mut parts = curl.split('\'');
    let body = parts.nth(1).unwrap();
    (body, parts.next().unwrap().trim().trim_start_matches("# ").parse().unwrap())
}

/// Drops the modeline: a reader who copies from the page has the schema somewhere else.
fn without_modeline(yaml: &str) -> &str {
    match yaml.split_once('\n') {
        Some((first, rest)) if first.starts_with("# yaml-language-server:") => rest,
        _ => yaml,
    }
}

#[test]
fn the_page_shows_the_files_of_the_example() {
    let page = page();
    let files = files(&page);
    assert_eq!(files.len(), 4);
    for (name, content) in files {
        let example = root().join("examples/custom-policy").join(name);
        assert_eq!(content, without_modeline(&std::fs::read_to_string(example).unwrap()), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn from_an_empty_directory_to_a_403() {
    let page = page();
    let world = World::start().await;
    let directory = world.directory().join("no-tools");
    write_crate(&directory, &page);
    let cargos = commands(&page, "cargo");
    assert_eq!(cargos.len(), 2, "{cargos:?}");
    for arguments in cargos {
        cargo(&directory, arguments);
    }
    let module = target().join("wasm32-unknown-unknown/release/no_tools.wasm");
    let all = files(&page);
    let (_, policies) = all.iter().find(|(name, _)| *name == "policies.yaml").unwrap();
    let shown = "no-tools/target/wasm32-unknown-unknown/release/no_tools.wasm";
    assert!(policies.contains(shown));
    let after = world.rebind(&policies.replace(shown, module.to_str().unwrap())).await;
    assert!(after.rejected.is_none(), "{:?}", after.rejected);

    let curls = commands(&page, "curl");
    assert_eq!(curls.len(), 2, "{curls:?}");
    for curl in &curls {
        let (body, status) = body_and_status(curl);
        let reply = world.send(post("/api/chat", Some(world.key("alice")), body)).await;
        assert_eq!(reply.status.as_u16(), status, "{}", reply.text());
        if status == 403 {
            assert!(reply.text().contains("leave out the field `tools`"), "{}", reply.text());
        }
        let reply = world.send(post("/api/chat", Some(world.key("bob")), body)).await;
        assert_eq!(reply.status, 200, "bob is in ops: {}", reply.text());
    }
}
