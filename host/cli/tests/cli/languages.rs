//! Policies in C and Zig, compiled by the real compiler that `cargo xtask setup` installs, and the
//! pages about them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The directory with the program `zig`.
fn zig() -> PathBuf {
    let versions = root().join("target/clients/compilers/lib");
    let mut versions = std::fs::read_dir(&versions).into_iter().flatten().flatten();
    let found = versions.find_map(|version| {
        let directory = version.path().join("site-packages/ziglang");
        directory.join("zig").is_file().then_some(directory)
    });
    found.expect("target/clients/compilers is missing: run `cargo xtask setup`")
}

/// A command that finds `stockade`, `zig` and what the machine has.
fn command(program: impl AsRef<std::ffi::OsStr>, directory: &Path) -> Command {
    let stockade = Path::new(env!("CARGO_BIN_EXE_stockade")).parent().unwrap().to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = [zig(), stockade].into_iter().chain(std::env::split_paths(&path));
    let mut command = Command::new(program);
    command.current_dir(directory).env("PATH", std::env::join_paths(path).unwrap());
    // What Zig makes once for a target is kept.
    command.env("ZIG_GLOBAL_CACHE_DIR", root().join("target/clients/zig-cache"));
    command
}

fn policy(arguments: &[&str], directory: &Path) -> Output {
    let mut command = command(env!("CARGO_BIN_EXE_stockade"), directory);
    command.arg("policy").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap().trim_end()
}

/// The answer of a command to a program.
fn told(arguments: &[&str], directory: &Path) -> Value {
    let ran = policy(&[arguments, &["--json"]].concat(), directory);
    assert!(ran.status.success(), "{arguments:?}: {}", text(&ran.stderr));
    serde_json::from_slice(&ran.stdout).unwrap()
}

const LANGUAGES: [(&str, &str); 2] = [("c", "policy.c"), ("zig", "policy.zig")];

#[test]
fn a_new_policy_builds_passes_and_is_built_the_same_by_its_script() {
    let here = tempfile::tempdir().unwrap();
    for (language, _) in LANGUAGES {
        let name = format!("quiet-{language}");
        let new = told(&["new", &name, "--language", language], here.path());
        assert_eq!((&new["directory"], &new["sdk"]), (&Value::from(&*name), &Value::Null));
        let test = policy(&["test", &name, "--log", "debug"], here.path());
        assert!(test.status.success(), "{}\n{}", text(&test.stdout), text(&test.stderr));
        assert!(text(&test.stdout).ends_with("4 passed, 0 failed"), "{}", text(&test.stdout));
        let log = text(&test.stderr);
        assert!(log.contains("DEBUG stockade::policy: a request offers tools"), "{log}");

        let built = told(&["build", &name, "--out", "q.wasm"], here.path());
        let inspected = told(&["inspect", "q.wasm"], here.path());
        assert_eq!(inspected["name"], *name, "{inspected}");
        assert_eq!(inspected["imports"], serde_json::json!(["stockade:policy/log@1.0.0::write"]));
        assert_eq!(inspected["inputs"], serde_json::json!(["caller", "parameters"]));
        assert!(built["bytes"].as_u64().unwrap() < 20_000, "{built}");

        let directory = here.path().join(&name);
        let script = std::fs::read_to_string(directory.join("build.sh")).unwrap();
        // The compiler that is certain to be here, as the script itself says.
        let script =
            script.replace("\nclang --target=wasm32 ", "\nzig cc --target=wasm32-freestanding ");
        std::fs::write(directory.join("by-hand.sh"), script).unwrap();
        let ran = command("sh", &directory).arg("by-hand.sh").output().unwrap();
        assert!(ran.status.success(), "{}", text(&ran.stderr));
        let by_hand = told(&["test", "build/policy.wasm", "--tests", "tests.yaml"], &directory);
        assert_eq!(by_hand["ok"], true, "{by_hand}");
    }
}

#[test]
fn every_answer_can_be_given() {
    let here = tempfile::tempdir().unwrap();
    let answers = root().join("host/cli/tests/cli/languages");
    for (language, source) in LANGUAGES {
        told(&["new", language, "--language", language], here.path());
        for file in [source, "tests.yaml"] {
            std::fs::copy(answers.join(file), here.path().join(language).join(file)).unwrap();
        }
        let test = policy(&["test", language], here.path());
        assert!(test.status.success(), "{}\n{}", text(&test.stdout), text(&test.stderr));

        // A note is shown where another answer was expected.
        let cases = here.path().join(language).join("tests.yaml");
        let wrong = std::fs::read_to_string(&cases).unwrap().replace("abstain }", "deny }");
        std::fs::write(&cases, wrong).unwrap();
        let test = policy(&["test", language], here.path());
        assert!(text(&test.stdout).contains("+ abstain: almost\n"), "{}", text(&test.stdout));
    }
}

