//! Policy engines that are libraries, beside the bare decision. They are built by
//! themselves (`bench/peers/engines`), since they take minutes to compile.

use std::process::Command;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use crate::peers::site::tools;

/// The times of one engine.
#[derive(Clone, Debug, Deserialize)]
pub struct Engine {
    /// Its name.
    pub engine: String,
    /// Policies that it looks at.
    pub policies: u32,
    /// The median in nanoseconds.
    pub median_ns: u32,
    /// The 99th percentile in nanoseconds.
    pub high_ns: u32,
}

/// Measures them all, on this processor.
///
/// # Errors
/// Where they are not built, or one of them answers wrongly.
pub fn measure(decisions: usize) -> anyhow::Result<Vec<Engine>> {
    let program = tools()?.join("engines/release/stockade-bench-engines");
    ensure!(program.is_file(), "not built; a run without --quick builds it");
    let output = Command::new(program).arg(decisions.to_string()).output()?;
    let said = String::from_utf8(output.stderr)?;
    ensure!(output.status.success(), "{}", said.trim());
    let text = String::from_utf8(output.stdout)?;
    text.lines().map(|line| serde_json::from_str(line).context("not a figure")).collect()
}
