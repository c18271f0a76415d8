use stockade_policy_sdk::prelude::*;

struct Quiet;

#[policy]
impl Quiet {}

fn main() {}
