//! The operator's view of a running gateway.
//!
//! The gateway answers on a socket in its state directory, over HTTP/1.1, for whoever may open that:
//! its own user and root. Commands such as `stockade queue` [`ask()`] there.

mod ask;
mod operated;
mod shadow;
mod socket;

pub use ask::{AskError, ask, is_running, order};
pub use operated::Operated;
pub use shadow::{PromoteShadow, Promotion, PutShadow};
pub use socket::{AdminSocket, SOCKET};

/// The path of the queue: `GET` tells who has a turn at Ollama, and who waits.
pub const QUEUE: &str = "/-/queue";

/// The path of the shadow generation: `GET` tells its report, `PUT` puts a candidate there, `DELETE`
/// takes it away.
pub const SHADOW: &str = "/-/shadow";

/// The path to promote it: `POST`.
pub const PROMOTE: &str = "/-/shadow/promote";
