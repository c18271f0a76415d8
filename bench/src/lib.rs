//! What Stockade costs.
//!
//! The parts are measured with criterion where their crates are; here is what takes more
//! than one crate: a decision, the growth of a configuration, and whole requests.

pub mod decisions;
pub mod growth;
pub mod machine;
pub mod scenario;
pub mod syscalls;
pub mod table;
