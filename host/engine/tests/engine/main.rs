//! The engine from outside: honest guests, hostile guests, and what happens to the
//! next request after each.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod capability;
mod contracts;
mod guest;
mod hostile;
mod isolation;
mod meter;
mod process;
mod request;
mod reuse;
mod settings;
mod withheld;
