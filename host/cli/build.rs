//! Embeds the policy SDK, and what `stockade doctor` tells about how it was built.

#[path = "build/sdk.rs"]
mod sdk;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() -> Result<(), Box<dyn Error>> {
    let out_dir = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    // Without this cargo would look at the whole package instead of at these.
    println!("cargo::rerun-if-changed=build");
    for directory in ["Cargo.toml", "policy-sdk"] {
        println!("cargo::rerun-if-changed={}", workspace.join(directory).display());
    }
    sdk::embed(&workspace, &out_dir)?;
    tell_versions(&workspace.join("Cargo.lock"))
}

/// Versions that only the build knows.
fn tell_versions(lock: &Path) -> Result<(), Box<dyn Error>> {
    let rustc = std::env::var_os("RUSTC").ok_or("RUSTC is not set")?;
    let rustc = String::from_utf8(Command::new(rustc).arg("--version").output()?.stdout)?;
    println!("cargo::rustc-env=STOCKADE_RUSTC={}", rustc.trim());
    for (name, of) in [("STOCKADE_TARGET", "TARGET"), ("STOCKADE_PROFILE", "PROFILE")] {
        let value = std::env::var_os(of).ok_or("cargo says for what it builds")?;
        println!("cargo::rustc-env={name}={}", value.display());
    }
    println!("cargo::rerun-if-changed={}", lock.display());
    let lock = std::fs::read_to_string(lock)?;
    let wasmtime = lock.split_once("name = \"wasmtime\"\nversion = \"");
    let version = wasmtime.and_then(|(_, rest)| rest.split('"').next());
    println!("cargo::rustc-env=STOCKADE_WASMTIME={}", version.ok_or("wasmtime is not locked")?);
    Ok(())
}