#[test]
fn what_is_read_and_not_declared_refuses_the_request() {
    let here = tempfile::tempdir().unwrap();
    for (language, source) in LANGUAGES {
        told(&["new", language, "--language", language], here.path());
        let path = here.path().join(language).join(source);
        let text_of_it = std::fs::read_to_string(&path).unwrap();
        let forgetful = text_of_it
            .replace(", STOCKADE_TEXT(\"parameters\")}", "}")
            .replace(", stockade.string(\"parameters\") }", " }");
        let of_models = text_of_it
            .replace(
                "stockade_request_parameters(request)->tools == 0",
                "stockade_model_presence(request->models.items)->tag == 9",
            )
            .replace(
                "stockade.input(request, \"parameters\").tools == 0",
                "stockade.input(&request.models.items[0], \"presence\").tag == .unknown",
            );
        for (changed, input) in [(forgetful, "parameters"), (of_models, "catalogue")] {
            assert_ne!(changed, text_of_it);
            std::fs::write(&path, changed).unwrap();
            let test = policy(&["test", language], here.path());
            assert_eq!(test.status.code(), Some(1), "{}", text(&test.stderr));
            assert!(text(&test.stdout).contains("+ failure"), "{}", text(&test.stdout));
            let log = text(&test.stderr).replace('`', "");
            assert!(log.contains(&format!("{input} is read and not declared")), "{log}");
        }
    }
}

#[test]
fn what_does_not_compile_or_has_no_compiler_is_told() {
    let here = tempfile::tempdir().unwrap();
    for (language, source) in LANGUAGES {
        told(&["new", language, "--language", language], here.path());
        let nothing = here.path().join("nothing");
        let mut without = command(env!("CARGO_BIN_EXE_stockade"), here.path());
        without.args(["policy", "build", language]).env("PATH", &nothing);
        let ran = without.output().unwrap();
        assert_eq!(ran.status.code(), Some(2));
        let message = text(&ran.stderr);
        assert!(message.contains(&format!("cannot compile {source}: there is no ")), "{message}");
        assert!(message.contains("https://ziglang.org/download/"), "{message}");

        std::fs::write(here.path().join(language).join(source), "no policy").unwrap();
        let ran = policy(&["build", language], here.path());
        assert_eq!(ran.status.code(), Some(2));
        let message = text(&ran.stderr);
        assert!(message.contains(source) && message.contains("does not compile"), "{message}");
    }
    let sdk = policy(&["new", "x", "--language", "c", "--sdk", "y"], here.path());
    assert!(text(&sdk.stderr).contains("--sdk is for policies in Rust"), "{}", text(&sdk.stderr));
}

/// The sizes of the header are compared by the compiler, and not believed.
#[test]
fn a_header_for_another_layout_does_not_compile() {
    let here = tempfile::tempdir().unwrap();
    told(&["new", "c", "--language", "c"], here.path());
    told(&["new", "zig", "--language", "zig"], here.path());
    for (language, file, field) in [
        ("c", "stockade.h", "    uint32_t images;\n"),
        ("zig", "stockade.zig", "    images: u32,\n"),
    ] {
        let path = here.path().join(language).join(file);
        let header = std::fs::read_to_string(&path).unwrap();
        let wider = field.replace("32", "64");
        assert!(header.contains(field));
        std::fs::write(&path, header.replace(field, &wider)).unwrap();
        let ran = policy(&["build", language], here.path());
        assert_eq!(ran.status.code(), Some(2), "{language}");
    }
}

/// The part of a page behind `<!-- file: … -->`.
fn shown(page: &str, file: &str) -> String {
    let (_, rest) = page.split_once(&format!("<!-- file: {file} -->\n```")).expect(file);
    let (_, rest) = rest.split_once('\n').unwrap();
    rest.split_once("```\n").unwrap().0.to_owned()
}

