//! The parts that the tests share: a gateway and a simulated Ollama on real sockets.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]
#![expect(clippy::missing_panics_doc, reason = "everything here panics where a test fails")]

mod authority;
mod client;
mod clock;
pub mod guest;
mod installed;
mod key_server;
mod log;
mod wait;
mod world;

pub use authority::{Authority, private};
pub use client::{Connection, Reply, get, post, raw};
pub use clock::SetClock;
pub use installed::{installed, node, python};
pub use key_server::{KeyServer, Published, Signer};
pub use log::Log;
pub use stockade_test_valkey::Valkey;
pub use wait::{soon, until};
pub use world::{BINDINGS, MODELS, Setup, TOKEN_SECRET, USERS, World};

/// The guest whose settings say how it misbehaves.
pub const ODD: &str = env!("GUEST_ODD");

/// A guest that wants to call what no policy is given.
pub const FORBIDDEN_IMPORT: &str = env!("GUEST_FORBIDDEN_IMPORT");
