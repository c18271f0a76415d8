//! The choice of the bindings that apply to a caller, without looking at all of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use stockade_config::{Binding, Subjects};
use stockade_core::{GroupName, Principal, UserId};
use stockade_engine::Inputs;

use super::memo::Memo;
use super::question::PASSING;

/// Callers whose bindings are remembered.
const CALLERS: usize = 8_192;

/// The facts of a caller by which its bindings are chosen.
type Caller = (UserId, Arc<[GroupName]>);

/// Bindings by whom they name. A position is a place in `Config::bindings`.
pub(super) struct BindingTable {
    everyone: Vec<usize>,
    by_user: HashMap<UserId, Vec<usize>>,
    by_group: HashMap<GroupName, Vec<usize>>,
    subjects: Vec<Subjects>,
    places: Vec<Place>,
    selections: Memo<Arc<Selection>, Caller>,
    made: AtomicU64,
    inputs: Inputs,
}

/// The unit that a binding asks, the place of its settings in that unit's list, and what its policy
/// declares.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    pub(super) unit: usize,
    pub(super) settings: u32,
    pub(super) declared: Declared,
}

/// The declarations by which a policy is asked.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Declared {
    /// The inputs that it is told.
    pub(super) inputs: Inputs,
    /// True if its verdicts may be remembered.
    pub(super) remember: bool,
}

impl Declared {
    /// Tells whether its verdicts are the same for requests that can be compared.
    const fn is_comparable(self) -> bool {
        self.remember && !self.inputs.has_any(PASSING)
    }
}

/// The question to one unit.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) unit: usize,
    /// The inputs that the policies of these bindings declare.
    pub(super) told: Inputs,
    /// Positions in the unit's list of settings.
    pub(super) settings: Vec<u32>,
    /// The bindings that they belong to, in the same order.
    pub(super) bindings: Vec<usize>,
    /// The declarations of each binding's policy, in the same order.
    pub(super) declared: Vec<Declared>,
}

/// The bindings that apply to a caller.
#[derive(Debug)]
pub(super) struct Selection {
    /// No other selection has it.
    pub(super) number: u64,
    /// Questions whose answers may be remembered.
    pub(super) comparable: Vec<Asked>,
    /// The inputs of all of those.
    pub(super) told: Inputs,
    /// Questions that are asked each time.
    pub(super) passing: Vec<Asked>,
}

impl BindingTable {
    pub(super) fn new(bindings: &[Binding], places: Vec<Place>) -> Self {
        let inputs = places.iter().fold(Inputs::NONE, |all, place| all.and(place.declared.inputs));
        let mut table = Self {
            inputs,
            everyone: Vec::new(),
            by_user: HashMap::new(),
            by_group: HashMap::new(),
            subjects: Vec::new(),
            places,
            selections: Memo::new(CALLERS),
            made: AtomicU64::new(0),
        };
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

    /// Returns the inputs that any of the bound policies declares.
    pub(super) const fn inputs(&self) -> Inputs {
        self.inputs
    }

    /// Returns the questions for one caller.
    pub(super) fn select(&self, principal: &Principal) -> Arc<Selection> {
        let Principal { user, groups, .. } = principal;
        let hash = self.selections.hash(&(user, groups));
        let is_asked = |caller: &Caller| caller.0 == *user && caller.1 == *groups;
        if let Some(known) = self.selections.find(hash, is_asked) {
            return known;
        }
        let selection = Arc::new(self.selection(principal));
        let caller = (user.clone(), Arc::clone(groups));
        self.selections.keep_by(hash, caller, Arc::clone(&selection));
        selection
    }

    fn selection(&self, principal: &Principal) -> Selection {
        let (mut comparable, mut passing) = (Vec::new(), Vec::new());
        for position in self.positions(principal) {
            let place = self.places[position];
            let is_comparable = place.declared.is_comparable();
            ask(if is_comparable { &mut comparable } else { &mut passing }, position, place);
        }
        let told = comparable.iter().fold(Inputs::NONE, |all, asked: &Asked| all.and(asked.told));
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        Selection { number, comparable, told, passing }
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

/// Adds a binding to the question to its unit.
fn ask(questions: &mut Vec<Asked>, position: usize, place: Place) {
    let known = questions.iter_mut().find(|asked| asked.unit == place.unit);
    let asked = match known {
        Some(asked) => asked,
        None => questions.push_mut(Asked {
            unit: place.unit,
            told: Inputs::NONE,
            settings: Vec::new(),
            bindings: Vec::new(),
            declared: Vec::new(),
        }),
    };
    asked.told = asked.told.and(place.declared.inputs);
    asked.settings.push(place.settings);
    asked.bindings.push(position);
    asked.declared.push(place.declared);
}

impl Asked {
    /// The question to those of the bindings alone whose policy declares these inputs: one at a
    /// time, to find out which of them fails.
    pub(super) fn alone(&self, index: usize) -> Self {
        Self {
            unit: self.unit,
            told: self.declared[index].inputs,
            settings: vec![self.settings[index]],
            bindings: vec![self.bindings[index]],
            declared: vec![self.declared[index]],
        }
    }
}
