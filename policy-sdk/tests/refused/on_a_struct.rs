use stockade_policy_sdk::prelude::*;

#[policy]
struct Quiet;

fn main() {}
