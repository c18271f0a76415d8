//! The settings that an operator may write.

use stockade_policy_sdk::Counter;
use stockade_policy_sdk::prelude::*;

/// The most that a caller may use.
#[settings]
#[derive(Debug)]
pub struct Settings {
    /// In one minute.
    pub minute: Option<Budget>,
    /// In one hour.
    pub hour: Option<Budget>,
    /// On one day.
    pub day: Option<Budget>,
    /// In one month.
    pub month: Option<Budget>,
    /// The operations that are refused when the budget is spent; by default all that run a
    /// model or search the web.
    pub operations: Option<Vec<Operation>>,
}

/// The most that may be used in one window.
#[settings]
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Requests.
    pub requests: Option<u64>,
    /// Tokens, prompt and answer together.
    pub tokens: Option<u64>,
}

impl Budget {
    /// Tells why the next request is refused, if it is.
    pub(crate) fn spent(&self, window: &str, used: Counter) -> Option<String> {
        let pairs =
            [(self.requests, used.requests, "requests"), (self.tokens, used.tokens, "tokens")];
        let (most, what) = pairs.into_iter().find_map(|(most, used, what)| {
            most.filter(|most| used >= *most).map(|most| (most, what))
        })?;
        Some(format!("your budget of {most} {what} for this {window} is spent"))
    }
}

impl Settings {
    /// The windows with their names, the shortest first.
    pub(crate) fn windows(&self) -> [(&'static str, Option<Budget>); 4] {
        [("minute", self.minute), ("hour", self.hour), ("day", self.day), ("month", self.month)]
    }

    pub(crate) fn governs(&self, operation: &Operation, access: AccessClass) -> bool {
        match &self.operations {
            Some(operations) => operations.contains(operation),
            None => matches!(access, AccessClass::Inference | AccessClass::Web),
        }
    }

    /// Refuses settings that could never do what their author means.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        if self.windows().iter().all(|(_, budget)| budget.is_none()) {
            let message = "limits nothing; write `minute`, `hour`, `day` or `month`";
            return Err(Problem::new(message));
        }
        let mut problems = Vec::new();
        if self.operations.as_ref().is_some_and(Vec::is_empty) {
            problems.push(Problem::at("operations", "lists no operation; leave it out"));
        }
        for (window, budget) in self.windows() {
            let Some(Budget { requests, tokens }) = budget else { continue };
            if requests.is_none() && tokens.is_none() {
                problems.push(Problem::at(window, "limits nothing; write `requests` or `tokens`"));
            }
            for (field, most) in [("requests", requests), ("tokens", tokens)] {
                if most == Some(0) {
                    let message = "must be at least 1; to refuse all, leave out what allows it";
                    problems.push(Problem::at(format!("{window}.{field}"), message));
                }
            }
        }
        Problem::all(problems)
    }
}
