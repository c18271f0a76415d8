use stockade_policy_sdk::prelude::*;

#[settings]
struct Limit(u8);

fn main() {}
