//! The settings that an operator may write.

use stockade_policy_sdk::Counter;
use stockade_policy_sdk::prelude::*;

/// The most that a caller may use.
#[settings]
#[derive(Debug)]
pub struct Settings {
    /// In the last minute.
    pub minute: Option<Budget>,
    /// In one hour.
    pub hour: Option<Budget>,
    /// On one day.
    pub day: Option<Budget>,
    /// In one month.
    pub month: Option<Budget>,
    /// The usage that is counted: all of the caller's, or that of the request's model.
    #[serde(default)]
    pub per: Per,
    /// The operations that are refused when the budget is spent; by default all that run a
    /// model or search the web.
    pub operations: Option<Vec<Operation>>,
}

/// The usage that a budget counts.
#[settings]
#[serde(rename_all = "lowercase")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Per {
    /// All that the caller uses.
    #[default]
    Caller,
    /// The usage of the models of the request.
    Model,
}

/// The most that may be used in one window.
#[settings]
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Requests.
    pub requests: Option<u64>,
    /// Tokens, prompt and answer together.
    pub tokens: Option<u64>,
    /// Seconds of GPU time, as Ollama tells them.
    pub gpu_seconds: Option<u64>,
}

impl Budget {
    /// Tells why the next request is refused, if it is.
    pub(crate) fn spent(&self, window: &str, used: Counter) -> Option<String> {
        let pairs = [
            (self.requests, used.requests, "requests"),
            (self.tokens, used.tokens, "tokens"),
            (self.gpu_seconds, used.gpu_milliseconds / 1000, "seconds of GPU time"),
        ];
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
            let Some(Budget { requests, tokens, gpu_seconds }) = budget else { continue };
            let limits = [("requests", requests), ("tokens", tokens), ("gpu_seconds", gpu_seconds)];
            if limits.iter().all(|(_, most)| most.is_none()) {
                let message = "limits nothing; write `requests`, `tokens` or `gpu_seconds`";
                problems.push(Problem::at(window, message));
            }
            for (field, most) in limits {
                if most == Some(0) {
                    let message = "must be at least 1; to refuse all, leave out what allows it";
                    problems.push(Problem::at(format!("{window}.{field}"), message));
                }
            }
        }
        Problem::all(problems)
    }
}
