//! Quotas over replicas, with a real server that `cargo xtask setup` installs.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod budgets;
mod cluster;
mod fleet;
mod loss;
mod running;
mod secured;
mod server;
mod tls;

/// Each file beside this one has to be in the list above, or its tests never run.
#[test]
fn no_file_is_forgotten() {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/store");
    let main = std::fs::read_to_string(here.join("main.rs")).unwrap();
    for entry in std::fs::read_dir(here).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(name == "main" || main.contains(&format!("mod {name};")), "{name}.rs is missing");
    }
}
