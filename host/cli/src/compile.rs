//! The process in which a gateway compiles policies: this program, started again by itself.

use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use anyhow::Context as _;
use stockade_engine::{Compiler, CompilerProcess};

use super::Ending;

pub(super) const COMMAND: &str = "compile-policies";

/// Returns the compiler as a gateway starts it: this program, in a process of its own.
pub(super) fn compiler() -> anyhow::Result<Compiler> {
    let program = own_program()?;
    Ok(Compiler::Process(CompilerProcess::new(&program, &[COMMAND])))
}

/// On Linux this names the program that runs, whatever has become of its file since: an
/// update must not make a running gateway compile with another version.
fn own_program() -> anyhow::Result<PathBuf> {
    if cfg!(target_os = "linux") {
        return Ok(PathBuf::from("/proc/self/exe"));
    }
    std::env::current_exe().context("the path of this program is not known")
}

pub(super) fn run() -> anyhow::Result<Ending> {
    let socket = std::io::stdin().as_fd().try_clone_to_owned()?;
    stockade_engine::serve_compiler(&UnixStream::from(socket))
        .context("this command is for a gateway to start")?;
    Ok(Ending::Done)
}
