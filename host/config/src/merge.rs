//! Makes one configuration of several files.

use std::collections::HashMap;

use stockade_yaml::{Diagnostics, Entries, Field, Location, Problem, quoted};

use super::raw::{RawConfig, RawFragment};

pub(super) trait Merge {
    /// Takes in the content of an included file.
    fn merge(&mut self, fragment: RawFragment);

    /// Reports names that two files define.
    fn distinct(&mut self, diagnostics: &mut Diagnostics);
}

impl Merge for RawConfig {
    fn merge(&mut self, fragment: RawFragment) {
        let RawFragment { include: _, groups, users, policies, bindings, quotas, tests } = fragment;
        let broken = [
            append(&mut self.groups, groups, Vec::append),
            append(&mut self.users, users, Entries::append),
            append(&mut self.policies, policies, Entries::append),
            append(&mut self.bindings, bindings, Vec::append),
            append(&mut self.quotas, quotas, Vec::append),
            append(&mut self.tests, tests, Vec::append),
        ];
        self.incomplete |= broken.contains(&true);
    }

    fn distinct(&mut self, diagnostics: &mut Diagnostics) {
        distinct(&mut self.users, "user", diagnostics);
        distinct(&mut self.policies, "policy", diagnostics);
    }
}

/// Appends the content of one file to that of others; true where a part could not be read.
fn append<T>(all: &mut Field<T>, more: Field<T>, append: fn(&mut T, &mut T)) -> bool {
    let broken = all.is_invalid() || more.is_invalid();
    match (&mut *all, more) {
        (Field::Present(all), Field::Present(mut more)) => append(&mut all.value, &mut more.value),
        (Field::Absent | Field::Invalid, more @ Field::Present(_)) | (Field::Absent, more) => {
            *all = more;
        }
        (_, Field::Absent | Field::Invalid) => {}
    }
    broken
}

/// Within one file, a key that stands there twice was reported before.
fn distinct<T>(slot: &mut Field<Entries<T>>, kind: &str, diagnostics: &mut Diagnostics) {
    let Field::Present(entries) = slot else {
        return;
    };
    let mut seen: HashMap<String, Location> = HashMap::new();
    entries.value.0.retain(|(name, _)| {
        let Some(first) = seen.get(&name.value) else {
            seen.insert(name.value.clone(), name.at);
            return true;
        };
        let message = format!("the {kind} {} is defined twice", quoted(&name.value));
        let help = format!(
            "it is first defined in {}; keep one of them",
            diagnostics.place(*first, name.at)
        );
        diagnostics.add(Problem::new(name.at, message).help(help));
        false
    });
}
