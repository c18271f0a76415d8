//! Generations: what requests are judged by, and how one takes the place of another.
//!
//! A [generation](generation::Generation) is built from one reading of the configuration,
//! proven, and swapped in by [reload] while the gateway runs. It brings the keys that
//! [issuers publish](jwks) and the [policies that are shipped](shipped). [Replay](replay) tells what
//! another one would have decided, and a [shadow generation](shadow_generation) does so beside the one in
//! force.

mod discovery;
pub mod endings;
pub mod generation;
pub mod jwks;
mod keep_fresh;
mod memo;
pub mod reload;
pub mod replay;
pub mod shadow;
pub mod shadow_generation;
pub mod shipped;

pub use keep_fresh::keep_fresh;
