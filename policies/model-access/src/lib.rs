#![doc = include_str!("../README.md")]

mod settings;

use stockade_policy_sdk::prelude::*;

pub use settings::{Class, Settings};

/// The policy: which models may be used and read.
#[derive(Debug)]
pub struct ModelAccess {
    settings: Settings,
}

#[policy]
impl Policy for ModelAccess {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Problem> {
        settings.check()?;
        Ok(Self { settings })
    }

    fn evaluate(&self, request: &Request) -> Verdict {
        if !self.settings.governs(request.operation(), request.access()) {
            return Verdict::abstain();
        }
        let denied = |model: &&Model| self.settings.deny.matches(&model.name);
        if let Some(model) = request.models().iter().find(denied) {
            return Verdict::deny(format!("the model {} is denied", model.short_name()));
        }
        if self.allows_models(request) && self.allows_parameters(request.parameters()) {
            Verdict::allow()
        } else {
            Verdict::abstain()
        }
    }
}

impl ModelAccess {
    fn allows_models(&self, request: &Request) -> bool {
        if request.models().is_empty() {
            !self.settings.allow.is_empty() && names_no_model(request.operation())
        } else {
            request.models().iter().all(|model| self.allows(model))
        }
    }

    fn allows(&self, model: &Model) -> bool {
        (self.settings.cloud || !model.cloud) && self.settings.allow.matches(&model.name)
    }

    fn allows_parameters(&self, parameters: &Parameters) -> bool {
        (self.settings.web_search || !parameters.web_search)
            && (self.settings.debug_render || !parameters.debug_render)
    }
}

/// Operations that are about all models. The host filters what they answer by asking about
/// each model.
fn names_no_model(operation: &Operation) -> bool {
    matches!(
        operation,
        Operation::List | Operation::Running | Operation::Recommend | Operation::Status
    )
}

#[cfg(test)]
mod tests;
