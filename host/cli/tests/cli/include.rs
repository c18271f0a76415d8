//! Configurations of several files. Each directory in `config/includes` has the errors of
//! its `stockade.yaml` in `errors.txt`; `BLESS=1` writes them anew.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the whole file is tests, also what is outside of their functions"
)]

use std::fs;
use std::path::{Path, PathBuf};

use stockade_config::{Loaded, load};
use tempfile::TempDir;

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config/includes")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A copy, with links that a checkout would not keep.
fn directory(case: &str) -> TempDir {
    let directory = TempDir::new().unwrap();
    let copied = directory.path().join(case);
    copy(&cases().join(case), &copied);
    fs::write(directory.path().join("outside.yaml"), "groups: [outside]\n").unwrap();
    std::os::unix::fs::symlink("../outside.yaml", copied.join("leaving.yaml")).unwrap();
    std::os::unix::fs::symlink("nowhere", copied.join("dangling")).unwrap();
    directory
}

fn errors_of(case: &str) -> String {
    let directory = directory(case);
    let Err(errors) = load(&directory.path().join(case).join("stockade.yaml"), &["model-access"])
    else {
        panic!("{case} loads");
    };
    errors.render(false).replace(&format!("{}/{case}/", directory.path().display()), "")
}

#[test]
#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says BLESS=1")]
fn errors_of_all_files_are_told_with_their_chain() {
    let bless = std::env::var("BLESS").is_ok_and(|value| value == "1");
    for case in ["chain", "cycle", "paths"] {
        let golden = cases().join(case).join("errors.txt");
        let found = errors_of(case);
        if bless {
            fs::write(&golden, found).unwrap();
        } else {
            assert_eq!(fs::read_to_string(&golden).unwrap(), found, "BLESS=1 accepts it");
        }
    }
}

fn write(directory: &TempDir, name: &str, text: &str) {
    let path = directory.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn binding(name: &str) -> String {
    format!("bindings: [{{ name: {name}, subjects: everyone, policy: judge }}]\n")
}

fn loaded(directory: &TempDir) -> Loaded {
    match load(&directory.path().join("stockade.yaml"), &[]) {
        Ok(loaded) => loaded,
        Err(errors) => panic!("{}", errors.render(false)),
    }
}

/// The main file's, then each included file's, by name, followed by what it includes.
#[test]
fn bindings_stand_in_the_order_of_their_files() {
    let directory = TempDir::new().unwrap();
    let main = format!(
        "include: [late.yaml, 'teams/*/index.yaml']\npolicies: {{ judge: {{ module: m.wasm }} }}\n{}",
        binding("main")
    );
    write(&directory, "stockade.yaml", &main);
    write(&directory, "m.wasm", "\0asm");
    write(&directory, "late.yaml", &binding("late"));
    write(&directory, "teams/b/index.yaml", &binding("b"));
    let nested = format!("include: [x-*.yaml]\n{}", binding("a"));
    write(&directory, "teams/a/index.yaml", &nested);
    write(&directory, "teams/a/x-2.yaml", &binding("x2"));
    write(&directory, "teams/a/x-10.yaml", &binding("x10"));
    write(&directory, "teams/a/.x-hidden.yaml", "not: even: yaml");
    let config = loaded(&directory).config;
    let names: Vec<_> = config.bindings.iter().map(|binding| binding.name.as_str()).collect();
    assert_eq!(names, ["main", "late", "a", "x10", "x2", "b"]);
}

/// Paths start from the file in which they stand.
#[test]
fn an_included_file_names_its_own_modules() {
    let directory = TempDir::new().unwrap();
    write(&directory, "stockade.yaml", "include: team/index.yaml\n");
    let team = format!("policies: {{ judge: {{ module: m.wasm }} }}\n{}", binding("a"));
    write(&directory, "team/index.yaml", &team);
    write(&directory, "team/m.wasm", "\0asm");
    let loaded = loaded(&directory);
    let module = directory.path().join("team/m.wasm");
    assert!(loaded.sources.files().contains(&module), "{:?}", loaded.sources);
    // An error that is found later has its chain too.
    let error = loaded.config.error(Some(loaded.config.bindings[0].at), "is wrong");
    let shown = error.render(false);
    assert!(
        shown.contains("team/index.yaml:2:12") && shown.contains("stockade.yaml:1:10"),
        "{shown}"
    );
    let json = serde_json::to_value(&error).unwrap();
    assert_eq!(json["included_from"].as_array().unwrap().len(), 1, "{json}");
}

/// A `ConfigMap` is a directory of links within itself.
#[test]
fn links_within_the_directory_are_followed() {
    let directory = TempDir::new().unwrap();
    write(
        &directory,
        "stockade.yaml",
        "include: bindings.d/*.yaml\npolicies: { judge: { module: m.wasm } }\n",
    );
    write(&directory, "m.wasm", "\0asm");
    write(&directory, "bindings.d/..2026/a.yaml", &binding("a"));
    let link = |target: &str, name: &str| {
        std::os::unix::fs::symlink(target, directory.path().join("bindings.d").join(name)).unwrap();
    };
    link("..2026", "..data");
    link("..data/a.yaml", "a.yaml");
    assert_eq!(loaded(&directory).config.bindings.len(), 1);
}

#[test]
fn there_are_limits() {
    let directory = TempDir::new().unwrap();
    let errors =
        || load(&directory.path().join("stockade.yaml"), &[]).map(drop).unwrap_err().to_string();
    write(&directory, "stockade.yaml", "include: 1.yaml\n");
    for level in 1..20 {
        write(&directory, &format!("{level}.yaml"), &format!("include: {}.yaml\n", level + 1));
    }
    assert!(
        errors().contains("8.yaml:1:10: files are included more than 8 levels deep"),
        "{}",
        errors()
    );
    write(&directory, "stockade.yaml", "include: many/*.yaml\n");
    for number in 0..1001 {
        write(&directory, &format!("many/{number}.yaml"), "groups: []\n");
    }
    assert!(errors().contains("more than 1000 files"), "{}", errors());
}
