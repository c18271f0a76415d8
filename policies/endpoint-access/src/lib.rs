#![doc = include_str!("../README.md")]

mod settings;

use stockade_policy_sdk::prelude::*;

pub use settings::{Api, Settings};

/// The policy: which operations and APIs may be used.
#[derive(Debug)]
pub struct EndpointAccess {
    settings: Settings,
}

#[policy(feature = "component")]
impl Policy for EndpointAccess {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Problem> {
        settings.check()?;
        Ok(Self { settings })
    }

    fn evaluate(&self, request: &Request) -> Verdict {
        let operation = request.operation();
        if !self.settings.speaks(request.dialect()) {
            return Verdict::deny(format!("this API is not for you; use {}", self.settings.apis()));
        }
        if !self.settings.permits(operation) {
            return Verdict::deny(format!("the operation {operation} is not for you"));
        }
        if self.settings.allow.contains(operation) { Verdict::allow() } else { Verdict::abstain() }
    }
}

#[cfg(test)]
mod tests;
