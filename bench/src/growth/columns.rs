//! The names of the figures, with their units: the promises and the plots look for them.

/// A whole request, everything on one processor, the median.
pub const REQUEST: &str = "request p50 µs";
/// A decision, the median.
pub const DECISION: &str = "decision p50 µs";
/// A decision, the 99th percentile.
pub const DECISION_HIGH: &str = "p99 µs";
/// From nothing to the first generation.
pub const COLD: &str = "cold load ms";
/// A changed line, from being told of it to the new generation.
pub const EDIT: &str = "edit ms";
/// A changed line of a watched file, from its writing to the new generation.
pub const LIVE: &str = "edit to live ms";
/// Resident memory of the gateway.
pub const MEMORY: &str = "MiB";

/// A request through Stockade, the median.
pub const BODY_OURS: &str = "Stockade p50 ms";
/// A request through the floor, the median.
pub const BODY_FLOOR: &str = "hyper p50 ms";
/// A request to the upstream itself, the median.
pub const BODY_NONE: &str = "no gateway p50 ms";
/// The most memory that Stockade had.
pub const BODY_MEMORY: &str = "Stockade's most MiB";

/// The lateness of a chunk through Stockade, the median.
pub const CHUNK_MEDIAN: &str = "late p50 ms";
/// The lateness of a chunk through Stockade, the 99th percentile.
pub const CHUNK_HIGH: &str = "p99 ms";
/// The part of a processor that Stockade takes for them.
pub const CHUNK_PROCESSOR: &str = "CPU %";
/// Memory of Stockade for a stream.
pub const STREAM_MEMORY: &str = "KiB/stream";
/// The lateness of a chunk through the floor, the 99th percentile.
pub const CHUNK_FLOOR: &str = "hyper: p99 ms";
/// Memory of the floor for a stream.
pub const STREAM_FLOOR: &str = "hyper: KiB";
