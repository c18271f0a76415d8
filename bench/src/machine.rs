//! The machine that measures.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

/// The processors that this process may use.
pub fn processors() -> Vec<usize> {
    let Ok(set) = sched_getaffinity(None) else { return vec![0] };
    (0..CpuSet::MAX_CPU).filter(|&processor| set.is_set(processor)).collect()
}

/// Keeps this thread, and what it starts, on one processor, so that what is measured is not the
/// scheduler. Where that is not allowed, it is measured unpinned.
pub fn pin(processor: usize) {
    let mut set = CpuSet::new();
    set.set(processor);
    sched_setaffinity(None, &set).ok();
}

/// Does something on one processor, and frees the thread again.
pub fn pinned<T>(processor: usize, act: impl FnOnce() -> T) -> T {
    let before = sched_getaffinity(None);
    pin(processor);
    let done = act();
    if let Ok(before) = before {
        sched_setaffinity(None, &before).ok();
    }
    done
}

/// Nanoseconds of a clock that all processes of this machine share.
pub fn monotonic() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

/// Describes the machine of the figures in one line.
pub fn facts() -> String {
    let processors = processors().len();
    let model = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    let model = model.unwrap_or_else(|| "a processor without a name".to_owned());
    let memory = fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let kib = text.lines().next()?.split_whitespace().nth(1)?;
        kib.parse::<f64>().ok()
    });
    let gib = memory.unwrap_or(0.0) / 1_048_576.0;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let release = kernel.trim().split('-').next().unwrap_or_default();
    format!("{processors} × {model}, {gib:.0} GiB, Linux {release}")
}

/// Returns the directory of what cargo builds: this program is there, too.
///
/// # Errors
/// Where it was moved.
pub fn target_directory() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.parent().and_then(Path::parent);
    Ok(target.context("this program is not in a target directory")?.to_owned())
}
