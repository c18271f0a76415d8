//! Errors that occur before a policy can be asked anything.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::contract::{CONTRACTS, remedy};

/// The reason why the engine cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// wasmtime refuses to be set up: most often, too little address space for the
    /// slots. The message says what wasmtime wanted.
    #[error(
        "the sandbox cannot be set up: {0}; fewer slots, less memory for each, \
         or a larger limit on virtual memory (`ulimit -v`) would help"
    )]
    Setup(String),
    /// The thread that keeps deadlines cannot be started.
    #[error("the thread that keeps the deadlines of policies cannot be started: {0}")]
    Ticker(#[source] std::io::Error),
    /// Machine code is made and may not be run.
    #[error("policies cannot be run: {0}")]
    NoExecutableMemory(String),
    /// The guests that prove the limits cannot be compiled.
    #[error("the sandbox cannot be tried out: {0}")]
    Untried(#[from] LoadError),
    /// A limit of the sandbox does not hold on this machine.
    #[error("the sandbox does not stop a policy that {0}")]
    LimitDoesNotHold(String),
}

impl EngineError {
    /// wasmtime's reason, with its causes.
    pub(crate) fn setup(error: &wasmtime::Error) -> Self {
        Self::Setup(format!("{error:#}"))
    }
}

/// One thing that is wrong with one binding's settings, as the policy sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{path}{}{message}", if path.is_empty() { "" } else { ": " })]
pub struct SettingsProblem {
    /// The place of the settings among those given to `prepare`, counted from 0.
    pub binding: usize,
    /// The path in them, such as `allow[2]`; empty for the whole.
    pub path: String,
    /// The problem, in the policy's words.
    pub message: String,
}

const DEBUG_BUILD: &str =
    "; this is a debug build: build it with `--release`, or with `stockade policy build`";

const INTERPRETER: &str = "; tools for JavaScript and Python make such components, with an interpreter inside: write \
     the policy in Rust, C or Zig";

/// The reason why a policy cannot be used.
#[derive(Debug, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The bytes are something else.
    #[error(
        "this is no WebAssembly module: the file is {0}; build a policy with `stockade policy build`"
    )]
    NotWebAssembly(String),
    /// The bytes are no WebAssembly that is valid.
    #[error("not a valid WebAssembly module or component: {0}")]
    Malformed(String),
    /// It is larger than any policy needs to be, so that compiling it could use up
    /// the machine.
    #[error(
        "too large: {actual} {what}, where {limit} are allowed{}{}",
        if *debug { DEBUG_BUILD } else { "" },
        if *component { INTERPRETER } else { "" }
    )]
    TooLarge {
        /// The items that are too many, in words.
        what: Cow<'static, str>,
        /// The number that there is.
        actual: u64,
        /// The number that there may be.
        limit: u64,
        /// True if it has the debug information of a build without `--release`.
        debug: bool,
        /// True if it is a component that is large or has many modules, as one with an
        /// interpreter is.
        component: bool,
    },
    /// It wants to call something other than `stockade:policy/log`.
    #[error(
        "imports `{0}`, which no policy is given: a policy has no clock, no randomness, \
         no network and no files; build it for wasm32-unknown-unknown with the policy SDK"
    )]
    ForbiddenImport(String),
    /// It is made for a version of the contract that is not served.
    #[error(
        "made for version {0} of the contract stockade:policy, \
         where this host serves {served}; {remedy}",
        served = CONTRACTS.join(", "),
        remedy = remedy(.0)
    )]
    ContractVersion(String),
    /// It is WebAssembly, but no policy.
    #[error("not a policy: {0}; build it with the policy SDK")]
    NotAPolicy(String),
    /// It exports a policy, and does not say in which contract.
    #[error(
        "this module has no contract in it: write it with `stockade policy embed`, as `stockade \
         policy build` does for Rust, C and Zig"
    )]
    NoContract,
    /// It uses a part of WebAssembly that policies do not have.
    #[error("uses what policies do not have: {0}")]
    Unsupported(String),
    /// The limits that the configuration gives it make no sense.
    #[error("{0}")]
    Limits(String),
    /// The policy refuses settings; all problems of all bindings.
    #[error("wrong settings: {}", listed(.0))]
    Settings(Vec<SettingsProblem>),
    /// It failed while it read its settings.
    #[error("failed while it read the settings of its bindings: {failure}")]
    Configure {
        /// The binding on whose settings it fails alone, if there is one; counted
        /// from 0.
        binding: Option<usize>,
        /// The failure.
        failure: Failure,
    },
    /// It failed while it described itself.
    #[error("failed while it described itself: {0}")]
    Describe(Failure),
    /// It cannot be started.
    #[error("cannot be started: {0}")]
    Start(Failure),
    /// The compiler or the snapshot refuse it.
    #[error("cannot be compiled: {0}")]
    Compile(String),
    /// The process that compiles has ended, and not for what it compiled.
    #[error("the process that compiles policies ended: {0}")]
    CompilerEnded(String),
    /// The process that compiles has used no processor for this time, and not answered.
    #[error("the process that compiles policies did nothing for {} seconds", .0.as_secs_f32())]
    CompilerStuck(Duration),
    /// The process that compiles cannot be started.
    #[error("the process that compiles policies, {}, cannot be started: {source}", program.display())]
    #[serde(skip)]
    NoCompiler {
        /// The file that it is started from; on Linux `/proc/self/exe`, so `/proc` has to be there.
        program: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl LoadError {
    /// Tells whether the same policy may load a moment later: the machine was short of something.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::CompilerEnded(_) | Self::CompilerStuck(_) | Self::NoCompiler { .. })
    }

    /// The same about settings that are counted from another one.
    pub(crate) fn counted_from(self, first: usize) -> Self {
        match self {
            Self::Settings(mut problems) => {
                for problem in &mut problems {
                    problem.binding += first;
                }
                Self::Settings(problems)
            }
            Self::Configure { binding, failure } => {
                Self::Configure { binding: binding.map(|index| first + index), failure }
            }
            other => other,
        }
    }
}

fn listed(problems: &[SettingsProblem]) -> String {
    let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
    texts.join("; ")
}
