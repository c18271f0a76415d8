//! Bindings: the policies, and the subjects that they judge.

use std::collections::{BTreeSet, HashSet};

use stockade_core::{BindingName, GroupName, InvalidId, PolicyName, UserId};
use stockade_yaml::{Located, Location, Part, Problem, Report, Slot, closest, quoted};

use super::names::{Names, Unique};
use crate::raw::{Mode, RawBinding, RawChosen, RawExcept, RawSubjects};
use crate::types::{Binding, Exceptions, ModuleLocation, PolicySource, Subjects};

/// The names that bindings may use.
pub(super) struct Known<'a> {
    pub(super) users: &'a Names,
    pub(super) groups: &'a Names,
    pub(super) policies: &'a Names,
    /// The policies that decide by what a caller has used, by their names.
    pub(super) by_usage: HashSet<&'a str>,
}

/// The shipped policies that decide by what a caller has used.
const BY_USAGE: [&str; 1] = ["usage-budget"];

/// The names of policies that could refuse nothing, because usage is not metered.
pub(super) fn by_usage(policies: &[PolicySource]) -> HashSet<&str> {
    let counts = |policy: &&PolicySource| match &policy.module {
        ModuleLocation::Builtin(name) => BY_USAGE.contains(&name.as_str()),
        ModuleLocation::File(..) => false,
    };
    policies.iter().filter(counts).map(|policy| policy.name.as_str()).collect()
}

pub(super) fn bindings(
    slot: Slot<Vec<Slot<RawBinding>>>,
    known: &Known<'_>,
    report: &mut Report,
) -> Vec<Binding> {
    let mut names = Unique::new();
    let raw = slot.value().unwrap_or_default();
    raw.into_iter()
        .filter_map(Slot::optional)
        .filter_map(|raw| binding(raw, known, &mut names, report))
        .collect()
}

fn binding(
    raw: Located<RawBinding>,
    known: &Known<'_>,
    names: &mut Unique<BindingName>,
    report: &mut Report,
) -> Option<Binding> {
    let Located { at, value: raw } = raw;
    let name = raw.name.required("name", at, report).and_then(|text| {
        let name = text.check(report, |name| BindingName::new(name))?;
        let what = format!("the binding name {name:?}");
        names.check(name.clone(), &what, text.at, report);
        Some(name)
    });
    let policy = raw.policy.required("policy", at, report).and_then(|text| {
        known.policies.check(&text, report);
        if known.by_usage.contains(text.value.as_str()) {
            report.add(unmetered(&text));
        }
        text.check(report, |name| PolicyName::new(name))
    });
    let subjects = raw.subjects.required("subjects", at, report);
    let subjects = subjects.and_then(|subjects| self::subjects(subjects, known, report));
    let parts = raw.settings.optional().map(Part::from);
    let settings = parts.as_ref().map_or_else(|| "{}".to_owned(), Part::canonical_json);
    Some(Binding {
        name: name?,
        description: raw.description.value(),
        subjects: subjects?,
        policy: policy?,
        settings,
        enforced: !matches!(raw.mode.value(), Some(Mode::Shadow)),
        at,
        parts,
    })
}

/// An option that is accepted has to work.
fn unmetered(policy: &Located<String>) -> Problem {
    let name = quoted(&policy.value);
    let message = format!("usage is not metered yet, so {name} would refuse nothing");
    Problem::new(policy.at, message).help(
        "leave the binding out until usage is counted; `request-caps` bounds what one request \
         may ask for, and `working-hours` when",
    )
}

fn subjects(raw: Located<RawSubjects>, known: &Known<'_>, report: &mut Report) -> Option<Subjects> {
    match raw.value {
        RawSubjects::Word(word) => everyone(&word.optional()?, report),
        RawSubjects::Chosen(chosen) => chosen_subjects(chosen.optional()?, known, report),
    }
}

fn everyone(word: &Located<String>, report: &mut Report) -> Option<Subjects> {
    if word.value == "everyone" {
        return Some(Subjects { everyone: true, ..Subjects::default() });
    }
    let message = format!("subjects are `everyone` or a mapping, not {}", quoted(&word.value));
    let help = match closest(&word.value, ["everyone"]) {
        Some(_) => "did you mean `everyone`?",
        None => "write `{ users: […] }` or `{ groups: […] }`",
    };
    report.add(Problem::new(word.at, message).help(help));
    None
}

fn chosen_subjects(
    raw: Located<RawChosen>,
    known: &Known<'_>,
    report: &mut Report,
) -> Option<Subjects> {
    let Located { at, value: raw } = raw;
    let except = match raw.except {
        Slot::Absent => RawExcept::default(),
        Slot::Broken => return None,
        Slot::Present(except) => except.value,
    };
    let users = names(raw.users, known.users, UserId::new, report);
    let groups = names(raw.groups, known.groups, GroupName::new, report);
    let except_users = names(except.users, known.users, UserId::new, report);
    let except_groups = names(except.groups, known.groups, GroupName::new, report);
    let subjects = Subjects {
        everyone: match raw.everyone {
            Slot::Absent => false,
            Slot::Broken => return None,
            Slot::Present(everyone) => everyone.value,
        },
        users: users?,
        groups: groups?,
        except: Exceptions { users: except_users?, groups: except_groups? },
    };
    check_reach(&subjects, at, report);
    Some(subjects)
}

/// A set of names that are defined elsewhere; `None` if some could not be read.
fn names<T: Ord>(
    slot: Slot<Vec<Slot<String>>>,
    known: &Names,
    new: fn(&str) -> Result<T, InvalidId>,
    report: &mut Report,
) -> Option<BTreeSet<T>> {
    let items = match slot {
        Slot::Absent => return Some(BTreeSet::new()),
        Slot::Broken => return None,
        Slot::Present(items) => items.value,
    };
    let read: Vec<_> = items
        .into_iter()
        .map(|item| {
            let name = item.optional()?;
            known.check(&name, report);
            name.check(report, |text| new(text))
        })
        .collect();
    read.into_iter().collect()
}

/// Reports subjects that nobody belongs to, and names that change nothing.
fn check_reach(subjects: &Subjects, at: Location, report: &mut Report) {
    let Subjects { everyone, users, groups, except } = subjects;
    let named = !users.is_empty() || !groups.is_empty();
    let problem = if *everyone && named {
        Problem::new(at, "these `users` and `groups` change nothing beside `everyone: true`")
            .help("leave out one or the other")
    } else if *everyone {
        return;
    } else if !named {
        Problem::new(at, "these subjects are nobody")
            .help("name `users` or `groups`, or write `subjects: everyone`")
    } else if users.is_subset(&except.users) && groups.is_subset(&except.groups) {
        Problem::new(at, "everybody who is named here is also excepted")
            .help("leave out the binding, or some of the exceptions")
    } else {
        return;
    };
    report.add(problem);
}
