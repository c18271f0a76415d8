//! The address of one gateway, and its files.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use sha2::{Digest as _, Sha256};

use super::KEY;
use crate::machine;

pub(super) struct Site {
    pub(super) listen: SocketAddr,
    pub(super) upstream: SocketAddr,
    pub(super) directory: PathBuf,
    pub(super) tools: PathBuf,
}

impl Site {
    /// On a port that nobody uses yet.
    pub(super) fn new(upstream: SocketAddr, directory: &Path) -> anyhow::Result<Self> {
        let (listen, directory) = (free_address()?, directory.to_owned());
        Ok(Self { listen, upstream, directory, tools: tools()? })
    }

    /// Writes a configuration with the addresses of this run, and returns its path.
    pub(super) fn render(&self, name: &str) -> anyhow::Result<PathBuf> {
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name);
        let text = fs::read_to_string(&template).with_context(|| name.to_owned())?;
        self.write(name, &text)
    }

    /// Writes a configuration that was made for this run.
    pub(super) fn write(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let directory = self.directory.display().to_string();
        let text = text
            .replace("@LISTEN@", &self.listen.to_string())
            .replace("@PORT@", &self.listen.port().to_string())
            .replace("@UPSTREAM@", &self.upstream.to_string())
            .replace("@UPSTREAM_PORT@", &self.upstream.port().to_string())
            .replace("@DIRECTORY@", &directory)
            .replace("@CONFIGURATION@", &directory)
            .replace("@TOOLS@", &self.tools.display().to_string())
            .replace("@DIGEST@", &hex::encode(Sha256::digest(KEY)))
            .replace("@KEY@", KEY);
        let path = self.directory.join(name);
        fs::write(&path, text)?;
        Ok(path)
    }

    /// Returns the directory of an installed Python package.
    pub(super) fn package(&self, name: &str) -> anyhow::Result<PathBuf> {
        let venv = self.tools.join("python");
        for entry in fs::read_dir(venv.join("lib")).context("the others are not installed")? {
            let home = entry?.path().join("site-packages").join(name);
            if home.is_dir() {
                return Ok(home);
            }
        }
        bail!("{name} is not installed")
    }

    /// A file that has to be installed.
    pub(super) fn tool(&self, path: &str) -> anyhow::Result<PathBuf> {
        let file = self.tools.join(path);
        anyhow::ensure!(file.is_file(), "it is not installed");
        Ok(file)
    }
}

/// Returns the directory where `cargo xtask bench` installs the other gateways and engines.
pub(crate) fn tools() -> anyhow::Result<PathBuf> {
    Ok(machine::target_directory()?.join("peers"))
}

/// An address of loopback on which nobody listens yet.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}
