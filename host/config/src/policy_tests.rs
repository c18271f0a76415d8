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
    Diagnostics, Entries, Field, Finished, Location, Part, Problem, Setting, Sources, Spanned,
    decode, tree,
};

use crate::{ConfigError, ConfigErrors, validate, value_schema};
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
    /// It permits nothing, and demands something of what others allow.
    Restrict,
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
            Self::Restrict => "restrict",
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
    settings: Field<Setting>,
    /// The IANA name of the zone in which the policy sees weekday and hour; UTC, if left out.
    time_zone: Field<String>,
    /// Requests, and what the policy must answer to each.
    tests: Field<Vec<Field<RawCase>>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Test", extend("required" = ["name", "operation", "expect"]))]
struct RawCase {
    /// Its name, which tells what it shows.
    name: Field<String>,
    /// The policy's settings in this test.
    settings: Field<Setting>,
    /// The caller; alice, if left out.
    user: Field<String>,
    /// The groups of the caller.
    groups: Field<Vec<Field<String>>>,
    /// The caller's attributes.
    attributes: Field<Entries<String>>,
    /// The operation.
    #[schemars(schema_with = "value_schema::operation")]
    operation: Field<String>,
    /// The API; Ollama's own, if left out.
    #[schemars(schema_with = "value_schema::api")]
    api: Field<Dialect>,
    /// The model.
    model: Field<String>,
    /// The models, where there are several, or in another role than the usual one.
    models: Field<Vec<Field<request::RawModel>>>,
    /// The parameters in the body.
    parameters: Field<request::RawParameters>,
    /// The names of the tools that the request offers.
    tools: Field<Vec<Field<String>>>,
    /// The texts of the request.
    texts: Field<Vec<Field<request::RawText>>>,
    /// The blobs that the request names.
    blobs: Field<Vec<Field<request::RawBlob>>>,
    /// The kind of proof that the caller gave; an API key, if left out.
    #[schemars(schema_with = "value_schema::proof")]
    proof: Field<ProofKind>,
    /// The labels of the caller's credential.
    labels: Field<Entries<String>>,
    /// The name of the listener.
    listener: Field<String>,
    /// The caller's address; 127.0.0.1, if left out.
    address: Field<String>,
    /// The transport; plain HTTP, if left out.
    #[schemars(schema_with = "value_schema::transport")]
    transport: Field<Transport>,
    /// The time, in `time_zone` or with an offset; 2026-01-05T12:00:00Z, a Monday, if left out.
    #[schemars(schema_with = "value_schema::moment")]
    time: Field<String>,
    /// The caller's usage so far.
    usage: Field<request::RawUsage>,
    /// Its usage of the models of the request.
    usage_with_model: Field<request::RawUsage>,
    /// The canonical JSON body, for a policy that looks at it.
    body: Field<String>,
    /// The answer that the policy must give.
    expect: Field<ExpectedAnswer>,
    /// A part of the reason of a deny, of the note of an abstention, or of what is wrong with the
    /// settings.
    reason: Field<String>,
    /// All that an allow or a restriction demands, as `stockade explain` writes it.
    obligations: Field<Vec<Field<String>>>,
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
    let mut diagnostics = Diagnostics::default();
    let file = diagnostics.begin(path, text, None);
    let cases = tree::parse(text, file, &mut diagnostics)
        .and_then(|root| {
            let raw = decode::<RawCases>(&root, &mut diagnostics)?;
            Some(cases(raw, root.at, &mut diagnostics))
        })
        .unwrap_or_default();
    let Finished { errors, sources, .. } = diagnostics.finish();
    ConfigErrors::check(errors)?;
    Ok(Cases { list: cases, sources })
}

fn cases(raw: RawCases, whole: Location, diagnostics: &mut Diagnostics) -> Vec<Case> {
    let zone = validate::time_zone(raw.time_zone, diagnostics);
    let settings = json(raw.settings).unwrap_or_else(|| "{}".to_owned());
    let tests = raw.tests.required("tests", whole, diagnostics);
    let Some(Spanned { at, value: tests }) = tests else { return Vec::new() };
    if tests.is_empty() {
        diagnostics.add(Problem::new(at, "there is no test here").help("write at least one"));
    }
    let tests = tests.into_iter().filter_map(Field::optional);
    tests.filter_map(|test| case(test, &settings, &zone, diagnostics)).collect()
}

fn json(settings: Field<Setting>) -> Option<String> {
    settings.optional().map(|settings| Part::from(settings).canonical_json())
}

fn case(
    raw: Spanned<RawCase>,
    settings: &str,
    zone: &TimeZone,
    diagnostics: &mut Diagnostics,
) -> Option<Case> {
    let Spanned { at, value: mut raw } = raw;
    let name = take(&mut raw.name).required("name", at, diagnostics);
    let own = json(take(&mut raw.settings));
    let expected = expected(&mut raw, at, diagnostics);
    let facts = Facts::read(raw, at, zone, diagnostics);
    Some(Case {
        name: name?.value,
        at,
        settings: own.unwrap_or_else(|| settings.to_owned()),
        facts: facts?,
        expected: expected?,
    })
}

fn expected(raw: &mut RawCase, at: Location, diagnostics: &mut Diagnostics) -> Option<Expected> {
    let answer = take(&mut raw.expect).required("expect", at, diagnostics);
    let is_one_of = |answers: &[ExpectedAnswer]| {
        answer.as_ref().is_some_and(|answer| answers.contains(&answer.value))
    };
    let obligations = take(&mut raw.obligations).optional().map(|lines| {
        if is_one_of(&[
            ExpectedAnswer::Deny,
            ExpectedAnswer::Abstain,
            ExpectedAnswer::WrongSettings,
        ]) {
            let message = "only an allow or a restriction has obligations";
            diagnostics.add(Problem::new(lines.at, message).help("write `expect: allow`"));
        }
        lines.value.into_iter().filter_map(Field::value).collect()
    });
    let reason = take(&mut raw.reason).optional().map(|reason| {
        if is_one_of(&[ExpectedAnswer::Allow, ExpectedAnswer::Restrict]) {
            let message = "only a deny, an abstention and wrong settings have a reason";
            diagnostics.add(Problem::new(reason.at, message).help("leave it out"));
        }
        reason.value
    });
    Some(Expected { answer: answer?.value, reason, obligations })
}
