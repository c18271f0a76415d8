//! The verdicts of a caller's bindings: remembered where they are still true, asked otherwise.

use std::sync::Arc;

use stockade_core::{BindingVerdict, Outcome, PolicyInput, Verdict};
use stockade_engine::{Holds, Inputs, Judgement};

use super::Generation;
use super::bindings::{Asked, Selection};
use super::decide::is_made_of_blobs;
use super::question::Question;
use crate::memo::Timed;

/// The verdicts of some bindings, in the order of the configuration.
#[derive(Clone)]
pub(super) struct Known {
    /// The places of the bindings in the configuration.
    positions: Arc<[usize]>,
    verdicts: Arc<[BindingVerdict]>,
}

impl Known {
    fn each(&self) -> impl Iterator<Item = (usize, &BindingVerdict)> {
        self.positions.iter().copied().zip(self.verdicts.iter())
    }
}

/// Outcomes with the positions of their bindings.
struct Collected {
    outcomes: Vec<(usize, Outcome)>,
    holds: Holds,
}

impl Generation {
    /// Asks every policy that is bound to the caller. The verdicts stand in the order of
    /// the bindings in the configuration. Tells also for how long an equal request has the same.
    pub(super) async fn verdicts(&self, input: &PolicyInput<'_>) -> (Arc<[BindingVerdict]>, Holds) {
        let selection = self.bindings.select(input.principal);
        let question = Question::verdicts(selection.number, input, selection.told);
        let second = input.time.unix.as_secs();
        let known =
            question.as_ref().and_then(|question| self.memo.true_at(question.bytes(), second));
        match known {
            Some(Timed { value, holds, .. }) if selection.passing.is_empty() => {
                (value.verdicts, holds)
            }
            // Without a place of its own, the future would be copied for each remembered answer.
            known => Box::pin(self.asked(known, question, &selection, input)).await,
        }
    }

    /// Asks what is not known, and remembers it.
    async fn asked(
        &self,
        known: Option<Timed<Known>>,
        question: Option<Question>,
        selection: &Selection,
        input: &PolicyInput<'_>,
    ) -> (Arc<[BindingVerdict]>, Holds) {
        if let Some(known) = known {
            return self.with_passing(known, selection, input).await;
        }
        let known = self.ask(&selection.comparable, input).await;
        if let Some(question) = question {
            self.memo.keep_while_true(question.bytes(), &known);
        }
        self.with_passing(known, selection, input).await
    }

    /// The same without looking at what is remembered and without remembering it: for lists, whose
    /// many questions would push out those of chats. Tells also for how long an equal request has
    /// the same verdicts.
    pub(super) async fn verdicts_afresh(
        &self,
        selection: &Selection,
        input: &PolicyInput<'_>,
    ) -> (Arc<[BindingVerdict]>, Holds) {
        let known = self.ask(&selection.comparable, input).await;
        let (verdicts, holds) = self.with_passing(known, selection, input).await;
        (verdicts, if selection.passing.is_empty() { holds } else { Holds::Not })
    }

    /// Adds the verdicts of those that are asked each time.
    async fn with_passing(
        &self,
        known: Timed<Known>,
        selection: &Selection,
        input: &PolicyInput<'_>,
    ) -> (Arc<[BindingVerdict]>, Holds) {
        if selection.passing.is_empty() {
            return (known.value.verdicts, known.holds);
        }
        let passing = self.ask(&selection.passing, input).await;
        let mut all: Vec<_> = known.value.each().chain(passing.value.each()).collect();
        all.sort_unstable_by_key(|(position, _)| *position);
        let verdicts = all.into_iter().map(|(_, verdict)| verdict.clone()).collect();
        (verdicts, known.holds.and(passing.holds))
    }

    /// Asks afresh.
    async fn ask(&self, questions: &[Asked], input: &PolicyInput<'_>) -> Timed<Known> {
        let mut collected = Collected { outcomes: Vec::new(), holds: Holds::Always };
        for asked in questions {
            self.ask_unit(asked, input, &mut collected).await;
        }
        let Collected { mut outcomes, holds } = collected;
        outcomes.sort_unstable_by_key(|(position, _)| *position);
        let positions = outcomes.iter().map(|(position, _)| *position).collect();
        let verdicts =
            outcomes.into_iter().map(|(at, outcome)| self.verdict(at, outcome)).collect();
        let value = Known { positions, verdicts };
        Timed { value, from: input.time.unix.as_secs(), holds }
    }

    async fn ask_unit(&self, asked: &Asked, input: &PolicyInput<'_>, into: &mut Collected) {
        let unit = &self.units[asked.unit];
        let mut judgement = unit.evaluate_told(input, asked.told, &asked.settings).await;
        if asked.bindings.len() > 1 && self.is_shared(asked) && failed(&judgement) {
            // Rare, and its future would make that of every request larger.
            judgement = Box::pin(self.ask_each(asked, input)).await;
        }
        into.holds = into.holds.and(judgement.holds);
        let outcomes = judgement.outcomes.into_iter().zip(&asked.declared);
        let counted = outcomes.map(|(outcome, declared)| counted(outcome, input, declared.inputs));
        into.outcomes.extend(asked.bindings.iter().copied().zip(counted));
    }

    /// Tells whether bindings of several policies are asked in one call.
    fn is_shared(&self, asked: &Asked) -> bool {
        let policy = |binding: &usize| &self.config.bindings[*binding].policy;
        asked.bindings.windows(2).any(|pair| policy(&pair[0]) != policy(&pair[1]))
    }

    /// Asks the bindings of a unit one by one, so that a failure is that of its policy alone.
    async fn ask_each(&self, asked: &Asked, input: &PolicyInput<'_>) -> Judgement {
        let mut all = Judgement { outcomes: Vec::new(), holds: Holds::Not };
        for index in 0..asked.bindings.len() {
            let one = asked.alone(index);
            let unit = &self.units[one.unit];
            let judgement = unit.evaluate_told(input, one.told, &one.settings).await;
            all.outcomes.extend(judgement.outcomes);
        }
        all
    }

    fn verdict(&self, binding: usize, outcome: Outcome) -> BindingVerdict {
        let bound = &self.config.bindings[binding];
        self.nonsense.tell((binding, bound), &outcome);
        BindingVerdict {
            binding: bound.name.clone(),
            policy: bound.policy.clone(),
            enforced: bound.enforced,
            outcome,
        }
    }
}

fn failed(judgement: &Judgement) -> bool {
    judgement.outcomes.iter().any(|outcome| matches!(outcome, Outcome::Failure(_)))
}

/// Leaves out an allow that does not count: of a model made of blobs, that of a policy that does
/// not judge them, because a digest reaches the weights of every model.
fn counted(outcome: Outcome, input: &PolicyInput<'_>, inputs: Inputs) -> Outcome {
    let made_of_blobs = is_made_of_blobs(input.operation, input.parameters);
    let allows = matches!(outcome, Outcome::Verdict(Verdict::Allow(_)));
    if made_of_blobs && allows && !inputs.has(Inputs::BLOBS) {
        let note = "for a model made of files only a policy that judges them can allow";
        return Outcome::Verdict(Verdict::Abstain(Some(note.to_owned())));
    }
    outcome
}
