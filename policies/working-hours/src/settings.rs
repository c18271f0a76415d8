//! The settings that an operator may write.

use stockade_policy_sdk::prelude::*;

/// The hours in which the host may be used.
#[settings]
#[derive(Debug)]
pub struct Settings {
    /// The hours in which it may be used; at any other time it is refused.
    pub hours: Vec<Hours>,
    /// The operations that are refused at other times; by default all of them.
    pub operations: Option<Vec<Operation>>,
}

impl Settings {
    pub(crate) fn governs(&self, operation: &Operation) -> bool {
        self.operations.as_ref().is_none_or(|operations| operations.contains(operation))
    }

    /// The minutes from `now` (since midnight) in which no span begins or ends.
    pub(crate) fn minutes_alike(&self, now: u16) -> u16 {
        let each = self.hours.iter().map(|hours| hours.minutes_until_change(now));
        // There is at least one span.
        each.min().unwrap_or(1)
    }

    /// Refuses settings that could never do what their author means.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        let mut problems = Vec::new();
        if self.hours.is_empty() {
            problems.push(Problem::at("hours", "is empty, so that there is no time to work"));
        }
        if self.operations.as_ref().is_some_and(Vec::is_empty) {
            problems.push(Problem::at("operations", "lists no operation; leave it out for all"));
        }
        Problem::all(problems)
    }
}
