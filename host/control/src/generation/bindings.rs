//! The choice of the bindings that apply to a caller, without looking at all of them.

use std::collections::HashMap;

use stockade_core::{GroupName, Principal, UserId};

use stockade_config::{Binding, Subjects};

/// Bindings by whom they name. A position is a place in `Config::bindings`.
#[derive(Default)]
pub(super) struct BindingTable {
    everyone: Vec<usize>,
    by_user: HashMap<UserId, Vec<usize>>,
    by_group: HashMap<GroupName, Vec<usize>>,
    subjects: Vec<Subjects>,
    places: Vec<Place>,
}

/// The policy that a binding asks, and the place of its settings in that policy's list.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) policy: usize,
    pub(super) settings: u32,
}

/// The question to one policy.
pub(super) struct Asked {
    pub(super) policy: usize,
    /// Positions in the policy's list of settings.
    pub(super) settings: Vec<u32>,
    /// The bindings that they belong to, in the same order.
    pub(super) bindings: Vec<usize>,
}

impl BindingTable {
    pub(super) fn new(bindings: &[Binding], places: Vec<Place>) -> Self {
        let mut table = Self { places, ..Self::default() };
        for (position, binding) in bindings.iter().enumerate() {
            table.add(position, &binding.subjects);
        }
        table
    }

    fn add(&mut self, position: usize, subjects: &Subjects) {
        if subjects.everyone {
            self.everyone.push(position);
        }
        for user in &subjects.users {
            self.by_user.entry(user.clone()).or_default().push(position);
        }
        for group in &subjects.groups {
            self.by_group.entry(group.clone()).or_default().push(position);
        }
        self.subjects.push(subjects.clone());
    }

    /// Returns the questions for one caller.
    pub(super) fn select(&self, principal: &Principal) -> Vec<Asked> {
        let mut asked: Vec<Asked> = Vec::new();
        for position in self.positions(principal) {
            let place = self.places[position];
            let known = asked.iter_mut().find(|asked| asked.policy == place.policy);
            let entry = match known {
                Some(entry) => entry,
                None => asked.push_mut(Asked {
                    policy: place.policy,
                    settings: Vec::new(),
                    bindings: Vec::new(),
                }),
            };
            entry.settings.push(place.settings);
            entry.bindings.push(position);
        }
        asked
    }

    /// The tables only narrow the search; `Subjects::apply_to` decides.
    fn positions(&self, principal: &Principal) -> Vec<usize> {
        let mut positions = self.everyone.clone();
        positions.extend(self.by_user.get(&principal.user).into_iter().flatten());
        for group in principal.groups.iter() {
            positions.extend(self.by_group.get(group).into_iter().flatten());
        }
        positions.sort_unstable();
        positions.dedup();
        positions.retain(|&position| self.subjects[position].apply_to(principal));
        positions
    }
}
