//! The configuration's own tests: whether they can be asked at all.

use std::collections::HashMap;
use std::mem::take;
use std::net::IpAddr;

use jiff::tz::TimeZone;
use stockade_authn::SupposedCaller;
use stockade_core::{
    AccessClass, Client, Dialect, GroupName, ModelName, Operation, ProofKind, UserId,
};
use stockade_yaml::{Diagnostics, Field, Location, Problem, Spanned, closest};

use super::names::Names;
use super::usage;
use super::users::Accounts;
use crate::quantity;
use crate::raw::{Expectation, RawTest};
use crate::types::{ConfigTest, Listener, TestRequest};

/// The parts of the configuration that a test may name.
#[derive(Clone, Copy)]
struct Known<'a> {
    accounts: &'a Accounts,
    listeners: &'a [Listener],
    zone: &'a TimeZone,
}

pub(super) fn tests(
    written: Field<Vec<Field<RawTest>>>,
    accounts: &Accounts,
    listeners: &[Listener],
    zone: &TimeZone,
    diagnostics: &mut Diagnostics,
) -> Vec<ConfigTest> {
    let known = Known { accounts, listeners, zone };
    let mut tests = Vec::new();
    let mut answered: HashMap<&TestRequest, &ConfigTest> = HashMap::new();
    for raw in written.value().unwrap_or_default() {
        if let Some(raw) = raw.optional() {
            tests.extend(test(raw, known, diagnostics));
        }
    }
    for test in &tests {
        let first = *answered.entry(&test.asked).or_insert(test);
        if first.allowed != test.allowed {
            let message = "this test expects the opposite of an earlier one";
            let help = format!("the other one stands in {}", diagnostics.place(first.at, test.at));
            diagnostics.add(Problem::new(test.at, message).help(help));
        }
    }
    tests
}

fn test(
    raw: Spanned<RawTest>,
    known: Known<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<ConfigTest> {
    let Spanned { at, value: mut raw } = raw;
    let expect = take(&mut raw.expect).required("expect", at, diagnostics);
    let caller = caller(&mut raw, at, expect.as_ref(), known.accounts, diagnostics);
    let listener = listener(&mut raw, known.listeners, diagnostics);
    let proof = caller.as_ref().and_then(|caller| caller.proof);
    let client = client(&mut raw, listener.ok().flatten(), proof, diagnostics);
    let operation = raw.operation.required("operation", at, diagnostics);
    let operation = operation.and_then(|text| self::operation(&text, diagnostics));
    let given = !matches!(raw.model, Field::Absent);
    let model = raw.model.optional().and_then(|text| {
        let model = text.check(diagnostics, |text| ModelName::parse(text));
        Some(Spanned::new(text.at, model?))
    });
    let after = usage::used(take(&mut raw.after), diagnostics);
    let api = raw.api.value();
    let time = raw.time.optional();
    let time =
        time.map(|text| text.check(diagnostics, |text| quantity::local_time(text, known.zone)));
    if let Some(operation) = operation {
        check_model(operation, given, at, diagnostics);
    }
    let asked = TestRequest {
        caller: caller?,
        client: client?,
        listener: listener.ok()?.and_then(|listener| listener.name.clone()),
        operation: operation?,
        model: model.map(|located| located.value),
        api: api.unwrap_or(Dialect::Native),
        time: match time {
            None => None,
            // A time that cannot be read is not "now".
            Some(read) => Some(read?),
        },
        after: after?,
    };
    Some(ConfigTest { asked, allowed: expect?.value == Expectation::Allow, at })
}

/// The caller. Whether somebody could come like this is asked when all is known.
fn caller(
    raw: &mut RawTest,
    at: Location,
    expect: Option<&Spanned<Expectation>>,
    accounts: &Accounts,
    diagnostics: &mut Diagnostics,
) -> Option<SupposedCaller> {
    let by_jwt = !matches!(raw.groups, Field::Absent) || !matches!(raw.attributes, Field::Absent);
    let proof = take(&mut raw.proof).value();
    let user = take(&mut raw.user).required("user", at, diagnostics)?;
    if !by_jwt && proof != Some(ProofKind::Jwt) {
        accounts.user_names.check(&user, diagnostics);
    }
    let id = self::user(&user, expect, accounts, diagnostics);
    let groups = take(&mut raw.groups).value().unwrap_or_default();
    let groups = groups.into_iter().filter_map(Field::optional).map(|group| {
        accounts.group_names.check(&group, diagnostics);
        group.check(diagnostics, |name| GroupName::new(name))
    });
    let groups: Vec<_> = groups.collect();
    let attributes = take(&mut raw.attributes).value().unwrap_or_default().0.into_iter();
    let attributes =
        attributes.filter_map(|(name, value)| Some((name.value, value.optional()?.value)));
    let mut attributes: Vec<_> = attributes.collect();
    attributes.sort_unstable();
    Some(SupposedCaller {
        user: id?,
        proof,
        groups: groups.into_iter().collect::<Option<_>>()?,
        attributes,
    })
}

/// No listener has the name that a test says.
#[derive(Clone, Copy)]
struct NoSuchListener;

/// The listener that a test names, if it names one.
fn listener<'a>(
    raw: &mut RawTest,
    listeners: &'a [Listener],
    diagnostics: &mut Diagnostics,
) -> Result<Option<&'a Listener>, NoSuchListener> {
    let Some(written) = take(&mut raw.listener).optional() else { return Ok(None) };
    let mut known = Names::new("listener");
    listeners.iter().filter_map(|one| one.name.as_deref()).for_each(|name| known.define(name));
    known.check(&written, diagnostics);
    let found = listeners.iter().find(|one| one.name.as_deref() == Some(&*written.value));
    found.map(Some).ok_or(NoSuchListener)
}

