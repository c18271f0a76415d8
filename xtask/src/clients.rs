//! The real client libraries that the tests drive, a compiler of policies and a server of Valkey,
//! installed under `target/clients`.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::run::{Step, say, workspace};

/// Installs the versions pinned under `tests/clients`, unless they are there.
pub(crate) fn install() -> anyhow::Result<()> {
    let pinned = workspace().join("tests/clients");
    let target = workspace().join("target/clients");
    python(&pinned.join("requirements.txt"), &target.join("python"))?;
    python(&pinned.join("compilers.txt"), &target.join("compilers"))?;
    python(&pinned.join("store.txt"), &target.join("store"))?;
    node(&pinned, &target.join("node"))?;
    node(&pinned.join("agents"), &target.join("agents"))
}

/// A virtual environment with pinned packages.
pub(crate) fn python(requirements: &Path, venv: &Path) -> anyhow::Result<()> {
    unless_installed(&[requirements.to_owned()], venv, || {
        Step::new("python3").args(["-m", "venv", "--clear"]).args([venv]).run()?;
        Step::new(venv.join("bin/pip"))
            .args(["install", "--quiet", "--disable-pip-version-check", "--requirement"])
            .args([requirements])
            .run()
    })
    .context("packages of Python cannot be installed; python3 with venv and pip is needed")
}

fn node(pinned: &Path, directory: &Path) -> anyhow::Result<()> {
    let files = ["package.json", "package-lock.json"].map(|name| pinned.join(name));
    unless_installed(&files, directory, || {
        std::fs::create_dir_all(directory)?;
        for file in &files {
            std::fs::copy(file, directory.join(file.file_name().unwrap_or_default()))?;
        }
        Step::new("npm")
            .args(["ci", "--silent", "--no-audit", "--no-fund", "--prefix"])
            .args([directory])
            .run()
    })
    .context("packages of JavaScript cannot be installed; node and npm are needed")
}

/// A stamp holds what was installed, so that a second run costs nothing and a changed
/// pin installs anew.
fn unless_installed(
    pins: &[PathBuf],
    directory: &Path,
    install: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let stamp = directory.join("installed");
    let mut wanted = String::new();
    for pin in pins {
        wanted += &std::fs::read_to_string(pin).with_context(|| pin.display().to_string())?;
    }
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    say(format_args!("installing into {}", directory.display()));
    install()?;
    std::fs::write(&stamp, wanted)?;
    Ok(())
}
