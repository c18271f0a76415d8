#![doc = include_str!("../README.md")]

mod settings;

use stockade_policy_sdk::Denial;
use stockade_policy_sdk::prelude::*;

pub use settings::{Budget, Per, Settings};

/// The policy: how much a caller may use in a window of time.
#[derive(Debug)]
pub struct UsageBudget {
    settings: Settings,
}

#[policy(feature = "component")]
impl Policy for UsageBudget {
    type Settings = Settings;

    const INPUTS: &'static [Input] = &[Input::Usage];

    fn new(settings: Settings) -> Result<Self, Problem> {
        settings.check()?;
        Ok(Self { settings })
    }

    fn evaluate(&self, request: &Request) -> Verdict {
        if !self.settings.governs(request.operation(), request.access()) {
            return Verdict::abstain();
        }
        let usage = match self.settings.per {
            Per::Caller => request.usage().total,
            Per::Model => request.usage().with_model,
        };
        let used = [usage.minute, usage.hour, usage.day, usage.month];
        let mut spent = self.settings.windows().into_iter().zip(used);
        let reason = spent.find_map(|((name, budget), used)| budget?.spent(name, used));
        reason.map_or_else(Verdict::abstain, |reason| Denial::new(reason).later().into())
    }
}

#[cfg(test)]
mod tests;
