//! `stockade policy new`: a crate of its own, complete, that needs no registry for the SDK.
//!
//! The policy in it is `examples/custom-policy`, under another name. The SDK's sources are
//! embedded in this program and written beside it, so that crate and gateway always speak
//! the same contract; `--sdk` names a copy that is there already.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde_json::json;

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
const README: &str = include_str!("template/README.md");
/// The schema that tells an editor what may stand in `tests.yaml`, where the example finds it, and
/// where the crate does.
const SCHEMA: &str = include_str!("../../../../docs/reference/policy-tests.schema.json");
const EXAMPLE_SCHEMA: &str = "$schema=../../docs/reference/policy-tests.schema.json";
const SCHEMA_FILE: &str = ".stockade/policy-tests.schema.json";
/// The example's names, and where it finds the SDK.
const EXAMPLE_NAME: &str = "no-tools";
const EXAMPLE_TYPE: &str = "NoTools";
const EXAMPLE_SDK: &str = "../../policy-sdk";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The policy's name, and that of its directory: small letters, digits and hyphens.
    name: String,
    /// Use the SDK in this directory instead of writing a copy into the crate.
    #[arg(long, value_name = "DIRECTORY")]
    sdk: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Ending> {
    let name = arguments.name.as_str();
    check_name(name)?;
    let directory = Path::new(name);
    let sdk = match &arguments.sdk {
        Some(sdk) => existing_sdk(sdk)?,
        None => SDK_DIRECTORY.to_owned(),
    };
    ensure!(!directory.exists(), "{name} is there already; choose another name or remove it");
    for (path, text) in EXAMPLE.iter().chain([&("README.md", README)]) {
        write(&directory.join(path), &renamed(text, name, &sdk))?;
    }
    write(&directory.join(SCHEMA_FILE), SCHEMA)?;
    if arguments.sdk.is_none() {
        for (path, text) in SDK {
            write(&directory.join(SDK_DIRECTORY).join(path), text)?;
        }
    }
    output.answer(
        format_args!(
            "{name}: a policy with tests. Next:\n  cd {name}\n  stockade policy test\n  \
             stockade policy build"
        ),
        &json!({ "directory": name, "sdk": sdk }),
    )?;
    Ok(Ending::Done)
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
            "stockade-policy-sdk" | "stockade-policy-sdk-macros" | "test" | "core" | "std"
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

fn capitalized(word: &str) -> String {
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
