//! Fuzzing: every target of `fuzz/`, for a bounded time, from its seeds.
//!
//! Built with a stable compiler: the coverage that libFuzzer steers by is a pass of LLVM
//! that needs no unstable flag. The address sanitizer does need one, and is left out; what
//! is fuzzed has no unsafe code.

use std::path::Path;

use anyhow::{Context, ensure};

use crate::run::{Step, cargo, say, workspace};

const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Ccodegen-units=1";

/// Runs each target, or one, for so many seconds.
pub(crate) fn run(seconds: u64, only: Option<&str>) -> anyhow::Result<()> {
    let host = host()?;
    let built = workspace().join("target/fuzz");
    // For a named target, flags reach no build script.
    cargo(["build", "--release", "--manifest-path", "fuzz/Cargo.toml", "--target"])
        .args([host.as_str(), "--target-dir"])
        .args([&built])
        .env("RUSTFLAGS", COVERAGE)
        .run()?;
    let mut targets = targets()?;
    if let Some(only) = only {
        targets.retain(|target| target == only);
        ensure!(!targets.is_empty(), "there is no fuzz target {only:?}");
    }
    for target in targets {
        let program = built.join(&host).join("release").join(&target);
        fuzz(&program, &target, &built, seconds)?;
    }
    Ok(())
}

fn fuzz(program: &Path, target: &str, built: &Path, seconds: u64) -> anyhow::Result<()> {
    let found = built.join("corpus").join(target);
    let artifacts = workspace().join("fuzz/artifacts").join(target);
    for directory in [&found, &artifacts] {
        std::fs::create_dir_all(directory)?;
    }
    Step::new(program)
        .args([
            format!("-max_total_time={seconds}"),
            format!("-artifact_prefix={}/", artifacts.display()),
            "-rss_limit_mb=1024".to_owned(),
            "-timeout=10".to_owned(),
            "-print_final_stats=1".to_owned(),
            "-verbosity=0".to_owned(),
        ])
        // What is found is kept for the next run; the seeds are only read.
        .args([found, workspace().join("fuzz/corpus").join(target)])
        .run()
        .with_context(|| format!("the input that does it is in fuzz/artifacts/{target}"))
}

fn targets() -> anyhow::Result<Vec<String>> {
    let mut targets = Vec::new();
    for entry in std::fs::read_dir(workspace().join("fuzz/fuzz_targets"))? {
        let path = entry?.path();
        targets.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    }
    targets.sort();
    say(format_args!("fuzz targets: {}", targets.join(", ")));
    Ok(targets)
}

/// The machine's own target triple.
fn host() -> anyhow::Result<String> {
    let output = std::process::Command::new("rustc").arg("-vV").output()?;
    let text = String::from_utf8(output.stdout)?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` does not name its host")
}
