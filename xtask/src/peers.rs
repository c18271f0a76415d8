//! The programs measured beside Stockade, installed and built under `target/peers`: nothing outside
//! of the project's directory changes.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::clients::python;
use crate::run::{Step, cargo, say, target_directory, workspace};

/// nginx and its JavaScript, from the distribution.
const NGINX: [&str; 2] = ["nginx", "libnginx-mod-http-js"];

/// Returns the directory of the files for the others.
fn home() -> PathBuf {
    workspace().join("bench/peers")
}

/// Installs those that are missing. What cannot be installed is said and measured as absent: a
/// benchmark of the others is still worth something. What takes minutes is left out where there is
/// no time for it.
pub(crate) fn install(quick: bool) {
    let target = target_directory().join("peers");
    let mut outcomes = vec![
        python(&home().join("requirements.txt"), &target.join("python")),
        nginx(&target.join("nginx")),
        filter(&target),
    ];
    if !quick {
        outcomes.push(python(&home().join("litellm.txt"), &target.join("litellm")));
        outcomes.push(engines(&target));
    }
    for outcome in outcomes {
        if let Err(error) = outcome {
            say(format_args!("{error:#}"));
        }
    }
}

fn nginx(directory: &Path) -> anyhow::Result<()> {
    if directory.join("usr/sbin/nginx").is_file() {
        return Ok(());
    }
    std::fs::create_dir_all(directory)?;
    Step::new("apt-get")
        .within(directory)
        .args(["download", "--quiet"])
        .args(NGINX)
        .run()
        .context("nginx is not measured: it is unpacked from Debian's packages")?;
    for entry in std::fs::read_dir(directory)? {
        let package = entry?.path();
        if package.extension().is_some_and(|extension| extension == "deb") {
            Step::new("dpkg-deb").args(["-x"]).args([package.as_path(), directory]).run()?;
        }
    }
    Ok(())
}

/// The filter for Envoy.
fn filter(target: &Path) -> anyhow::Result<()> {
    let built = target.join("filter");
    alone(&home().join("filter"), &built)
        .args(["--target", "wasm32-unknown-unknown"])
        .run()
        .context("Envoy is not measured with WebAssembly: its filter does not build")?;
    let module = built.join("wasm32-unknown-unknown/release/stockade_bench_filter.wasm");
    std::fs::copy(module, built.join("filter.wasm"))?;
    Ok(())
}

/// Policy engines that are libraries.
fn engines(target: &Path) -> anyhow::Result<()> {
    alone(&home().join("engines"), &target.join("engines"))
        .run()
        .context("Cedar and Rego are not measured: they do not build")
}

/// Builds a package that is not of the workspace.
fn alone(package: &Path, target: &Path) -> Step {
    cargo(["build", "--release", "--locked", "--manifest-path"]).args([
        package.join("Cargo.toml").as_path(),
        Path::new("--target-dir"),
        target,
    ])
}
