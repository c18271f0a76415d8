//! `stockade policy`: from an empty directory to a module that the gateway takes.

mod bench;
mod build;
mod embed;
mod foreign;
mod header;
mod inspect;
mod new;
mod subject;
mod test;
mod toolchain;

use super::{Ending, Output};
use stockade_config::ConfigErrors;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Make a policy that builds and passes its tests, in Rust, C or Zig.
    New(new::Arguments),
    /// Compile a policy to WebAssembly as the gateway wants it.
    Build(build::Arguments),
    /// Write the contract into a module that another compiler has made, which makes it a policy.
    Embed(embed::Arguments),
    /// Print the contract for policies in C or Zig: its types, laid out as the gateway reads them.
    Header(header::Arguments),
    /// Compile a policy and ask it, in the sandbox, what its tests.yaml says.
    Test(test::Arguments),
    /// Tell what a policy is: contract, imports, settings, size, digest, instructions.
    Inspect(inspect::Arguments),
    /// Measure how long a policy takes to decide, for each of its test cases.
    Bench(bench::Arguments),
}

pub(super) fn run(command: &Command, output: &Output) -> anyhow::Result<Ending> {
    let ending = match command {
        Command::New(arguments) => new::run(arguments, output),
        Command::Build(arguments) => build::run(arguments, output),
        Command::Embed(arguments) => embed::run(arguments, output),
        Command::Header(arguments) => header::run(arguments, output),
        Command::Test(arguments) => test::run(arguments, output),
        Command::Inspect(arguments) => inspect::run(arguments, output),
        Command::Bench(arguments) => bench::run(arguments, output),
    };
    ending.or_else(|error| {
        // Cases are told like a configuration: every error, with its excerpt.
        output.config_errors(&error.downcast::<ConfigErrors>()?)?;
        Ok(Ending::Misused)
    })
}
