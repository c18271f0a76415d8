#![doc = include_str!("../README.md")]

mod settings;

use stockade_policy_sdk::prelude::*;

pub use settings::Settings;

/// The policy: when the host may be used.
#[derive(Debug)]
pub struct WorkingHours {
    settings: Settings,
    reason: String,
}

#[policy(feature = "component")]
impl Policy for WorkingHours {
    type Settings = Settings;

    const INPUTS: &'static [Input] = &[Input::Time];

    fn new(settings: Settings) -> Result<Self, Problem> {
        settings.check()?;
        let hours: Vec<String> = settings.hours.iter().map(Hours::to_string).collect();
        let reason = format!("not at this time of day; possible is {}", hours.join(" and "));
        Ok(Self { settings, reason })
    }

    fn evaluate(&self, request: &Request) -> Verdict {
        let time = request.time();
        let open = |hours: &Hours| hours.contains(time.weekday, time.minute_of_day);
        if !self.settings.governs(request.operation()) || self.settings.hours.iter().any(open) {
            Verdict::abstain()
        } else {
            Verdict::deny(&*self.reason)
        }
    }

    fn valid_until(&self, request: &Request) -> Option<u64> {
        let time = request.time();
        let minutes = self.settings.minutes_alike(time.minute_of_day);
        Some(time.unix_seconds - time.unix_seconds % 60 + u64::from(minutes) * 60)
    }
}

#[cfg(test)]
mod tests;
