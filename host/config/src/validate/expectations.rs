//! The configuration's own tests: whether they can be asked at all.

use std::collections::HashMap;

use jiff::tz::TimeZone;
use stockade_core::{AccessClass, Dialect, ModelName, Operation, UnixTime, UserId};
use stockade_yaml::{Located, Location, Problem, Report, Slot, closest};

use super::users::Accounts;
use crate::quantity;
use crate::raw::{Expectation, RawTest};
use crate::types::ConfigTest;

type Question = (UserId, Operation, Option<ModelName>, Dialect, Option<UnixTime>);

pub(super) fn tests(
    slot: Slot<Vec<Slot<RawTest>>>,
    accounts: &Accounts,
    zone: &TimeZone,
    report: &mut Report,
) -> Vec<ConfigTest> {
    let mut tests = Vec::new();
    let mut answered: HashMap<Question, &ConfigTest> = HashMap::new();
    for raw in slot.value().unwrap_or_default() {
        if let Some(raw) = raw.optional() {
            tests.extend(test(raw, accounts, zone, report));
        }
    }
    for test in &tests {
        let (user, model) = (test.user.clone(), test.model.clone());
        let question = (user, test.operation, model, test.api, test.time);
        let first = *answered.entry(question).or_insert(test);
        if first.allowed != test.allowed {
            let message = "this test expects the opposite of an earlier one";
            let help = format!("the other one stands in {}", report.place(first.at, test.at));
            report.add(Problem::new(test.at, message).help(help));
        }
    }
    tests
}

fn test(
    raw: Located<RawTest>,
    accounts: &Accounts,
    zone: &TimeZone,
    report: &mut Report,
) -> Option<ConfigTest> {
    let Located { at, value: raw } = raw;
    let user = raw.user.required("user", at, report);
    let expect = raw.expect.required("expect", at, report);
    let operation = raw.operation.required("operation", at, report);
    let operation = operation.and_then(|text| self::operation(&text, report));
    let given = !matches!(raw.model, Slot::Absent);
    let model = raw.model.optional().and_then(|text| {
        let model = text.check(report, |text| ModelName::parse(text));
        Some(Located::new(text.at, model?))
    });
    let api = raw.api.value();
    let time = raw.time.optional();
    let time = time.map(|text| text.check(report, |text| quantity::local_time(text, zone)));
    if let Some(operation) = operation {
        check_model(operation, given, at, report);
    }
    let user = user.and_then(|user| self::user(&user, expect.as_ref(), accounts, report));
    Some(ConfigTest {
        user: user?,
        operation: operation?,
        model: model.map(|located| located.value),
        api: api.unwrap_or(Dialect::Native),
        time: match time {
            None => None,
            // A time that cannot be read is not "now".
            Some(read) => Some(read?),
        },
        allowed: expect?.value == Expectation::Allow,
        at,
    })
}

pub(crate) fn operation(text: &Located<String>, report: &mut Report) -> Option<Operation> {
    match text.value.parse::<Operation>() {
        Ok(operation) if operation.access() == AccessClass::Public => {
            let message = format!("no policy is asked about {operation}");
            let help = "it is answered without a credential; leave it out";
            report.add(Problem::new(text.at, message).help(help));
            None
        }
        Ok(operation) => Some(operation),
        Err(unknown) => {
            let names = || Operation::ALL.iter().map(|operation| operation.as_str());
            let help = match closest(&text.value, names()) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("one of {}", names().collect::<Vec<_>>().join(", ")),
            };
            report.add(Problem::new(text.at, unknown.to_string()).help(help));
            None
        }
    }
}

/// Whether requests for this operation name a model.
const fn names_a_model(operation: Operation) -> bool {
    match operation.access() {
        AccessClass::Inference => true,
        AccessClass::Public | AccessClass::Account | AccessClass::Web => false,
        AccessClass::Read => matches!(operation, Operation::Show),
        AccessClass::Manage => !matches!(operation, Operation::UploadBlob | Operation::CheckBlob),
    }
}

fn check_model(operation: Operation, given: bool, at: Location, report: &mut Report) {
    let problem = match (names_a_model(operation), given) {
        (true, false) => {
            Problem::new(at, format!("`model` is missing here: {operation} names one"))
                .help("write the model, such as `model: \"llama3.2:3b\"`")
        }
        (false, true) => Problem::new(at, format!("a request to {operation} names no model"))
            .help("leave out `model`"),
        _ => return,
    };
    report.add(problem);
}

fn user(
    name: &Located<String>,
    expect: Option<&Located<Expectation>>,
    accounts: &Accounts,
    report: &mut Report,
) -> Option<UserId> {
    accounts.user_names.check(name, report);
    let id = name.check(report, |name| UserId::new(name))?;
    let allowed = expect.filter(|expect| expect.value == Expectation::Allow);
    if let Some(expect) = allowed
        && accounts.disabled.contains(&id)
    {
        let message = format!("this cannot hold: user {id:?} is disabled");
        report.add(Problem::new(expect.at, message).help("expect `deny`, or enable the user"));
    }
    Some(id)
}
