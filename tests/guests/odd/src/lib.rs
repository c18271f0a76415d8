//! A policy that does what its settings say, however bad that is:
//! `{ "behaviour": "loop" }`, `{ "behaviour": { "deny": "because" } }`.

mod behaviour;
mod leak;

use behaviour::Behaviour;
use stockade_policy_sdk::prelude::*;

/// The behaviour.
#[settings]
struct Settings {
    behaviour: Behaviour,
}

struct Odd(Behaviour);

#[policy]
impl Policy for Odd {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Problem> {
        settings.behaviour.while_configuring()?;
        Ok(Self(settings.behaviour))
    }

    fn evaluate(&self, _: &Request) -> Verdict {
        self.0.while_evaluating()
    }
}
