//! Names that are defined in one place and used in others.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use stockade_yaml::{Diagnostics, Location, Problem, Spanned, closest, quoted};

/// The names of one kind of thing.
pub(super) struct Names {
    kind: &'static str,
    known: BTreeSet<String>,
    /// False if more may be defined in what could not be read.
    complete: bool,
}

impl Names {
    pub(super) const fn new(kind: &'static str) -> Self {
        Self { kind, known: BTreeSet::new(), complete: true }
    }

    pub(super) fn define(&mut self, name: &str) {
        self.known.insert(name.to_owned());
    }

    /// Some names could not be read, so an unknown one may not be wrong.
    pub(super) const fn incomplete(&mut self) {
        self.complete = false;
    }

    /// All that could be read.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.known.iter().map(String::as_str)
    }

    /// Reports a name that is not defined.
    pub(super) fn check(&self, name: &Spanned<String>, diagnostics: &mut Diagnostics) {
        if !self.complete || self.known.contains(&name.value) {
            return;
        }
        let kind = self.kind;
        let message = format!("there is no {kind} {}", quoted(&name.value));
        let known = self.known.iter().map(String::as_str);
        let known = known.take_while(|_| !diagnostics.is_full());
        let help = match closest(&name.value, known) {
            Some(known) => format!("did you mean {}?", quoted(known)),
            None => format!("define it, or name a {kind} that is defined"),
        };
        diagnostics.add(Problem::new(name.at, message).help(help));
    }
}

/// Things of which each may occur once.
pub(super) struct Unique<K>(HashMap<K, Location>);

impl<K: Hash + Eq> Unique<K> {
    pub(super) fn new() -> Self {
        Self(HashMap::new())
    }

    /// Reports one that occurred before, as `what`.
    pub(super) fn check(
        &mut self,
        key: K,
        what: &str,
        at: Location,
        diagnostics: &mut Diagnostics,
    ) {
        match self.0.entry(key) {
            Entry::Occupied(first) => {
                let first = diagnostics.place(*first.get(), at);
                let help = format!("it is first used in {first}; give each its own");
                diagnostics.add(Problem::new(at, format!("{what} is used twice")).help(help));
            }
            Entry::Vacant(place) => {
                place.insert(at);
            }
        }
    }
}
