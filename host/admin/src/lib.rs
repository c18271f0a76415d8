//! The operator's view of a running gateway.
//!
//! The gateway answers on a socket in its state directory, over HTTP/1.1, for whoever may open that:
//! its own user and root. Commands such as `stockade queue` [`ask()`] there.

mod ask;
mod socket;

pub use ask::{AskError, ask, is_running};
pub use socket::{AdminSocket, SOCKET};

/// The path of the queue: `GET` tells who has a turn at Ollama, and who waits.
pub const QUEUE: &str = "/-/queue";
