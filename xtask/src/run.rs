//! Runs programs, and tells which.

use std::ffi::OsStr;
use std::fmt::Display;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

/// The workspace's root.
pub(crate) fn workspace() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().map_or_else(|| xtask.to_owned(), Path::to_owned)
}

/// Returns the directory of what cargo builds: this program was built there too.
pub(crate) fn target_directory() -> PathBuf {
    let program = std::env::current_exe().ok();
    let target = program.as_deref().and_then(Path::parent).and_then(Path::parent);
    target.map_or_else(|| workspace().join("target"), Path::to_owned)
}

/// Tells the person at the terminal.
pub(crate) fn say(text: impl Display) {
    // There is nobody to tell where standard error is gone.
    writeln!(std::io::stderr(), "xtask: {text}").ok();
}

/// A program to run in the workspace's root.
pub(crate) struct Step(Command);

impl Step {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.current_dir(workspace());
        Self(command)
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.0.args(arguments);
        self
    }

    /// Runs it in another directory.
    pub(crate) fn within(mut self, directory: &Path) -> Self {
        self.0.current_dir(directory);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    /// Runs it; an exit code other than 0 is an error.
    pub(crate) fn run(mut self) -> anyhow::Result<()> {
        let shown = self.shown();
        say(&shown);
        let status = self.0.status().with_context(|| format!("cannot run `{shown}`"))?;
        ensure!(status.success(), "`{shown}` failed: {status}");
        Ok(())
    }

    /// Runs it, and returns what it prints.
    pub(crate) fn output(mut self) -> anyhow::Result<Vec<u8>> {
        let shown = self.shown();
        say(&shown);
        let output = self.0.output().with_context(|| format!("cannot run `{shown}`"))?;
        ensure!(output.status.success(), "`{shown}` failed: {}", output.status);
        Ok(output.stdout)
    }

    /// Tells whether the program is there and succeeds. Shows nothing of its output.
    pub(crate) fn succeeds(mut self) -> bool {
        self.0.output().is_ok_and(|output| output.status.success())
    }

    fn shown(&self) -> String {
        let root = workspace();
        let program = Path::new(self.0.get_program());
        let program = program.strip_prefix(&root).unwrap_or(program);
        let arguments = self.0.get_args().map(|argument| format!(" {}", argument.display()));
        format!("{}{}", program.display(), arguments.collect::<String>())
    }
}

/// cargo with arguments.
pub(crate) fn cargo<const N: usize>(arguments: [&str; N]) -> Step {
    Step::new("cargo").args(arguments)
}
