//! The gateways that are measured beside Stockade, installed under `target/peers`: nothing
//! outside of the project's directory changes.

use std::path::Path;

use anyhow::Context as _;

use crate::clients::python;
use crate::run::{Step, say, target_directory, workspace};

/// nginx and its JavaScript, from the distribution.
const NGINX: [&str; 2] = ["nginx", "libnginx-mod-http-js"];

/// Install those that are missing. What cannot be installed is said and measured as
/// absent: a benchmark of the others is still worth something.
pub(crate) fn install() {
    let target = target_directory().join("peers");
    let pinned = workspace().join("bench/peers/requirements.txt");
    let wheels = python(&pinned, &target.join("python"));
    for outcome in [wheels, nginx(&target.join("nginx"))] {
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
