use stockade_policy_sdk::prelude::*;

struct Quiet;

#[policy(name = "quiet")]
impl Policy for Quiet {
    type Settings = ();

    fn new(_: Self::Settings) -> Result<Self, Problem> {
        Ok(Self)
    }

    fn evaluate(&self, _: &Request) -> Verdict {
        Verdict::abstain()
    }
}

fn main() {}
