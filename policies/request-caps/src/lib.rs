#![doc = include_str!("../README.md")]

mod settings;

use stockade_policy_sdk::prelude::*;

pub use settings::Settings;

/// The policy: how much one request may ask for.
#[derive(Debug)]
pub struct RequestCaps {
    settings: Settings,
}

#[policy]
impl Policy for RequestCaps {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Problem> {
        settings.check()?;
        Ok(Self { settings })
    }

    fn evaluate(&self, request: &Request) -> Verdict {
        if !runs_a_model(request.operation()) {
            return Verdict::abstain();
        }
        let parameters = request.parameters();
        if let Some(reason) = self.settings.too_many(parameters) {
            return Verdict::deny(reason);
        }
        if self.settings.allow.is_empty() {
            let reason = self.settings.above(request.operation(), parameters);
            return reason.map_or_else(Verdict::abstain, Verdict::deny);
        }
        if self.allows(request) { self.settings.obligations().into() } else { Verdict::abstain() }
    }
}

impl RequestCaps {
    fn allows(&self, request: &Request) -> bool {
        let allowed = |model: &Model| !model.cloud && self.settings.allow.matches(&model.name);
        let parameters = request.parameters();
        !request.models().is_empty()
            && request.models().iter().all(allowed)
            && !parameters.web_search
            && !parameters.debug_render
    }
}

fn runs_a_model(operation: &Operation) -> bool {
    operation.access() == Some(AccessClass::Inference)
}

#[cfg(test)]
mod tests;
