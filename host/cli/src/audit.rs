//! `stockade audit`: the audit log, proven, shown and exported.

mod export;
mod head;
mod place;
mod selection;
mod show;
mod verify;

use super::{Ending, Output};

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Prove that no line was changed, taken out, put in or moved, or tell where.
    Verify(verify::Arguments),
    /// Print the last signed checkpoint, to be kept elsewhere.
    Head(head::Arguments),
    /// Show the last lines, of requests and of what operators did.
    Show(show::Arguments),
    /// Print lines as JSON or comma-separated values.
    Export(export::Arguments),
}

pub(super) fn run(command: &Command, output: &Output) -> anyhow::Result<Ending> {
    match command {
        Command::Verify(arguments) => verify::run(arguments, output),
        Command::Head(arguments) => head::run(arguments, output),
        Command::Show(arguments) => show::run(arguments, output),
        Command::Export(arguments) => export::run(arguments, output),
    }
}
