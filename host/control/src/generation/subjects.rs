//! Finds what applies to a caller by the subjects that it names, without looking at all of it.

use std::collections::HashMap;

use stockade_config::Subjects;
use stockade_core::{GroupName, Principal, UserId};

/// Subjects, each by its place in a list of the configuration.
#[derive(Default)]
pub(super) struct SubjectIndex {
    everyone: Vec<usize>,
    by_user: HashMap<UserId, Vec<usize>>,
    by_group: HashMap<GroupName, Vec<usize>>,
    subjects: Vec<Subjects>,
}

impl SubjectIndex {
    pub(super) fn new<'s>(all: impl Iterator<Item = &'s Subjects>) -> Self {
        let mut index = Self::default();
        for subjects in all {
            index.add(subjects);
        }
        index
    }

    fn add(&mut self, subjects: &Subjects) {
        let position = self.subjects.len();
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

    /// Returns the places of the subjects to whom a caller belongs, in their order. The tables
    /// only narrow the search; `Subjects::apply_to` decides.
    pub(super) fn positions(&self, principal: &Principal) -> Vec<usize> {
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
