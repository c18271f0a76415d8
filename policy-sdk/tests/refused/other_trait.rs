use stockade_policy_sdk::prelude::*;

struct Quiet;

#[policy]
impl Default for Quiet {
    fn default() -> Self {
        Self
    }
}

fn main() {}
