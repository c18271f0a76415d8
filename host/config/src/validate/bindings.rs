//! Bindings: the policies, and the subjects that they judge.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;
use stockade_core::{BindingName, GroupName, InvalidId, PolicyName, UserId};
use stockade_yaml::{Diagnostics, Field, Location, Part, Problem, Spanned, closest, quoted};

use super::names::{Names, Unique};
use crate::raw::{Mode, RawBinding, RawChosen, RawExcept, RawSubjects};
use crate::types::{Binding, Exceptions, ModuleLocation, PolicySource, Subjects};

/// The names that bindings may use.
pub(super) struct Known<'a> {
    pub(super) users: &'a Names,
    pub(super) groups: &'a Names,
    pub(super) policies: &'a Names,
    /// The policies that decide by what a caller has used, by their names.
    pub(super) by_usage: HashMap<&'a str, ByUsage>,
}

/// How a policy decides by what a caller has used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByUsage {
    /// By nothing else.
    Always,
    /// Where a condition of its rules says so.
    InConditions,
}

impl ByUsage {
    fn of(policy: &PolicySource) -> Option<Self> {
        match &policy.module {
            ModuleLocation::Builtin(name) => match name.as_str() {
                "usage-budget" => Some(Self::Always),
                "fresh-rules" => Some(Self::InConditions),
                _ => None,
            },
            ModuleLocation::File(..) => None,
        }
    }

    fn with(self, settings: &str) -> bool {
        self == Self::Always || {
            let settings: Value = serde_json::from_str(settings).unwrap_or_default();
            let rules = settings["rules"].as_array().into_iter().flatten();
            let mut conditions = rules.filter_map(|rule| rule["when"].as_str());
            conditions.any(|condition| condition.contains("usage."))
        }
    }
}

/// The names of policies that could refuse nothing, because usage is not metered.
pub(super) fn by_usage(policies: &[PolicySource]) -> HashMap<&str, ByUsage> {
    let named = |policy| ByUsage::of(policy).map(|by_usage| (policy.name.as_str(), by_usage));
    policies.iter().filter_map(named).collect()
}

pub(super) fn bindings(
    slot: Field<Vec<Field<RawBinding>>>,
    known: &Known<'_>,
    diagnostics: &mut Diagnostics,
) -> Vec<Binding> {
    let mut names = Unique::new();
    let raw = slot.value().unwrap_or_default();
    raw.into_iter()
        .filter_map(Field::optional)
        .filter_map(|raw| binding(raw, known, &mut names, diagnostics))
        .collect()
}

fn binding(
    raw: Spanned<RawBinding>,
    known: &Known<'_>,
    names: &mut Unique<BindingName>,
    diagnostics: &mut Diagnostics,
) -> Option<Binding> {
    let Spanned { at, value: raw } = raw;
    let name = raw.name.required("name", at, diagnostics).and_then(|text| {
        let name = text.check(diagnostics, |name| BindingName::new(name))?;
        let what = format!("the binding name {name:?}");
        names.check(name.clone(), &what, text.at, diagnostics);
        Some(name)
    });
    let parts = raw.settings.optional().map(Part::from);
    let settings = parts.as_ref().map_or_else(|| "{}".to_owned(), Part::canonical_json);
    let policy = raw.policy.required("policy", at, diagnostics).and_then(|text| {
        known.policies.check(&text, diagnostics);
        let by_usage = known.by_usage.get(text.value.as_str());
        if by_usage.is_some_and(|by_usage| by_usage.with(&settings)) {
            diagnostics.add(unmetered(&text));
        }
        text.check(diagnostics, |name| PolicyName::new(name))
    });
    let subjects = raw.subjects.required("subjects", at, diagnostics);
    let subjects = subjects.and_then(|subjects| self::subjects(subjects, known, diagnostics));
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
fn unmetered(policy: &Spanned<String>) -> Problem {
    let name = quoted(&policy.value);
    let message = format!("usage is not metered yet, so {name} would refuse nothing");
    Problem::new(policy.at, message).help(
        "leave the binding out until usage is counted; `request-caps` bounds what one request \
         may ask for, and `working-hours` when",
    )
}

fn subjects(
    raw: Spanned<RawSubjects>,
    known: &Known<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Subjects> {
    match raw.value {
        RawSubjects::Word(word) => everyone(&word.optional()?, diagnostics),
        RawSubjects::Chosen(chosen) => chosen_subjects(chosen.optional()?, known, diagnostics),
    }
}

fn everyone(word: &Spanned<String>, diagnostics: &mut Diagnostics) -> Option<Subjects> {
    if word.value == "everyone" {
        return Some(Subjects { everyone: true, ..Subjects::default() });
    }
    let message = format!("subjects are `everyone` or a mapping, not {}", quoted(&word.value));
    let help = match closest(&word.value, ["everyone"]) {
        Some(_) => "did you mean `everyone`?",
        None => "write `{ users: […] }` or `{ groups: […] }`",
    };
    diagnostics.add(Problem::new(word.at, message).help(help));
    None
}

fn chosen_subjects(
    raw: Spanned<RawChosen>,
    known: &Known<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Subjects> {
    let Spanned { at, value: raw } = raw;
    let except = match raw.except {
        Field::Absent => RawExcept::default(),
        Field::Invalid => return None,
        Field::Present(except) => except.value,
    };
    let users = names(raw.users, known.users, UserId::new, diagnostics);
    let groups = names(raw.groups, known.groups, GroupName::new, diagnostics);
    let except_users = names(except.users, known.users, UserId::new, diagnostics);
    let except_groups = names(except.groups, known.groups, GroupName::new, diagnostics);
    let subjects = Subjects {
        everyone: match raw.everyone {
            Field::Absent => false,
            Field::Invalid => return None,
            Field::Present(everyone) => everyone.value,
        },
        users: users?,
        groups: groups?,
        except: Exceptions { users: except_users?, groups: except_groups? },
    };
    check_reach(&subjects, at, diagnostics);
    Some(subjects)
}

/// A set of names that are defined elsewhere; `None` if some could not be read.
fn names<T: Ord>(
    slot: Field<Vec<Field<String>>>,
    known: &Names,
    new: fn(&str) -> Result<T, InvalidId>,
    diagnostics: &mut Diagnostics,
) -> Option<BTreeSet<T>> {
    let items = match slot {
        Field::Absent => return Some(BTreeSet::new()),
        Field::Invalid => return None,
        Field::Present(items) => items.value,
    };
    let read: Vec<_> = items
        .into_iter()
        .map(|item| {
            let name = item.optional()?;
            known.check(&name, diagnostics);
            name.check(diagnostics, |text| new(text))
        })
        .collect();
    read.into_iter().collect()
}

/// Reports subjects that nobody belongs to, and names that change nothing.
fn check_reach(subjects: &Subjects, at: Location, diagnostics: &mut Diagnostics) {
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
    diagnostics.add(problem);
}
