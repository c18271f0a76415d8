//! The cases of `stockade policy test`: requests, and what one policy must answer.
//!
//! Read and reported like the configuration: every error at once, each with its place.

mod request;

use std::mem::take;
use std::path::Path;

use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;
use stockade_core::{Dialect, ProofKind, Transport};
use stockade_yaml::{
    Entries, Finished, Located, Location, Part, Problem, Report, Setting, Slot, Sources, decode,
    tree,
};

use super::{ConfigError, ConfigErrors, schema, validate};
pub use request::Facts;

/// The cases of one policy.
pub struct Cases {
    /// The cases, in the order of the file.
    pub list: Vec<Case>,
    sources: Sources,
}

impl Cases {
    /// An error found later, at a place in the file.
    pub fn error(&self, at: Location, message: &str) -> ConfigError {
        self.sources.error(at, message)
    }
}

/// One request and its answer.
pub struct Case {
    /// Its name.
    pub name: String,
    /// Its place in the file.
    pub at: Location,
    /// The settings that the policy is given, as canonical JSON.
    pub settings: String,
    /// The request.
    pub facts: Facts,
    /// The answer.
    pub expected: Expected,
}

/// The answer that a case must get.
pub struct Expected {
    /// Its kind.
    pub answer: ExpectedAnswer,
    /// A part of the reason, or of what is wrong with the settings.
    pub reason: Option<String>,
    /// The obligations, as `stockade explain` writes them; unchecked if not given.
    pub obligations: Option<Vec<String>>,
}

/// The kind of answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExpectedAnswer {
    /// It allows.
    Allow,
    /// It denies.
    Deny,
    /// It has no opinion.
    Abstain,
    /// The policy does not accept the settings.
    WrongSettings,
}

impl ExpectedAnswer {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Abstain => "abstain",
            Self::WrongSettings => "wrong-settings",
        }
    }
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Stockade policy tests", extend("required" = ["tests"]))]
pub(super) struct RawCases {
    /// The policy's settings, for every test that has none of its own.
    settings: Slot<Setting>,
    /// The IANA name of the zone in which the policy sees weekday and hour; UTC, if left out.
    time_zone: Slot<String>,
    /// Requests, and what the policy must answer to each.
    tests: Slot<Vec<Slot<RawCase>>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Test", extend("required" = ["name", "operation", "expect"]))]
struct RawCase {
    /// Its name, which tells what it shows.
    name: Slot<String>,
    /// The policy's settings in this test.
    settings: Slot<Setting>,
    /// The caller; alice, if left out.
    user: Slot<String>,
    /// The groups of the caller.
    groups: Slot<Vec<Slot<String>>>,
    /// The caller's attributes.
    attributes: Slot<Entries<String>>,
    /// The operation.
    #[schemars(schema_with = "schema::operation")]
    operation: Slot<String>,
    /// The API; Ollama's own, if left out.
    #[schemars(schema_with = "schema::api")]
    api: Slot<Dialect>,
    /// The model.
    model: Slot<String>,
    /// The models, where there are several, or in another role than the usual one.
    models: Slot<Vec<Slot<request::RawModel>>>,
    /// The parameters in the body.
    parameters: Slot<request::RawParameters>,
    /// The kind of proof that the caller gave; an API key, if left out.
    #[schemars(schema_with = "schema::proof")]
    proof: Slot<ProofKind>,
    /// The caller's address; 127.0.0.1, if left out.
    address: Slot<String>,
    /// The transport; plain HTTP, if left out.
    #[schemars(schema_with = "schema::transport")]
    transport: Slot<Transport>,
    /// The time, in `time_zone` or with an offset; 2026-01-05T12:00:00Z, a Monday, if left out.
    #[schemars(schema_with = "schema::moment")]
    time: Slot<String>,
    /// The caller's usage so far.
    usage: Slot<request::RawUsage>,
    /// The canonical JSON body, for a policy that looks at it.
    body: Slot<String>,
    /// The answer that the policy must give.
    expect: Slot<ExpectedAnswer>,
    /// A part of the reason of a deny, or of what is wrong with the settings.
    reason: Slot<String>,
    /// All that an allow demands, as `stockade explain` writes it.
    obligations: Slot<Vec<Slot<String>>>,
}

/// Reads the cases of a file.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(path: &Path) -> Result<Cases, ConfigErrors> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError::new(path, &format!("cannot read the tests: {error}")))?;
    read(path, &text)
}

/// Reads the cases that stand in a text.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(path: &Path, text: &str) -> Result<Cases, ConfigErrors> {
    let mut report = Report::default();
    let file = report.begin(path, text, None);
    let cases = tree::parse(text, file, &mut report)
        .and_then(|root| {
            let raw = decode::<RawCases>(&root, &mut report)?;
            Some(cases(raw, root.at, &mut report))
        })
        .unwrap_or_default();
    let Finished { errors, sources, .. } = report.finish();
    ConfigErrors::check(errors)?;
    Ok(Cases { list: cases, sources })
}

fn cases(raw: RawCases, whole: Location, report: &mut Report) -> Vec<Case> {
    let zone = validate::time_zone(raw.time_zone, report);
    let settings = json(raw.settings).unwrap_or_else(|| "{}".to_owned());
    let tests = raw.tests.required("tests", whole, report);
    let Some(Located { at, value: tests }) = tests else { return Vec::new() };
    if tests.is_empty() {
        report.add(Problem::new(at, "there is no test here").help("write at least one"));
    }
    let tests = tests.into_iter().filter_map(Slot::optional);
    tests.filter_map(|test| case(test, &settings, &zone, report)).collect()
}

fn json(settings: Slot<Setting>) -> Option<String> {
    settings.optional().map(|settings| Part::from(settings).canonical_json())
}

fn case(
    raw: Located<RawCase>,
    settings: &str,
    zone: &TimeZone,
    report: &mut Report,
) -> Option<Case> {
    let Located { at, value: mut raw } = raw;
    let name = take(&mut raw.name).required("name", at, report);
    let own = json(take(&mut raw.settings));
    let expected = expected(&mut raw, at, report);
    let facts = Facts::read(raw, at, zone, report);
    Some(Case {
        name: name?.value,
        at,
        settings: own.unwrap_or_else(|| settings.to_owned()),
        facts: facts?,
        expected: expected?,
    })
}

fn expected(raw: &mut RawCase, at: Location, report: &mut Report) -> Option<Expected> {
    let answer = take(&mut raw.expect).required("expect", at, report);
    let is_one_of = |answers: &[ExpectedAnswer]| {
        answer.as_ref().is_some_and(|answer| answers.contains(&answer.value))
    };
    let obligations = take(&mut raw.obligations).optional().map(|lines| {
        if is_one_of(&[
            ExpectedAnswer::Deny,
            ExpectedAnswer::Abstain,
            ExpectedAnswer::WrongSettings,
        ]) {
            let message = "only an answer that allows has obligations";
            report.add(Problem::new(lines.at, message).help("write `expect: allow`"));
        }
        lines.value.into_iter().filter_map(Slot::value).collect()
    });
    let reason = take(&mut raw.reason).optional().map(|reason| {
        if is_one_of(&[ExpectedAnswer::Allow, ExpectedAnswer::Abstain]) {
            let message = "only a deny and wrong settings have a reason";
            report.add(Problem::new(reason.at, message).help("leave it out"));
        }
        reason.value
    });
    Some(Expected { answer: answer?.value, reason, obligations })
}
