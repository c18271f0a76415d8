//! The command line, the examples and the pages of the documentation, with the real program.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod authentication;
mod change_a_rule;
mod check;
mod clients;
mod commands;
mod compiler;
mod config;
mod config_issuers;
mod config_quotas;
mod connect;
mod descriptors;
mod doctor;
mod examples;
mod fair_share;
mod first_policy;
mod gateway;
mod include;
mod issuer;
mod languages;
mod leaks;
mod log_pipe;
mod messages;
mod page;
mod policy;
mod prove;
mod recipes;
mod recorded;
mod replay;
mod run;
mod schema;
mod shipped;
mod unlisted;
mod usage;

/// Each file beside this one has to be in the list above, or its tests never run.
#[test]
fn no_file_is_forgotten() {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli");
    let main = std::fs::read_to_string(here.join("main.rs")).unwrap();
    for entry in std::fs::read_dir(here).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if path.extension().is_some_and(|extension| extension == "rs") && name != "main" {
            assert!(main.contains(&format!("mod {name};")), "{name}.rs is not in main.rs");
        }
    }
}
