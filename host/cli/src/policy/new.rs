//! `stockade policy new`: a policy that builds and passes its tests.
//!
//! In Rust it is a crate of its own, complete, that needs no registry for the SDK. The policy in it is `examples/custom-policy`, under another name. The SDK's sources are
//! embedded in this program and written beside it, so that crate and gateway always speak
//! the same contract; `--sdk` names a copy that is there already.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde_json::json;

use super::foreign::Foreign;
use crate::{Ending, Output};

/// The SDK: each file's path with its text.
const SDK: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/sdk.rs"));
/// The directory that it is written to.
const SDK_DIRECTORY: &str = "stockade-policy-sdk";

macro_rules! example {
    ($path:literal) => {
        ($path, include_str!(concat!("../../../../examples/custom-policy/", $path)))
    };
}

/// The crate, but for its README: each file's path with its text.
const EXAMPLE: [(&str, &str); 6] = [
    example!(".cargo/config.toml"),
    example!(".gitignore"),
    example!("Cargo.lock"),
    example!("Cargo.toml"),
    example!("src/lib.rs"),
    example!("tests.yaml"),
];
const README: &str = include_str!("template/rust/README.md");
/// The schema that tells an editor what may stand in `tests.yaml`, where the example finds it, and
/// where the crate does.
const SCHEMA: &str = include_str!("../../../../docs/reference/policy-tests.schema.json");
const EXAMPLE_SCHEMA: &str = "$schema=../../docs/reference/policy-tests.schema.json";
const SCHEMA_FILE: &str = ".stockade/policy-tests.schema.json";
/// The example's names, and where it finds the SDK.
const EXAMPLE_NAME: &str = "no-tools";
const EXAMPLE_TYPE: &str = "NoTools";
const EXAMPLE_SDK: &str = "../../policy-sdk";

/// The files of a policy in C or Zig besides the contract and the script.
const C: [(&str, &str); 2] = [
    ("policy.c", include_str!("template/c/policy.c")),
    ("README.md", include_str!("template/c/README.md")),
];
const ZIG: [(&str, &str); 2] = [
    ("policy.zig", include_str!("template/zig/policy.zig")),
    ("README.md", include_str!("template/zig/README.md")),
];
const FOREIGN: [(&str, &str); 2] =
    [("tests.yaml", include_str!("template/tests.yaml")), (".gitignore", "/build\n")];
const SCRIPT: &str = "build.sh";
/// The place in a README for the line that compiles the policy.
const COMPILE: &str = "COMPILE";

/// The languages that a policy can be written in.
#[derive(Clone, Copy, Default, clap::ValueEnum)]
enum Language {
    #[default]
    Rust,
    C,
    Zig,
}

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The policy's name, and that of its directory: small letters, digits and hyphens.
    name: String,
    /// Use the SDK in this directory instead of writing a copy into the crate.
    #[arg(long, value_name = "DIRECTORY")]
    sdk: Option<PathBuf>,
    /// The language to write the policy in.
    #[arg(long, value_enum, default_value_t)]
    language: Language,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Ending> {
    let name = arguments.name.as_str();
    check_name(name)?;
    ensure!(!Path::new(name).exists(), "{name} is there already; choose another name or remove it");
    let sdk = match arguments.language {
        Language::Rust => Some(new_crate(name, arguments.sdk.as_deref())?),
        _ if arguments.sdk.is_some() => bail!("--sdk is for policies in Rust; leave it out"),
        Language::C => new_foreign(name, Foreign::C, &C)?,
        Language::Zig => new_foreign(name, Foreign::Zig, &ZIG)?,
    };
    output.answer(
        format_args!(
            "{name}: a policy with tests. Next:\n  cd {name}\n  stockade policy test\n  \
             stockade policy build"
        ),
        &json!({ "directory": name, "sdk": sdk }),
    )?;
    Ok(Ending::Done)
}

