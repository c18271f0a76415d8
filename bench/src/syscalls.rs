//! System calls per decision, counted by strace from outside.

use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

/// A difference in decisions that start-up and its noise cannot hide.
const MORE: usize = 20_000;
const FEW: usize = 1_000;

/// System calls that the deciding thread makes per decision.
///
/// # Errors
/// Where strace is missing, or may not trace.
pub fn per_decision() -> anyhow::Result<f64> {
    let few = counted(FEW)?;
    let many = counted(FEW + MORE)?;
    let more = u32::try_from(MORE)?;
    // A few calls more or less at the start say nothing about a decision.
    let calls = f64::from(many.saturating_sub(few)) / f64::from(more);
    Ok((calls * 100.0).round() / 100.0)
}

/// All system calls of a process that makes so many decisions on its main thread. Other
/// threads are not followed: the ticker sleeps on its own.
fn counted(decisions: usize) -> anyhow::Result<u32> {
    let program = std::env::current_exe()?;
    let output = Command::new("strace")
        .args(["-c", "-S", "calls", "-o", "/dev/stdout"])
        .arg(program)
        .args(["decide", "--decisions", &decisions.to_string()])
        .stdin(Stdio::null())
        .output()
        .context("strace is not there: install it to count system calls")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "strace: {}", String::from_utf8_lossy(&output.stderr).trim());
    total(&text).context("strace printed no total")
}

/// The calls in the line `100.00  0.001234  1  567  12 total`.
fn total(report: &str) -> Option<u32> {
    let line = report.lines().find(|line| line.trim_end().ends_with("total"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_total_of_strace_is_read() {
        let report = "% time     seconds  usecs/call     calls    errors syscall\n\
                      ------ ----------- ----------- --------- --------- ----------------\n\
                      100.00    0.000123           1       321         2 total\n";
        assert_eq!(super::total(report), Some(321));
        assert_eq!(super::total("nothing"), None);
    }
}
