//! What it costs to identify a caller among 100,000 users, headers included.

fn main() {}