/// Writes a policy in Rust, and returns where its SDK is.
fn new_crate(name: &str, sdk: Option<&Path>) -> anyhow::Result<String> {
    let directory = Path::new(name);
    let at = sdk.map_or_else(|| Ok(SDK_DIRECTORY.to_owned()), existing_sdk)?;
    for (path, text) in EXAMPLE.iter().chain([&("README.md", README)]) {
        write(&directory.join(path), &renamed(text, name, &at))?;
    }
    write(&directory.join(SCHEMA_FILE), SCHEMA)?;
    if sdk.is_none() {
        for (path, text) in SDK {
            write(&directory.join(SDK_DIRECTORY).join(path), text)?;
        }
    }
    Ok(at)
}

/// Writes a policy in another language, which has no SDK.
fn new_foreign(
    name: &str,
    language: Foreign,
    files: &[(&str, &str)],
) -> anyhow::Result<Option<String>> {
    let directory = Path::new(name);
    for (path, text) in files.iter().chain(&FOREIGN) {
        let text = text.replace(EXAMPLE_NAME, name).replace(COMPILE, &language.compile_line());
        write(&directory.join(path), &text)?;
    }
    write(&directory.join(language.header_name()), &language.header()?)?;
    write(&directory.join(SCHEMA_FILE), SCHEMA)?;
    let script = directory.join(SCRIPT);
    write(&script, &language.script())?;
    make_executable(&script)?;
    Ok(None)
}

fn make_executable(script: &Path) -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(script, std::fs::Permissions::from_mode(0o755))
            .with_context(|| format!("cannot make {} executable", script.display()))?;
    }
    Ok(())
}

/// Checks that a text is a name for cargo, for the gateway's configuration and for a directory.
fn check_name(name: &str) -> anyhow::Result<()> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase());
    if !starts || !name.chars().all(good) || name.ends_with('-') || name.len() > 60 {
        bail!(
            "{name:?} is not a name for a policy: write small letters, digits and hyphens, \
             such as no-tools"
        );
    }
    // cargo refuses some of them, each with its own message; these would only confuse.
    ensure!(
        !matches!(
            name,
            "stockade-policy-sdk"
                | "stockade-policy-sdk-macros"
                | "stockade-names"
                | "test"
                | "core"
                | "std"
        ),
        "{name:?} is the name of another crate; choose one that says what the policy does"
    );
    Ok(())
}

fn existing_sdk(directory: &Path) -> anyhow::Result<String> {
    let manifest = directory.join("Cargo.toml");
    let text = std::fs::read_to_string(&manifest)
        .with_context(|| format!("--sdk: cannot read {}", manifest.display()))?;
    ensure!(
        text.contains("name = \"stockade-policy-sdk\""),
        "--sdk: {} is not the manifest of stockade-policy-sdk",
        manifest.display()
    );
    let directory = directory.canonicalize()?;
    let path = directory.to_str().context("--sdk: the path is not UTF-8")?;
    ensure!(!path.contains(['"', '\\']), "--sdk: the path must not have quotes or backslashes");
    Ok(path.to_owned())
}

fn renamed(text: &str, name: &str, sdk: &str) -> String {
    let type_name: String = name.split('-').map(capitalized).collect();
    let text = text
        .replace(&format!("path = \"{EXAMPLE_SDK}\""), &format!("path = \"{sdk}\""))
        .replace(EXAMPLE_SCHEMA, &format!("$schema={SCHEMA_FILE}"))
        .replace(&EXAMPLE_NAME.replace('-', "_"), &name.replace('-', "_"))
        .replace(EXAMPLE_NAME, name)
        .replace(EXAMPLE_TYPE, &type_name);
    if sdk == SDK_DIRECTORY {
        // Otherwise cargo would take the copy for a part of the policy's workspace.
        text.replace("[workspace]\n", &format!("[workspace]\nexclude = [\"{SDK_DIRECTORY}\"]\n"))
    } else {
        text
    }
}

pub(super) fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let written = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    written
        .and_then(|()| std::fs::write(path, text))
        .with_context(|| format!("cannot write {}", path.display()))
}
