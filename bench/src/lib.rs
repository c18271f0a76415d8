//! The measurements of what Stockade costs.
//!
//! The parts are measured with criterion where their crates are; here is what takes more
//! than one crate: a decision, the growth of a configuration, and whole requests.

pub mod audits;
pub mod configurations;
pub mod decisions;
pub mod engines;
pub mod grid;
pub mod growth;
pub mod lists;
pub mod load;
pub mod machine;
pub mod memory;
pub mod parts;
pub mod peers;
pub mod plot;
pub mod process;
pub mod promises;
pub mod quotas;
pub mod replays;
pub mod report;
pub mod scenario;
pub mod shipped;
pub mod soak;
pub mod syscalls;
pub mod whole;
