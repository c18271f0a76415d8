//! Finds what applies to a caller by the subjects that it names, without looking at all of it.

use std::collections::HashMap;
use std::sync::Arc;

use stockade_config::Subjects;
use stockade_core::{GroupName, Principal, UserId};

use crate::memo::Memo;

/// Callers of whom it is remembered what applies to them.
const CALLERS: usize = 8_192;

/// The facts of a caller by which it is told what applies.
type Caller = (UserId, Arc<[GroupName]>);

/// Values that depend on what applies to a caller, remembered for each.
pub(super) struct ByCaller<V> {
    index: SubjectIndex,
    known: Memo<V, Caller>,
}

impl<V: Clone> ByCaller<V> {
    pub(super) fn new<'s>(all: impl Iterator<Item = &'s Subjects>) -> Self {
        Self { index: SubjectIndex::new(all), known: Memo::new(CALLERS) }
    }

    /// Returns the value of a caller, which is made of the places of what applies.
    pub(super) fn of(&self, principal: &Principal, make: impl FnOnce(Vec<usize>) -> V) -> V {
        let Principal { user, groups, .. } = principal;
        let hash = self.known.hash(&(user, groups));
        let is_asked = |caller: &Caller| caller.0 == *user && caller.1 == *groups;
        if let Some(known) = self.known.find(hash, is_asked) {
            return known;
        }
        let value = make(self.index.positions(principal));
        let caller = (user.clone(), Arc::clone(groups));
        self.known.keep_by(hash, caller, value.clone());
        value
    }
}

/// Subjects, each by its place in a list of the configuration.
#[derive(Default)]
struct SubjectIndex {
    everyone: Vec<usize>,
    by_user: HashMap<UserId, Vec<usize>>,
    by_group: HashMap<GroupName, Vec<usize>>,
    subjects: Vec<Subjects>,
}

impl SubjectIndex {
    fn new<'s>(all: impl Iterator<Item = &'s Subjects>) -> Self {
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