#[test]
fn the_guide_shows_what_new_writes() {
    let here = tempfile::tempdir().unwrap();
    let page = std::fs::read_to_string(root().join("docs/guide/other-languages.md")).unwrap();
    for (language, source) in LANGUAGES {
        let there = here.path().join(language);
        std::fs::create_dir(&there).unwrap();
        told(&["new", "no-tools", "--language", language], &there);
        let file = |name: &str| std::fs::read_to_string(there.join("no-tools").join(name)).unwrap();
        assert_eq!(shown(&page, source), file(source));
        assert!((20..=60).contains(&file(source).lines().count()));
        let readme = file("README.md");
        assert!(readme.contains("module: no-tools/build/policy.wasm"), "{readme}");
        let script = file("build.sh");
        let compile = script.lines().find(|line| line.contains(source)).unwrap();
        assert!(page.contains(compile) && readme.contains(&format!("$ {compile}\n")), "{readme}");
    }
    assert_eq!(page.matches("\n$ stockade policy ").count(), 3, "each is run by these tests");
}

/// The example by hand: each line of its README that `stockade` runs.
#[test]
fn the_example_in_text_becomes_a_policy_by_its_readme() {
    let here = tempfile::tempdir().unwrap();
    let example = root().join("examples/webassembly-policy");
    let readme = std::fs::read_to_string(example.join("README.md")).unwrap();
    for file in ["no_giants.wat", "tests.yaml"] {
        std::fs::copy(example.join(file), here.path().join(file)).unwrap();
    }
    let mut ran = Vec::new();
    for line in readme.lines().filter_map(|line| line.trim_start().strip_prefix("$ ")) {
        if line == "wasm-tools parse no_giants.wat -o core.wasm" {
            let core = wat::parse_file(here.path().join("no_giants.wat")).unwrap();
            std::fs::write(here.path().join("core.wasm"), core).unwrap();
        } else {
            let words: Vec<OsString> = line.split(' ').skip(1).map(OsString::from).collect();
            let mut stockade = command(env!("CARGO_BIN_EXE_stockade"), here.path());
            let output = stockade.args(words).output().unwrap();
            assert!(output.status.success(), "{line}: {}", text(&output.stderr));
        }
        ran.push(line);
    }
    assert!(ran.iter().any(|line| line.starts_with("stockade policy embed ")), "{ran:?}");
    assert!(ran.iter().any(|line| line.starts_with("stockade policy test ")), "{ran:?}");
}

#[test]
fn a_contract_is_written_into_core_modules_only_and_once() {
    let here = tempfile::tempdir().unwrap();
    let wat = root().join("examples/webassembly-policy/no_giants.wat");
    let core = wat::parse_file(wat).unwrap();
    std::fs::write(here.path().join("core.wasm"), &core).unwrap();
    let bare = policy(&["inspect", "core.wasm"], here.path());
    assert!(text(&bare.stderr).contains("`stockade policy embed`"), "{}", text(&bare.stderr));
    let made = told(&["embed", "core.wasm", "--out", "out/policy.wasm"], here.path());
    let module = std::fs::read(here.path().join("out/policy.wasm")).unwrap();
    assert_eq!(made["bytes"], module.len());
    assert_eq!(made["digest"], stockade_engine::Digest::of(&module).to_string());
    assert_eq!(std::fs::read(here.path().join("core.wasm")).unwrap(), core);
    // Without a name for the policy the module itself becomes it.
    told(&["embed", "core.wasm"], here.path());
    assert_eq!(std::fs::read(here.path().join("core.wasm")).unwrap(), module);

    let write = |name: &str, text: &str| {
        std::fs::write(here.path().join(name), wat::parse_str(text).unwrap()).unwrap();
    };
    write("empty.wasm", "(module)");
    write("component.wasm", "(component)");
    write("nested.wasm", "(component (component (core module)))");
    std::fs::write(here.path().join("text.wasm"), "(module)").unwrap();
    for (arguments, message) in [
        (["embed", "core.wasm"], "has a contract in it"),
        (["embed", "empty.wasm"], "export `stockade:policy/policy@1.0.0#evaluate`, (i32) -> i32"),
        (["embed", "component.wasm"], "this is a component"),
        (["embed", "text.wasm"], "WebAssembly as text"),
        (["embed", "none.wasm"], "cannot read the module none.wasm"),
        (["inspect", "nested.wasm"], "other components inside, as tools for JavaScript"),
    ] {
        let ran = policy(&arguments, here.path());
        assert_eq!(ran.status.code(), Some(2), "{arguments:?}");
        assert!(text(&ran.stderr).contains(message), "{}", text(&ran.stderr));
    }
}
