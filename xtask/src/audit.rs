//! Dependencies: known vulnerabilities (cargo-audit), licences, sources, duplicates
//! (cargo-deny).

use crate::run::cargo;
use crate::tools::tool;

/// Names a copy of the advisory database, for machines that cannot reach the live one.
const ADVISORIES: &str = "STOCKADE_ADVISORY_DB";

pub(crate) fn run() -> anyhow::Result<()> {
    advisories()?;
    // Also what is built for other systems only: cargo-deny reads its licences.
    cargo(["fetch", "--locked"]).run()?;
    tool("cargo-deny")?
        .args(["--offline", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"])
        .run()
}

fn advisories() -> anyhow::Result<()> {
    let audit = tool("cargo-audit")?.args(["audit", "--deny", "warnings"]);
    match local_advisories() {
        Some(database) => audit.args(["--no-fetch", "--stale", "--db"]).args([database]).run(),
        None => audit.run(),
    }
}

#[expect(clippy::disallowed_methods, reason = "the one variable that tasks have")]
fn local_advisories() -> Option<String> {
    std::env::var(ADVISORIES).ok().filter(|path| !path.is_empty())
}
