//! The engine from outside: honest guests, hostile guests, and what happens to the
//! next request after each.

mod capability;
mod guest;
mod hostile;
mod isolation;
mod request;
mod reuse;
mod settings;
