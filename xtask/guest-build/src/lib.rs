//! Builds policies to wasm32-unknown-unknown, for build scripts.
//!
//! It runs a second cargo with a target directory of its own (`target/guests`): the
//! first one holds the lock on the ordinary target directory while it waits for us.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The target of every policy.
const TARGET: &str = "wasm32-unknown-unknown";

/// 16 KiB of stack: the whole memory of a policy then fits the slots that stay
/// resident, which is what makes a fresh instance cheap.
const RUSTFLAGS: &str = "-C link-arg=-zstack-size=16384";

/// Policies to build.
pub struct Guests<'a> {
    /// The workspace that they belong to.
    pub workspace: &'a Path,
    /// Its packages, each of which makes one `cdylib`.
    pub packages: &'a [&'a str],
    /// The build script's `OUT_DIR`.
    pub out_dir: &'a Path,
}

impl Guests<'_> {
    /// Builds them, and returns the module of each package in the order of `packages`.
    ///
    /// # Errors
    /// The words of cargo, with what to do where the target is missing.
    pub fn build(&self) -> Result<Vec<PathBuf>, String> {
        let target_dir = self.target_dir()?;
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--quiet", "--profile", "policy", "--target", TARGET]);
        cargo.arg("--manifest-path").arg(self.workspace.join("Cargo.toml"));
        cargo.arg("--target-dir").arg(&target_dir);
        for package in self.packages {
            cargo.args(["--package", package]);
        }
        // The outer cargo's wrapper (clippy) and flags are for the host, not for guests.
        for variable in ["RUSTC_WORKSPACE_WRAPPER", "RUSTC_WRAPPER", "CARGO_ENCODED_RUSTFLAGS"] {
            cargo.env_remove(variable);
        }
        cargo.env("RUSTFLAGS", RUSTFLAGS);
        let output = cargo.output().map_err(|error| format!("cannot run cargo: {error}"))?;
        if !output.status.success() {
            return Err(explain(&String::from_utf8_lossy(&output.stderr)));
        }
        let built = target_dir.join(TARGET).join("policy");
        let module = |package: &&str| built.join(format!("{}.wasm", package.replace('-', "_")));
        Ok(self.packages.iter().map(module).collect())
    }

    /// `target/guests`, found from `target/<profile>/build/<package>-<hash>/out`.
    fn target_dir(&self) -> Result<PathBuf, String> {
        let target = self.out_dir.ancestors().nth(4);
        target.map(|target| target.join("guests")).ok_or_else(|| {
            format!("{} is not the OUT_DIR of a build script", self.out_dir.display())
        })
    }
}

fn explain(stderr: &str) -> String {
    if stderr.contains("can't find crate for `core`")
        || stderr.contains("can't find crate for `std`")
    {
        format!(
            "the policies cannot be built, because the target {TARGET} is not installed: \
             run scripts/wasm-target.sh\n\n{stderr}"
        )
    } else {
        format!("the policies cannot be built\n\n{stderr}")
    }
}