fn client(
    raw: &mut RawTest,
    listener: Option<&Listener>,
    proof: Option<ProofKind>,
    diagnostics: &mut Diagnostics,
) -> Option<Client> {
    let transport = take(&mut raw.transport).value();
    let address = match take(&mut raw.address).optional() {
        Some(text) => text.check(diagnostics, |text| text.parse::<IpAddr>())?,
        None => Client::LOCAL.address,
    };
    let own = || listener.map_or(Client::LOCAL.transport, |listener| listener.transport(proof));
    Some(Client { address, transport: transport.unwrap_or_else(own) })
}

pub(crate) fn operation(
    text: &Spanned<String>,
    diagnostics: &mut Diagnostics,
) -> Option<Operation> {
    match text.value.parse::<Operation>() {
        Ok(operation) if operation.access() == AccessClass::Public => {
            let message = format!("no policy is asked about {operation}");
            let help = "it is answered without a credential; leave it out";
            diagnostics.add(Problem::new(text.at, message).help(help));
            None
        }
        Ok(operation) => Some(operation),
        Err(unknown) => {
            let names = || Operation::ALL.iter().map(|operation| operation.as_str());
            let help = match closest(&text.value, names()) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("one of {}", names().collect::<Vec<_>>().join(", ")),
            };
            diagnostics.add(Problem::new(text.at, unknown.to_string()).help(help));
            None
        }
    }
}

/// Tells whether requests for this operation name a model.
const fn names_a_model(operation: Operation) -> bool {
    match operation.access() {
        AccessClass::Inference => true,
        AccessClass::Public | AccessClass::Account | AccessClass::Web => false,
        AccessClass::Read => matches!(operation, Operation::Show),
        AccessClass::Manage => !matches!(operation, Operation::UploadBlob | Operation::CheckBlob),
    }
}

fn check_model(operation: Operation, given: bool, at: Location, diagnostics: &mut Diagnostics) {
    let problem = match (names_a_model(operation), given) {
        (true, false) => {
            Problem::new(at, format!("`model` is missing here: {operation} names one"))
                .help("write the model, such as `model: \"llama3.2:3b\"`")
        }
        (false, true) => Problem::new(at, format!("a request to {operation} names no model"))
            .help("leave out `model`"),
        _ => return,
    };
    diagnostics.add(problem);
}

fn user(
    name: &Spanned<String>,
    expect: Option<&Spanned<Expectation>>,
    accounts: &Accounts,
    diagnostics: &mut Diagnostics,
) -> Option<UserId> {
    let id = name.check(diagnostics, |name| UserId::new(name))?;
    let allowed = expect.filter(|expect| expect.value == Expectation::Allow);
    if let Some(expect) = allowed
        && accounts.disabled.contains(&id)
    {
        let message = format!("this cannot hold: user {id:?} is disabled");
        diagnostics.add(Problem::new(expect.at, message).help("expect `deny`, or enable the user"));
    }
    Some(id)
}
