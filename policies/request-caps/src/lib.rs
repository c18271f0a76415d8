#![doc = include_str!("../README.md")]

mod settings;

use stockade_policy_sdk::prelude::*;

pub use settings::{Above, Settings};

/// The policy: how much one request may ask for.
#[derive(Debug)]
pub struct RequestCaps {
    settings: Settings,
    obligations: Obligations,
}

#[policy(feature = "component")]
impl Policy for RequestCaps {
    type Settings = Settings;

    const INPUTS: &'static [Input] = &[Input::Parameters];

    fn new(settings: Settings) -> Result<Self, Problem> {
        settings.check()?;
        let obligations = settings.obligations();
        Ok(Self { settings, obligations })
    }

    fn evaluate(&self, request: &Request) -> Verdict {
        let applies = |model: &Model| self.settings.apply_to(model);
        if !runs_a_model(request.operation()) || !request.models().iter().any(applies) {
            return Verdict::abstain();
        }
        let parameters = request.parameters();
        if let Some(reason) = self.settings.too_many(parameters) {
            return Verdict::deny(reason);
        }
        if self.settings.above == Above::Refuse
            && let Some(reason) = self.settings.above(request.operation(), parameters)
        {
            return Verdict::deny(reason);
        }
        if self.obligations == Obligations::default() {
            Verdict::abstain()
        } else {
            Verdict::restrict(self.obligations.clone())
        }
    }
}

fn runs_a_model(operation: &Operation) -> bool {
    operation.access() == Some(AccessClass::Inference)
}

#[cfg(test)]
mod tests;
