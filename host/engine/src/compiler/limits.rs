//! The limits of a compiler process. It sets them itself, before it reads a byte of a module.

use std::fs;
use std::io;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// The limits of one compiler process.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Limits {
    /// Memory that it can write to, for itself alone.
    pub(super) memory_bytes: u64,
    /// Processor time of all its threads for one step.
    pub(super) step: Duration,
}

impl Limits {
    /// Holds this process to its memory, and without a dump of it that would hold the settings
    /// of policies. It keeps its share of the processors: an edit that revokes something may
    /// wait for it.
    pub(super) fn enter(self) -> io::Result<()> {
        lower(Resource::Data, self.memory_bytes)?;
        // Of 0 a program that takes in dumps through a pipe is not told; see core(5).
        lower(Resource::Core, 1)?;
        // Only a courtesy: where memory runs out, the gateway should not be what ends.
        let _ = fs::write("/proc/self/oom_score_adj", "1000");
        Ok(())
    }

    /// Begins a step: the process ends when it takes more time than one may.
    pub(super) fn step(self) -> io::Result<()> {
        let used = clock_gettime(ClockId::ProcessCPUTime);
        let used = Duration::try_from(used).unwrap_or_default();
        let seconds = (used + self.step).as_secs().saturating_add(1);
        let limit = getrlimit(Resource::Cpu);
        let most = limit.maximum.map_or(seconds, |most| most.min(seconds));
        setrlimit(Resource::Cpu, Rlimit { current: Some(most), maximum: limit.maximum })?;
        Ok(())
    }
}

fn lower(resource: Resource, most: u64) -> io::Result<()> {
    let most = getrlimit(resource).maximum.map_or(most, |limit| limit.min(most));
    setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    Ok(())
}
