//! `stockade policy test`.

use std::fmt::Write as _;

use serde_json::{Value, json};
use stockade_core::{Outcome, Verdict};
use stockade_engine::{Engine, EngineConfig, LoadError};

use super::subject::{Asked, Subject, ask, does_not_load};
use crate::explain::obligations;
use crate::{Ending, Output};
use stockade_config::policy_tests::{Case, Cases, Expected, ExpectedAnswer};
use stockade_config::{Log, LogFormat, LogLevel};
use stockade_core::environment;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    subject: Subject,
    /// Show what the policy logs, from this level on.
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = Level::Warn)]
    log: Level,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// An answer as a case sees it.
struct Found {
    /// `failure` besides the words of [`ExpectedAnswer`].
    answer: &'static str,
    reason: Option<String>,
    obligations: Vec<String>,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Ending> {
    let subject = &arguments.subject;
    let cases = subject.needed_cases()?;
    let module = subject.module()?;
    let log = Log { level: arguments.log.into(), format: LogFormat::Text, ..Log::default() };
    stockade_log::init(log, environment::color())?;
    let engine = Engine::new(EngineConfig::default())?;
    let mut asked = Asked::new(&engine, &module);
    let mut results = Vec::new();
    for case in &cases.list {
        let found = match asked.with(&case.settings) {
            Ok(policy) => found(&ask(policy, case)),
            Err(LoadError::Settings(problems)) => wrong_settings(problems),
            Err(error) => return Err(does_not_load(error)),
        };
        results.push((case, differences(&case.expected, &found)));
    }
    report(&cases, &results, output)
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Error => Self::Error,
            Level::Warn => Self::Warn,
            Level::Info => Self::Info,
            Level::Debug => Self::Debug,
            Level::Trace => Self::Trace,
        }
    }
}

fn found(outcome: &Outcome) -> Found {
    let (answer, reason) = match outcome {
        Outcome::Verdict(Verdict::Allow(_)) => ("allow", None),
        Outcome::Verdict(Verdict::Restrict(_)) => ("restrict", None),
        Outcome::Verdict(Verdict::Deny(deny)) => ("deny", Some(deny.reason.clone())),
        Outcome::Verdict(Verdict::Abstain(note)) => ("abstain", note.clone()),
        Outcome::Failure(failure) => ("failure", Some(failure.clone())),
    };
    let obligations = match outcome {
        Outcome::Verdict(Verdict::Allow(given) | Verdict::Restrict(given)) => {
            obligations::lines(given)
        }
        _ => Vec::new(),
    };
    Found { answer, reason, obligations }
}

fn wrong_settings(problems: &[stockade_engine::SettingsProblem]) -> Found {
    let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
    let answer = ExpectedAnswer::WrongSettings.as_str();
    Found { answer, reason: Some(problems.join("; ")), obligations: Vec::new() }
}

/// Lines with `-` before what was expected and `+` before what was found; none if all is
/// as expected.
fn differences(expected: &Expected, found: &Found) -> Vec<String> {
    let mut lines = Vec::new();
    let wanted = expected.answer.as_str();
    if wanted != found.answer {
        lines.push(format!("- {wanted}"));
        let reason = found.reason.as_ref().map(|reason| format!(": {reason}"));
        lines.push(format!("+ {}{}", found.answer, reason.unwrap_or_default()));
        return lines;
    }
    let reason = found.reason.as_deref().unwrap_or_default();
    if let Some(part) = expected.reason.as_ref().filter(|part| !reason.contains(part.as_str())) {
        lines.push(format!("- {wanted}: …{part}…"));
        lines.push(format!("+ {wanted}: {reason}"));
    }
    if let Some(wanted) = &expected.obligations {
        let missing = wanted.iter().filter(|line| !found.obligations.contains(line));
        lines.extend(missing.map(|line| format!("- {line}")));
        let surplus = found.obligations.iter().filter(|line| !wanted.contains(line));
        lines.extend(surplus.map(|line| format!("+ {line}")));
    }
    lines
}

fn report(
    cases: &Cases,
    results: &[(&Case, Vec<String>)],
    output: &Output,
) -> anyhow::Result<Ending> {
    let mut text = String::new();
    for (case, differences) in results {
        let word = if differences.is_empty() { "ok  " } else { "FAIL" };
        writeln!(text, "{word} {}", case.name)?;
        if !differences.is_empty() {
            let error = cases.error(case.at, "expected (-) and found (+)");
            writeln!(text, "     {error}")?;
        }
        for line in differences {
            writeln!(text, "     {line}")?;
        }
    }
    let failed = results.iter().filter(|(_, differences)| !differences.is_empty()).count();
    let passed = results.len() - failed;
    write!(text, "{passed} passed, {failed} failed")?;
    let value = |(case, differences): &(&Case, Vec<String>)| -> Value {
        json!({
            "name": case.name, "line": case.at.line(),
            "ok": differences.is_empty(), "differences": differences,
        })
    };
    let list: Vec<_> = results.iter().map(value).collect();
    output.answer(text, &json!({ "ok": failed == 0, "tests": list }))?;
    Ok(if failed == 0 { Ending::Done } else { Ending::Negative })
}
