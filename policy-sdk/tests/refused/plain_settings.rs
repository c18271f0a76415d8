//! The settings are a struct, and nothing says that an operator may write it.

use stockade_policy_sdk::prelude::*;

struct Settings {
    allow: ModelPatterns,
}

struct Quiet(Settings);

#[policy]
impl Policy for Quiet {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Problem> {
        Ok(Self(settings))
    }

    fn evaluate(&self, _: &Request) -> Verdict {
        let _ = &self.0.allow;
        Verdict::abstain()
    }
}

fn main() {}
