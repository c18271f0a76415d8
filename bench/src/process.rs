//! Programs that are measured from outside: started on one processor, and ended.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;

use crate::machine;

/// A running program; it ends when this is dropped.
pub struct Process {
    child: Child,
}

impl Process {
    /// Start a program on one processor. What it says goes to a file.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn start(command: &mut Command, processor: usize, log: &Path) -> anyhow::Result<Self> {
        machine::pinned(processor, || Self::unpinned(command, log))
    }

    /// Start a program on all processors.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn unpinned(command: &mut Command, log: &Path) -> anyhow::Result<Self> {
        let file = fs::File::create(log)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = command
            .spawn()
            .with_context(|| format!("cannot run {}", command.get_program().display()))?;
        Ok(Self { child })
    }

    /// Whether it still runs.
    pub fn alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Processor time of all its threads so far.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub fn processor_time(&self) -> anyhow::Result<Duration> {
        let mut nanoseconds = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let text = fs::read_to_string(thread?.path().join("schedstat"))?;
            let time = text.split_whitespace().next().context("no time in schedstat")?;
            nanoseconds += time.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// Resident memory in KiB.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub fn resident(&self) -> anyhow::Result<f64> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|rest| rest.split_whitespace().next());
        Ok(number.context("no VmRSS")?.parse()?)
    }

    /// Open files.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub fn descriptors(&self) -> anyhow::Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.child.id()))?.count())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
