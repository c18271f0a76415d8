//! `stockade policy embed`: makes a policy of what a compiler for WebAssembly has made.

use std::path::PathBuf;

use anyhow::Context;

use super::build::answer_written;
use crate::{Ending, Output};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The core module, from a compiler of C, Zig or another language.
    module: PathBuf,
    /// Write the policy here, in one step; otherwise the core module is replaced by it.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Ending> {
    let path = &arguments.module;
    let core = std::fs::read(path)
        .with_context(|| format!("cannot read the module {}", path.display()))?;
    let module = stockade_engine::embed_contract(&core)
        .with_context(|| format!("the contract is not written into {}", path.display()))?;
    let out = arguments.out.as_ref().unwrap_or(path);
    super::build::replace(out, &module)?;
    answer_written(out, &module, output)
}
