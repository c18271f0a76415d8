//! Rules, ready to be asked.

use stockade_policy_sdk::Denial;
use stockade_policy_sdk::prelude::*;

use crate::condition::{Check, Condition};
use crate::evaluate::Truth;
use crate::fact::Field;
use crate::settings::{Rule, Settings, Then, Unknown};

/// The rules of one binding.
#[derive(Debug)]
pub struct RuleSet {
    rules: Vec<Ready>,
    unknown: Unknown,
    /// The minutes of the day at which a condition may change; `None` if none knows the time.
    changes: Option<Vec<u16>>,
}

#[derive(Debug)]
struct Ready {
    when: Option<Condition>,
    verdict: Verdict,
}

impl RuleSet {
    /// Reads the rules for a policy that is told these inputs.
    ///
    /// # Errors
    /// Everything that is wrong, with its place.
    pub fn new(settings: &Settings, told: &[Input]) -> Result<Self, Problem> {
        let mut problems = Vec::new();
        if settings.rules.is_empty() {
            problems.push(Problem::at("rules", "is empty, so that nothing is decided"));
        }
        let mut rules = Vec::with_capacity(settings.rules.len());
        for (index, rule) in settings.rules.iter().enumerate() {
            let place = format!("rules[{index}]");
            match Ready::new(rule, told) {
                Ok(rule) => rules.push(rule),
                Err(problem) => problems.push(problem.under(&place)),
            }
            if rule.when.is_none() && index + 1 < settings.rules.len() {
                let message = "has no `when`, so the rules behind it are never asked";
                problems.push(Problem::at(place, message));
            }
        }
        Problem::all(problems)?;
        let changes = changes(&rules);
        Ok(Self { rules, unknown: settings.unknown, changes })
    }

    /// Judges a request by the first rule that holds.
    pub fn evaluate(&self, request: &Request) -> Verdict {
        for (index, rule) in self.rules.iter().enumerate() {
            let truth = rule.when.as_ref().map_or(Truth::Yes, |when| when.holds(request));
            match truth {
                Truth::No => {}
                Truth::Yes => return rule.judge(request),
                Truth::Unknown(fact) => {
                    let reason = format!("{fact} is not known");
                    let note = format!("rule {} needs {fact}, which is not known", index + 1);
                    return match self.unknown {
                        Unknown::Abstain => Verdict::abstain_because(note),
                        Unknown::Deny => Denial::new(reason).note(note).into(),
                    };
                }
            }
        }
        Verdict::abstain()
    }

    /// Tells until when the verdict stays the same.
    pub fn valid_until(&self, request: &Request) -> Option<u64> {
        let Some(changes) = &self.changes else {
            return Some(u64::MAX);
        };
        let time = request.time();
        let now = time.minute_of_day;
        // At the full or half hour a clock may be put forward or back, a day or an hour begins.
        let ahead = changes.iter().filter_map(|minute| minute.checked_sub(now));
        let minutes = ahead.filter(|ahead| *ahead > 0).fold(30 - now % 30, u16::min);
        Some(time.unix_seconds - time.unix_seconds % 60 + u64::from(minutes) * 60)
    }
}

fn changes(rules: &[Ready]) -> Option<Vec<u16>> {
    let mut minutes = None;
    for condition in rules.iter().filter_map(|rule| rule.when.as_ref()) {
        condition.visit(&mut |test| {
            if test.fact.field.input() != Some(Input::Time) {
                return;
            }
            let minutes = minutes.get_or_insert_with(Vec::new);
            let numbers = match &test.check {
                Check::Compared(_, number) => std::slice::from_ref(number),
                Check::Numbers(numbers) => numbers,
                _ => &[],
            };
            if test.fact.field == Field::TimeOfDay {
                let at = numbers.iter().filter_map(|minute| u16::try_from(*minute).ok());
                minutes.extend(at.flat_map(|minute| [minute, minute + 1]));
            }
        });
    }
    minutes
}

impl Ready {
    fn new(rule: &Rule, told: &[Input]) -> Result<Self, Problem> {
        let mut problems = rule.problems();
        let when = match rule.when.as_deref().map(Condition::parse) {
            None => None,
            Some(Ok(condition)) => {
                problems.extend(untold(&condition, told));
                Some(condition)
            }
            Some(Err(error)) => {
                problems.push(Problem::at("when", error.to_string()));
                return Err(all(problems));
            }
        };
        let ready = Self { when, verdict: rule.verdict() };
        if rule.then == Then::Allow && !ready.when.as_ref().is_some_and(Condition::names_operations)
        {
            let message = "an allow has to say for what: begin with `access = inference and`, or \
                           name each `operation`, on both sides of an `or`";
            problems.push(Problem::at("when", message));
        }
        Problem::all(problems).map(|()| ready)
    }

    fn mentions(&self, field: Field) -> bool {
        self.when.as_ref().is_some_and(|when| when.mentions(field))
    }

    fn judge(&self, request: &Request) -> Verdict {
        match (&self.verdict, self.uncovered(request)) {
            (Verdict::Allow(_), Some(note)) => Verdict::abstain_because(note),
            (verdict, _) => verdict.clone(),
        }
    }

    /// Tells what an allow does not cover: what costs or endangers the owner, unless the condition
    /// speaks of it.
    fn uncovered(&self, request: &Request) -> Option<&'static str> {
        let sent = request.parameters();
        let is_new = matches!(request.operation(), Operation::Other(_))
            || request.models().iter().any(|model| matches!(model.role, ModelRole::Other(_)));
        let cloud = request.models().iter().any(|model| model.cloud);
        let wanted = [
            (cloud, Field::ModelCloud, "cloud models are not allowed to you"),
            (sent.web_search, Field::WebSearch, "tools that search the web are not allowed to you"),
            (sent.debug_render, Field::DebugRender, "rendered prompts are not allowed to you"),
            (sent.insecure, Field::Insecure, "plain HTTP (`insecure`) is not allowed to you"),
            (
                sent.remote_host.is_some(),
                Field::RemoteHost,
                "models that run on another host are not allowed to you",
            ),
        ];
        let uncovered =
            wanted.into_iter().find(|(wants, field, _)| *wants && !self.mentions(*field));
        match uncovered {
            _ if is_new => Some("this operation is newer than the rules"),
            uncovered => uncovered.map(|(_, _, note)| note),
        }
    }
}

/// Facts that the policy is not told.
fn untold(condition: &Condition, told: &[Input]) -> Vec<Problem> {
    let mut problems = Vec::new();
    condition.visit(&mut |test| {
        if test.fact.field.input().is_some_and(|input| !told.contains(&input)) {
            let message = format!(
                "`{}` is told to `builtin/fresh-rules` only, because a verdict that depends on it \
                 cannot be remembered; bind this rule with that policy",
                test.fact
            );
            problems.push(Problem::at("when", message));
        }
    });
    problems
}

/// There is at least one.
fn all(problems: Vec<Problem>) -> Problem {
    Problem::all(problems).err().unwrap_or_else(|| Problem::new("this rule cannot be read"))
}
