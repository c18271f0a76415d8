//! The compilers of policies: for Rust cargo and the wasm target.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output as Ran, Stdio};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use super::foreign::Foreign;
use stockade_core::environment;

const TARGET: &str = "wasm32-unknown-unknown";
/// The script that installs the target where rustup can, and builds it where it cannot.
const INSTALL: &str = include_str!("../../../../scripts/wasm-target.sh");
/// The name that the script gives itself in its messages.
const INSTALL_NAME: &str = "stockade policy build";
/// A small stack: the host resets all memory after each decision.
const LINKER: &str = "link-arg=-zstack-size=16384";
/// Small code, and names: a trap then says where.
const PROFILE: [&str; 4] =
    ["opt-level = \"s\"", "lto = true", "codegen-units = 1", "strip = \"debuginfo\""];

/// Compiles the policy in a directory, and returns the module.
pub(super) fn build(directory: &Path) -> anyhow::Result<PathBuf> {
    let manifest = directory.join("Cargo.toml");
    if !manifest.is_file()
        && let Some(language) = Foreign::of(directory)
    {
        return language.build(directory);
    }
    ensure!(
        manifest.is_file(),
        "there is no Cargo.toml, policy.c or policy.zig in {}; name the directory of a policy, or make one with \
         `stockade policy new`",
        directory.display()
    );
    install_target(directory)?;
    let ran = cargo(directory).output().context("cannot run cargo")?;
    ensure!(ran.status.success(), "the policy does not compile");
    module(&ran, &manifest.canonicalize()?)
}

/// The flags that matter are given whatever the crate's files say. Sources are named without
/// this machine's paths, so that the same source gives the same digest elsewhere.
fn cargo(directory: &Path) -> Command {
    let mut flags = vec![format!("-C{LINKER}")];
    if let Some(home) = environment::cargo_home() {
        flags.push(format!("--remap-path-prefix={}=cargo", home.display()));
    }
    let mut cargo = Command::new("cargo");
    cargo.current_dir(directory);
    cargo.args(["build", "--release", "--lib", "--target", TARGET]);
    cargo.arg("--message-format=json-render-diagnostics");
    for setting in PROFILE {
        cargo.args(["--config", &format!("profile.release.{setting}")]);
    }
    for variable in ["RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CARGO_BUILD_TARGET"] {
        cargo.env_remove(variable);
    }
    // Unlike RUSTFLAGS this takes paths with spaces; both go before what files say.
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    cargo.stdin(Stdio::null()).stderr(Stdio::inherit());
    cargo
}

/// The module among the artifacts that cargo reports for the crate itself.
fn module(ran: &Ran, manifest: &Path) -> anyhow::Result<PathBuf> {
    let reports = ran.stdout.split(|byte| *byte == b'\n');
    let reports = reports.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let ours = reports.filter(|report| {
        let path = report["manifest_path"].as_str().map(Path::new);
        report["reason"] == "compiler-artifact" && path == Some(manifest)
    });
    let mut files =
        ours.flat_map(|report| report["filenames"].as_array().cloned().unwrap_or_default());
    let module = files.find_map(|file| {
        let path = PathBuf::from(file.as_str()?);
        path.extension().is_some_and(|extension| extension == "wasm").then_some(path)
    });
    module.with_context(|| {
        format!(
            "{} makes no WebAssembly module; it needs\n[lib]\ncrate-type = [\"cdylib\", \"rlib\"]",
            manifest.display()
        )
    })
}

/// Installs the target, if the crate's toolchain does not have it.
fn install_target(directory: &Path) -> anyhow::Result<()> {
    if has_target(directory)? {
        return Ok(());
    }
    let mut bash = Command::new("bash");
    bash.current_dir(directory).args(["-c", INSTALL, INSTALL_NAME]).stdout(Stdio::null());
    let installed = bash.stdin(Stdio::null()).status();
    if installed.is_ok_and(|status| status.success()) && has_target(directory)? {
        return Ok(());
    }
    bail!(
        "the Rust target {TARGET} is not installed. With network: `rustup target add {TARGET}`. \
         Without: unpack the component rust-src of the same rustc and set STOCKADE_RUST_SRC to \
         its directory `library`, then run this again"
    )
}

fn has_target(directory: &Path) -> anyhow::Result<bool> {
    let mut rustc = Command::new("rustc");
    rustc.current_dir(directory).args(["--print", "target-libdir", "--target", TARGET]);
    let ran = rustc.output().context(
        "cannot run rustc: a policy is written in Rust; install it from https://rustup.rs",
    )?;
    if !ran.status.success() {
        std::io::stderr().write_all(&ran.stderr)?;
        bail!("rustc does not work here");
    }
    let libraries = PathBuf::from(String::from_utf8_lossy(&ran.stdout).trim());
    let Ok(entries) = std::fs::read_dir(libraries) else { return Ok(false) };
    let is_std = |name: OsString| name.to_str().is_some_and(|name| name.starts_with("libstd"));
    Ok(entries.flatten().any(|entry| is_std(entry.file_name())))
}

#[cfg(test)]
mod tests {
    use super::{LINKER, PROFILE};

    /// An author's policies are built like the shipped ones, and like the example whose manifest
    /// `policy new` writes.
    #[test]
    fn the_flags_are_those_of_the_shipped_policies() {
        let workspace = include_str!("../../../../Cargo.toml");
        let example = include_str!("../../../../examples/custom-policy/Cargo.toml");
        let (_, shipped) = workspace.split_once("[profile.policy]\n").unwrap();
        for setting in PROFILE {
            assert!(shipped.contains(setting) && example.contains(setting), "{setting}");
        }
        for file in [
            include_str!("../../../../xtask/guest-build/src/lib.rs"),
            include_str!("../../../../examples/custom-policy/.cargo/config.toml"),
        ] {
            assert!(file.contains(LINKER), "{file}");
        }
    }
}
