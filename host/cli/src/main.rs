//! The command line: `stockade serve | connect | demo | doctor | check | explain | audit | schema |
//! key | password | policy | promote | queue | replay | shadow | token | usage | why`.
//!
//! Exit codes: 0 done, 1 a negative answer (denied, check failed), 2 wrong usage or a
//! configuration that does not load.

mod audit;
mod check;
mod compile;
mod connect;
mod csv;
mod demo;
mod doctor;
mod explain;
mod hardening;
mod key;
mod output;
mod password;
mod policy;
mod promote;
mod queue;
mod replay;
mod schema;
mod serve;
mod shadow;
mod since;
mod table;
mod token;
mod usage;
mod why;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use output::Output;

/// An authorizing gateway in front of Ollama.
#[derive(Parser)]
#[command(name = "stockade", version, arg_required_else_help = true)]
struct Arguments {
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the gateway.
    Serve(serve::Arguments),
    /// Stand where Ollama would stand on this machine, and ask a gateway with your credential.
    Connect(connect::Arguments),
    /// Run the gateway in front of a simulated Ollama, with three ready users.
    Demo(demo::Arguments),
    /// Report what this gateway is made of, where it runs, and whether it answers as it promises.
    Doctor(doctor::Arguments),
    /// Load a configuration, compile its policies, run its tests, and report every error.
    Check(check::Arguments),
    /// Tell what would be decided about a request, and why.
    Explain(explain::Arguments),
    /// Tell who has a turn at Ollama, and who waits, by asking the running gateway.
    Queue(queue::Arguments),
    /// Tell which requests of the past a configuration would answer otherwise.
    Replay(replay::Arguments),
    /// Put a whole configuration beside the live one, without an effect, or tell what it would change.
    Shadow(shadow::Arguments),
    /// Make the configuration that is tried out the live one.
    Promote(promote::Arguments),
    /// Tell who has used what: tokens, GPU time, requests, pulled bytes.
    Usage(usage::Arguments),
    /// Tell what happened to a request, and whether it would today.
    Why(why::Arguments),
    /// Prove, show and export the audit log.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Print the JSON Schema of the configuration, or of a policy's tests, for editors.
    Schema(schema::Arguments),
    /// Make API keys.
    #[command(subcommand)]
    Key(key::Command),
    /// Hash passwords for HTTP Basic.
    #[command(subcommand)]
    Password(password::Command),
    /// Write policies: make a crate, build it, test it, measure it.
    #[command(subcommand)]
    Policy(policy::Command),
    /// Issue and verify HMAC tokens.
    #[command(subcommand)]
    Token(token::Command),
    /// Compile policies for a gateway at the other end of standard input.
    #[command(name = compile::COMMAND, hide = true)]
    CompilePolicies,
}

impl Command {
    /// Tells whether it reads keys, passwords or a configuration that names them.
    const fn has_secrets(&self) -> bool {
        // The compiler limits itself, and policies are no secrets.
        !matches!(self, Self::Schema(_) | Self::Policy(_) | Self::CompilePolicies)
    }
}

#[derive(clap::Args)]
struct ConfigFile {
    /// The configuration.
    #[arg(long, short, default_value = "stockade.yaml")]
    config: PathBuf,
}

/// The end of a command.
enum Ending {
    Done,
    /// Denied, or not as it should be.
    Negative,
    /// Wrong usage, or a configuration that does not load.
    Misused,
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        Self::from(match ending {
            Ending::Done => 0,
            Ending::Negative => 1,
            Ending::Misused => 2,
        })
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Output::new(arguments.json);
    if arguments.command.has_secrets()
        && let Err(error) = hardening::keep_secrets()
    {
        output.error(&anyhow::Error::new(error).context("core dumps cannot be switched off"));
        return Ending::Misused.into();
    }
    let ending = match arguments.command {
        Command::Serve(arguments) => serve::run(&arguments, &output),
        Command::Connect(arguments) => connect::run(&arguments, &output),
        Command::Demo(arguments) => demo::run(&arguments, &output),
        Command::Doctor(arguments) => doctor::run(&arguments, &output),
        Command::Check(arguments) => check::run(&arguments, &output),
        Command::Explain(arguments) => explain::run(&arguments, &output),
        Command::Queue(arguments) => queue::run(&arguments, &output),
        Command::Replay(arguments) => replay::run(&arguments, &output),
        Command::Shadow(arguments) => shadow::run(&arguments, &output),
        Command::Promote(arguments) => promote::run(&arguments, &output),
        Command::Usage(arguments) => usage::run(&arguments, &output),
        Command::Why(arguments) => why::run(&arguments, &output),
        Command::Audit(command) => audit::run(&command, &output),
        Command::Schema(arguments) => schema::run(&arguments, &output),
        Command::Key(command) => key::run(&command, &output),
        Command::Password(command) => password::run(&command, &output),
        Command::Policy(command) => policy::run(&command, &output),
        Command::Token(command) => token::run(&command, &output),
        Command::CompilePolicies => compile::run(),
    };
    stockade_log::flush();
    match ending {
        Ok(ending) => ending.into(),
        Err(error) => {
            output.error(&error);
            Ending::Misused.into()
        }
    }
}
