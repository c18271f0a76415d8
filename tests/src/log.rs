//! The log of the gateway, for tests.

use std::cell::RefCell;
use std::io;
use std::sync::Once;

use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
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

/// Hands each line to the test on whose thread it is written.
struct Lines;

#[derive(Default)]
struct Line(Vec<u8>);

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.0).into_owned();
        // A thread that ends may have lost it already.
        let send = |sender: &RefCell<Option<UnboundedSender<String>>>| {
            sender.borrow().as_ref().map(|sender| sender.send(text))
        };
        SENDER.try_with(send).ok();
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Line;

    fn make_writer(&self) -> Line {
        Line::default()
    }
}

thread_local! {
    /// The log of the test that runs on this thread.
    static SENDER: RefCell<Option<UnboundedSender<String>>> = const { RefCell::new(None) };
}

/// Everything that is logged on the thread of one test, on which its gateway runs too. What the
/// gateway's own threads say, about reloads for one, is not in it.
pub struct Log(UnboundedReceiver<String>);

impl Log {
    /// Begins to log.
    pub fn start() -> Self {
        static SUBSCRIBER: Once = Once::new();
        SUBSCRIBER.call_once(|| {
            tracing_subscriber::fmt().json().flatten_event(true).with_writer(Lines).init();
        });
        let (sender, receiver) = unbounded_channel();
        SENDER.set(Some(sender));
        Self(receiver)
    }

    /// The next line whose message begins like this.
    ///
    /// # Panics
    /// Where there is none within a while.
    pub async fn next_message(&mut self, begins: &str) -> Value {
        loop {
            let line = soon(begins, self.0.recv()).await.unwrap();
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
            let line = soon("a line of the log", self.0.recv()).await.unwrap();
            let value = parsed(&line);
            if wanted(&value) {
                return value;
            }
        }
    }
}
