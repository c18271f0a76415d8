//! The place where policies are compiled, as the configuration of an engine has it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

const MIB: u64 = 1 << 20;

/// The process in which policies are compiled.
#[derive(Clone, Debug, Default)]
pub enum Compiler {
    /// In this process: for tools whose user chose the policy.
    #[default]
    Here,
    /// In a process of its own: for a gateway, which has to outlive every policy.
    Process(CompilerProcess),
}

/// A process in which policies are compiled.
#[derive(Clone, Debug)]
pub struct CompilerProcess {
    /// A program that calls [`serve_compiler`](crate::serve_compiler) with its standard
    /// input, which is a socket. It has to be the one that runs the policies.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// The memory that it may write to. What it holds for the next policies counts.
    pub memory_bytes: u64,
    /// The processor time that one step may take: to read and compile a module, or to
    /// configure it and compile the snapshot.
    pub step: Duration,
}

impl CompilerProcess {
    /// A program that has as much as a large policy with many settings needs several times.
    pub fn new(program: &Path, arguments: &[&str]) -> Self {
        Self {
            program: program.to_owned(),
            arguments: arguments.iter().map(OsString::from).collect(),
            memory_bytes: 1024 * MIB,
            step: Duration::from_secs(20),
        }
    }
}
