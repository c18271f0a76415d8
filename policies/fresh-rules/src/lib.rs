#![doc = include_str!("../README.md")]

use stockade_policy_sdk::prelude::*;
use stockade_rules_language::{RuleSet, Settings};

/// The policy: conditions in YAML, also on what differs from request to request.
#[derive(Debug)]
pub struct FreshRules(RuleSet);

#[policy(feature = "component")]
impl Policy for FreshRules {
    type Settings = Settings;

    /// Everything but `body`, which has no fact, and `blobs`, so that an allow says nothing about
    /// models that are made of files.
    const INPUTS: &'static [Input] = &[
        Input::Caller,
        Input::Credential,
        Input::Catalogue,
        Input::Parameters,
        Input::Tools,
        Input::Client,
        Input::Time,
        Input::Prompt,
        Input::Texts,
        Input::Usage,
    ];

    fn new(settings: Settings) -> Result<Self, Problem> {
        RuleSet::new(&settings, Self::INPUTS).map(Self)
    }

    fn evaluate(&self, request: &Request) -> Verdict {
        self.0.evaluate(request)
    }

    fn valid_until(&self, request: &Request) -> Option<u64> {
        self.0.valid_until(request)
    }
}

#[cfg(test)]
mod tests;
