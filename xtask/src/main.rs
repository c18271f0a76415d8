//! Everything that a person or CI runs, as `cargo xtask <command>`.

mod audit;
mod clients;
mod fuzz;
mod generate;
mod peers;
mod run;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use run::{Step, cargo, target_directory, workspace};

/// Stockade's tasks.
#[derive(Parser)]
#[command(name = "cargo xtask", arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build everything and run the demo: the gateway before a simulated Ollama.
    Demo {
        /// Arguments for `stockade demo`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Run all tests, with the real client libraries.
    Test {
        /// Arguments for `cargo test`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Run some tests with cargo-nextest: one process for each, and only what is asked for.
    Nextest {
        /// Arguments for `cargo nextest run`, such as `--package stockade-engine` or a filter.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Check formatting and lints, warnings denied.
    Lint,
    /// Build the API documentation, warnings denied.
    Doc,
    /// Check dependencies: advisories, licences, sources, duplicates.
    Audit,
    /// Measure every number that the design promises, and print them as one table.
    Bench {
        /// `--quick`, `--json FILE`, `--markdown FILE`, `decisions`, `growth`, `whole`, `--help`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Reload under load, and see that no request fails or is judged by two generations.
    Soak {
        /// For how long.
        #[arg(long, default_value_t = 10.0)]
        minutes: f64,
    },
    /// Run the criterion benchmarks of the parts.
    Criterion {
        /// Arguments for criterion, such as a filter.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Run the fuzz targets, each for a bounded time.
    Fuzz {
        /// Seconds that each target runs.
        #[arg(long, default_value_t = 30)]
        seconds: u64,
        /// Only this target.
        target: Option<String>,
    },
    /// Write the pages of the documentation that are generated from the code.
    Generate,
    /// Install what the other tasks need: the wasm target, the client libraries, Zig, Valkey.
    Setup,
}

fn main() -> ExitCode {
    match perform(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            run::say(format_args!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn perform(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Demo { arguments } => demo(&arguments),
        Task::Test { arguments } => test(&arguments),
        Task::Nextest { arguments } => {
            setup()?;
            tools::tool("cargo-nextest")?.args(["nextest", "run"]).args(arguments).run()
        }
        Task::Lint => lint(),
        Task::Doc => doc(),
        Task::Audit => audit::run(),
        Task::Bench { arguments } => bench(&arguments),
        Task::Soak { minutes } => soak(minutes),
        Task::Criterion { arguments } => criterion(&arguments),
        Task::Fuzz { seconds, target } => fuzz::run(seconds, target.as_deref()),
        Task::Generate => {
            wasm_target()?;
            generate::run()
        }
        Task::Setup => setup(),
    }
}

fn wasm_target() -> anyhow::Result<()> {
    Step::new(workspace().join("scripts/wasm-target.sh")).run()
}

fn setup() -> anyhow::Result<()> {
    wasm_target()?;
    clients::install()
}

fn demo(arguments: &[String]) -> anyhow::Result<()> {
    wasm_target()?;
    built(&[], "stockade")?.args(["demo"]).args(arguments).run()
}

fn test(arguments: &[String]) -> anyhow::Result<()> {
    setup()?;
    cargo(["test", "--workspace"]).args(arguments).run()
}

fn lint() -> anyhow::Result<()> {
    wasm_target()?;
    cargo(["fmt", "--all", "--check"]).run()?;
    cargo(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]).run()
}

fn doc() -> anyhow::Result<()> {
    wasm_target()?;
    cargo(["doc", "--workspace", "--no-deps", "--document-private-items"])
        .env("RUSTDOCFLAGS", "--deny warnings")
        .run()
}

fn bench(arguments: &[String]) -> anyhow::Result<()> {
    wasm_target()?;
    peers::install(arguments.iter().any(|argument| argument == "--quick"));
    built(&["--release"], "stockade")?;
    built(&["--release"], "stockade-bench")?.args(arguments).run()
}

fn soak(minutes: f64) -> anyhow::Result<()> {
    wasm_target()?;
    built(&["--release"], "stockade")?;
    let minutes = minutes.to_string();
    built(&["--release"], "stockade-bench")?.args(["soak", "--minutes", &minutes]).run()
}

fn criterion(arguments: &[String]) -> anyhow::Result<()> {
    wasm_target()?;
    // Every benchmark, and not the unit tests in the release profile.
    cargo(["bench", "--workspace", "--bench", "*", "--"]).args(arguments).run()
}

/// A program of the workspace, built just now. With `--workspace` dependencies have the
/// same features as for the tests: the sandbox is compiled once, not twice.
fn built(profile: &[&str], program: &str) -> anyhow::Result<Step> {
    cargo(["build", "--workspace", "--bin", program]).args(profile).run()?;
    let directory = if profile.is_empty() { "debug" } else { "release" };
    Ok(Step::new(target_directory().join(directory).join(program)))
}
