//! Programs that are measured from outside: started on one processor, and ended.

use std::fs;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::machine;

/// A running program; it ends when this is dropped.
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts a program on one processor. What it says goes to a file.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn start(command: &mut Command, processor: usize, log: &Path) -> anyhow::Result<Self> {
        let file = fs::File::create(log)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = machine::pinned(processor, || command.spawn())
            .with_context(|| format!("cannot run {}", command.get_program().display()))?;
        Ok(Self { child })
    }

    /// Starts a program on all processors, and listens to its standard error.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn heard(command: &mut Command) -> anyhow::Result<(Self, ChildStderr)> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot run {}", command.get_program().display()))?;
        let heard = child.stderr.take().context("no standard error")?;
        Ok((Self { child }, heard))
    }

    /// Waits until it has said something, in the file where it says things.
    ///
    /// # Errors
    /// Where it ends, or does not say it in time.
    pub fn says<T>(
        &mut self,
        log: &Path,
        patience: Duration,
        find: impl Fn(&str) -> Option<T>,
    ) -> anyhow::Result<T> {
        let started = Instant::now();
        loop {
            // It must not end between what it said and the question whether it has ended.
            let alive = self.alive();
            let said = fs::read_to_string(log)?;
            if let Some(found) = find(&said) {
                return Ok(found);
            }
            let last = said.lines().last().unwrap_or("it said nothing");
            ensure!(alive, "it ended: {last}");
            ensure!(started.elapsed() < patience, "it took too long: {last}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Tells whether it still runs.
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
        self.status("VmRSS:")
    }

    /// The most resident memory that it ever had, in KiB.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub fn most_resident(&self) -> anyhow::Result<f64> {
        self.status("VmHWM:")
    }

    fn status(&self, field: &str) -> anyhow::Result<f64> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = text.lines().find_map(|line| line.strip_prefix(field));
        let number = line.and_then(|rest| rest.split_whitespace().next());
        Ok(number.with_context(|| format!("no {field}"))?.parse()?)
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
