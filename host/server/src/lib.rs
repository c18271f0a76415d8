//! Stockade: an authorizing gateway in front of Ollama.
//!
//! A request is identified, classified, decided, forwarded and recorded (`proxy`), each by
//! the one [generation] that was in force when it came. [reload] makes
//! generations from the [configuration](config); [cli] is what a person types.

mod bounded;
pub mod builtin;
pub mod cli;
pub mod config;
mod endings;
pub mod generation;
mod jwks;
mod log;
mod proxy;
pub mod reload;
mod resources;
mod server;
pub mod shadow;

pub use server::{Server, StartError, proven_engine};
