//! Generations from outside: what they decide, and what they remember of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod failing;
mod footprint;
mod quotas;
mod remembered;
mod replay;

/// Each file beside this one has to be in the list above, or its tests never run.
#[test]
fn no_file_is_forgotten() {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/control");
    let main = std::fs::read_to_string(here.join("main.rs")).unwrap();
    for entry in std::fs::read_dir(here).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if path.extension().is_some_and(|extension| extension == "rs") && name != "main" {
            assert!(main.contains(&format!("mod {name};")), "{name}.rs is not in main.rs");
        }
    }
}
