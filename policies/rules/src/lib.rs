#![doc = include_str!("../README.md")]

use stockade_policy_sdk::prelude::*;
use stockade_rules_language::{RuleSet, Settings};

/// The policy: conditions in YAML.
#[derive(Debug)]
pub struct Rules(RuleSet);

#[policy(feature = "component")]
impl Policy for Rules {
    type Settings = Settings;

    /// Whatever leaves a verdict to be remembered; not `blobs`, so that an allow says nothing about
    /// models that are made of files.
    const INPUTS: &'static [Input] = &[
        Input::Caller,
        Input::Credential,
        Input::Catalogue,
        Input::Parameters,
        Input::Tools,
        Input::Client,
        Input::Time,
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
