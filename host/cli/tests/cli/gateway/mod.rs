//! The program as it is run, logging JSON to standard error.

use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, Command};

pub(crate) const HELLO: &str = r#"{"model":"llama3.2:3b","prompt":"Hello","stream":false}"#;

/// The running program, and what it has said so far.
pub(crate) struct Gateway {
    pub(crate) child: Child,
    pub(crate) errors: BufReader<ChildStderr>,
    pub(crate) said: String,
    /// The URL of the address it listens on; of several addresses, the first.
    pub(crate) url: String,
}

impl Gateway {
    pub(crate) async fn start(directory: &Path) -> Self {
        Self::start_after(directory, ":").await
    }

    /// Starts it in the process of a shell, after what the shell does.
    pub(crate) async fn start_after(directory: &Path, first: &str) -> Self {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("{first} && exec \"$0\" serve"));
        command.arg(env!("CARGO_BIN_EXE_stockade")).current_dir(directory).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        loop {
            let mut line = String::new();
            assert_ne!(errors.read_line(&mut line).await.unwrap(), 0, "it ended: {said}");
            said.push_str(&line);
            let value: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(address) = value["address"].as_str() {
                return Self { child, errors, said, url: format!("http://{address}") };
            }
        }
    }

    /// The status and the body of the answer.
    pub(crate) async fn curl(&self, path: &str, arguments: &[&str]) -> (String, String) {
        let mut command = Command::new("curl");
        command.args(["-sS", "-w", "\n%{http_code}"]).args(arguments);
        if !arguments.contains(&"-d") {
            command.args(["-d", HELLO]);
        }
        let output = command.arg(format!("{}{path}", self.url)).output().await.unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.to_owned(), body.to_owned())
    }

    /// Ends it as an operator does. Returns everything that it said, to its end.
    pub(crate) async fn end(mut self) -> String {
        let process = self.child.id().unwrap().to_string();
        let ended = Command::new("kill").args(["-TERM", &process]).status().await.unwrap();
        assert!(ended.success());
        self.errors.read_to_string(&mut self.said).await.unwrap();
        let mut output = self.child.stdout.take().unwrap();
        output.read_to_string(&mut self.said).await.unwrap();
        self.child.wait().await.unwrap();
        self.said
    }
}
