//! The choice of the bindings that apply to a caller, without looking at all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use stockade_config::Binding;
use stockade_core::Principal;
use stockade_engine::Inputs;

use super::question::PASSING;
use super::subjects::ByCaller;

/// The bindings by their subjects. A position is a place in `Config::bindings`.
pub(super) struct BindingTable {
    selections: ByCaller<Arc<Selection>>,
    places: Vec<Place>,
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
        Self {
            inputs,
            selections: ByCaller::new(bindings.iter().map(|binding| &binding.subjects)),
            places,
            made: AtomicU64::new(0),
        }
    }

    /// Returns the inputs that any of the bound policies declares.
    pub(super) const fn inputs(&self) -> Inputs {
        self.inputs
    }

    /// Returns the questions for one caller.
    pub(super) fn select(&self, principal: &Principal) -> Arc<Selection> {
        self.selections.of(principal, |positions| Arc::new(self.selection(&positions)))
    }

    fn selection(&self, positions: &[usize]) -> Selection {
        let (mut comparable, mut passing) = (Vec::new(), Vec::new());
        for &position in positions {
            let place = self.places[position];
            let is_comparable = place.declared.is_comparable();
            ask(if is_comparable { &mut comparable } else { &mut passing }, position, place);
        }
        let told = comparable.iter().fold(Inputs::NONE, |all, asked: &Asked| all.and(asked.told));
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        Selection { number, comparable, told, passing }
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
