//! Compiles the shipped policies and embeds them.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use stockade_guest_build::Guests;

/// Each directory under `policies/` with its package.
const POLICIES: [(&str, &str); 8] = [
    ("endpoint-access", "stockade-policy-endpoint-access"),
    ("fresh-rules", "stockade-policy-fresh-rules"),
    ("model-access", "stockade-policy-model-access"),
    ("pull-guard", "stockade-policy-pull-guard"),
    ("request-caps", "stockade-policy-request-caps"),
    ("rules", "stockade-policy-rules"),
    ("usage-budget", "stockade-policy-usage-budget"),
    ("working-hours", "stockade-policy-working-hours"),
];

/// Those that are asked together, in one module.
const TOGETHER: &str = "stockade-policy-builtin";

fn main() -> Result<(), Box<dyn Error>> {
    let out_dir = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for directory in ["Cargo.toml", "policies", "policy-sdk"] {
        println!("cargo::rerun-if-changed={}", workspace.join(directory).display());
    }
    let packages = POLICIES.map(|(_, package)| package);
    let guests = Guests { workspace: &workspace, packages: &packages, out_dir: &out_dir };
    let mut table = String::from("&[\n");
    for ((name, _), module) in POLICIES.iter().zip(guests.build()?) {
        let embedded = out_dir.join(format!("{name}.wasm"));
        std::fs::copy(&module, &embedded)?;
        let cases = workspace.join("policies").join(name).join("tests.yaml").canonicalize()?;
        writeln!(
            table,
            "    Shipped {{ name: {name:?}, module: include_bytes!({:?}), cases: include_str!({:?}) }},",
            embedded.display().to_string(),
            cases.display().to_string(),
        )?;
    }
    table.push_str("]\n");
    std::fs::write(out_dir.join("shipped.rs"), table)?;
    // By itself: with the others, cargo would build its parts with the exports of each.
    let together = Guests { packages: &[TOGETHER], ..guests };
    for module in together.build()? {
        std::fs::copy(module, out_dir.join("together.wasm"))?;
    }
    Ok(())
}
