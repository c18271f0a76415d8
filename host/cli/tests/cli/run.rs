//! The command, run to its end.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs the command with some input.
pub(crate) fn stockade(arguments: &[&str], directory: &Path, input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_stockade"))
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may not want to read all of it.
    child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
    child.wait_with_output().unwrap()
}

/// Runs the command with some input, and returns its exit code and all that it wrote.
pub(crate) fn said(arguments: &[&str], directory: &Path, input: &str) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = stockade(arguments, directory, input);
    (status.code(), String::from_utf8([stdout, stderr].concat()).unwrap())
}
