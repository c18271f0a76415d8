use stockade_policy_sdk::prelude::*;

struct Quiet;

#[policy]
impl Policy for Quiet {
    fn new(_: Self::Settings) -> Result<Self, Problem> {
        Ok(Self)
    }

    fn evaluate(&self, _: &Request) -> Verdict {
        Verdict::abstain()
    }
}

fn main() {}
