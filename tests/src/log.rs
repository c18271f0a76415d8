//! What the gateway logs, for tests.

use std::io;

use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tracing::subscriber::{DefaultGuard, set_default};
use tracing_subscriber::fmt::MakeWriter;

use crate::soon;

/// The line as the gateway itself writes it: the members of a record are its own.
fn parsed(line: &str) -> Value {
    let mut value: Value = serde_json::from_str(line).unwrap();
    if let Some(Value::String(record)) = value.get("record") {
        let record: Value = serde_json::from_str(record).unwrap();
        value.as_object_mut().unwrap().extend(record.as_object().unwrap().clone());
    }
    value
}

/// Hands each line to the test.
struct Lines(UnboundedSender<String>);

struct Line<'a> {
    text: Vec<u8>,
    sender: &'a UnboundedSender<String>,
}

impl io::Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        self.sender.send(String::from_utf8_lossy(&self.text).into_owned()).ok();
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { text: Vec::new(), sender: &self.0 }
    }
}

/// Everything that is logged on the thread of one test, on which its gateway runs too. What the
/// gateway's own threads say, about reloads for one, is not in it.
pub struct Log {
    lines: UnboundedReceiver<String>,
    _subscriber: DefaultGuard,
}

impl Log {
    /// Begins to log.
    pub fn start() -> Self {
        let (sender, lines) = unbounded_channel();
        let subscriber = tracing_subscriber::fmt().json().flatten_event(true);
        let _subscriber = set_default(subscriber.with_writer(Lines(sender)).finish());
        Self { lines, _subscriber }
    }

    /// The next line whose message begins like this.
    ///
    /// # Panics
    /// Where there is none within a while.
    pub async fn next_message(&mut self, begins: &str) -> Value {
        loop {
            let line = soon(begins, self.lines.recv()).await.unwrap();
            let value = parsed(&line);
            if value["message"].as_str().is_some_and(|message| message.starts_with(begins)) {
                return value;
            }
        }
    }

    /// The line of the next request.
    ///
    /// # Panics
    /// Where there is none within a while.
    pub async fn next_request(&mut self) -> Value {
        self.next(|line| line["target"] == "stockade::request").await
    }

    /// The next line of a kind.
    ///
    /// # Panics
    /// Where there is none within a while.
    pub async fn next(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = soon("a line of the log", self.lines.recv()).await.unwrap();
            let value = parsed(&line);
            if wanted(&value) {
                return value;
            }
        }
    }
}
