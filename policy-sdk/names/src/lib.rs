//! The names of models and operations, which a gateway and its policies must read alike.
//!
//! One source for both. It depends on nothing, so neither brings the other's dependencies.

mod operation;
mod part;
mod pattern;

pub use part::{DEFAULT_HOST, DEFAULT_NAMESPACE, DEFAULT_TAG, HOST, MODEL, NAMESPACE, Part, TAG};
pub use pattern::{InvalidPattern, ModelPattern, complete_name};
