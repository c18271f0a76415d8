//! Measures that keep secrets in the memory of this process: they are in it as long as it runs.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Leaves no dump of the process when it crashes, and lets no other process of the same user
/// read its memory.
///
/// # Errors
/// Where the system does not know of it.
pub(super) fn keep_secrets() -> io::Result<()> {
    // Of 0 a program that takes in dumps through a pipe is not told; see core(5).
    let limit = getrlimit(Resource::Core);
    let most = limit.maximum.map_or(1, |maximum| maximum.min(1));
    setrlimit(Resource::Core, Rlimit { current: Some(most), maximum: Some(most) })?;
    hide_memory()
}

#[cfg(target_os = "linux")]
fn hide_memory() -> io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "where it can fail, it is needed")]
const fn hide_memory() -> io::Result<()> {
    Ok(())
}
