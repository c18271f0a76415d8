//! The models of a list that a caller may use.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use stockade_core::{
    Allowed, Content, Dialect, ModelName, ModelRef, ModelRole, Parameters, combine,
};
use stockade_engine::{Holds, Inputs};
use tokio::sync::Mutex;

use super::bindings::Selection;
use super::question::Question;
use super::{Asker, Generation, Hypothetical, USES};
use crate::memo::{Memo, Timed};

/// Models that are asked about before others have a turn: a list of hundreds must not keep
/// everybody else on its thread waiting.
const AT_ONCE: usize = 8;

/// Tells of each model of a list whether a caller may use it.
type Usable = Timed<Arc<[bool]>>;

/// The remembered answers to lists of models, and the turns of those who ask.
pub(super) struct Lists {
    answers: Memo<Usable>,
    /// Callers that share one wait for each other, which costs little and keeps their number
    /// bounded.
    turns: Box<[Mutex<()>]>,
}

/// Turns of callers.
const TURNS: usize = 256;

impl Lists {
    /// Remembers at most so many lists.
    pub(super) fn new(most: usize) -> Self {
        let turns = (0..TURNS).map(|_| Mutex::new(())).collect();
        Self { answers: Memo::new(most), turns }
    }

    fn turn(&self, user: &str) -> &Mutex<()> {
        &self.turns[self.answers.number(user.as_bytes()) % self.turns.len()]
    }
}

impl Generation {
    /// Tells of each model whether the scope of the credential and the policies that judge a call
    /// would permit the caller at least one use of it, in an API.
    pub async fn usable(
        &self,
        asker: Asker<'_>,
        dialect: Dialect,
        names: &[&ModelName],
    ) -> Arc<[bool]> {
        let selection = self.bindings.select(asker.principal);
        let key = listed(asker, dialect, names, &selection);
        let second = asker.time.unix.as_secs();
        let answers = &self.lists.answers;
        if let Some(known) = answers.true_at(&key, second) {
            return known.value;
        }
        // One list of a caller at a time: whoever waits finds the answer of the first.
        let _turn = self.lists.turn(asker.principal.user.as_str()).lock().await;
        if let Some(known) = answers.true_at(&key, second) {
            return known.value;
        }
        let usable = self.uses_of_all(asker, dialect, names, &selection).await;
        answers.keep_while_true(&key, &usable);
        usable.value
    }

    async fn uses_of_all(
        &self,
        asker: Asker<'_>,
        dialect: Dialect,
        names: &[&ModelName],
        selection: &Selection,
    ) -> Usable {
        let mut all = Vec::with_capacity(names.len());
        let mut holds = Holds::Always;
        for (index, name) in names.iter().enumerate() {
            if index % AT_ONCE == AT_ONCE - 1 {
                tokio::task::yield_now().await;
            }
            let (usable, of_one) = self.is_usable(asker, dialect, name, selection).await;
            all.push(usable);
            holds = holds.and(of_one);
        }
        Timed { value: all.into(), from: asker.time.unix.as_secs(), holds }
    }

    /// Tells whether any use of a model is permitted, and for how long that holds.
    async fn is_usable(
        &self,
        asker: Asker<'_>,
        dialect: Dialect,
        name: &ModelName,
        selection: &Selection,
    ) -> (bool, Holds) {
        let mut holds = Holds::Always;
        for operation in USES {
            let request = Hypothetical {
                operation,
                models: vec![ModelRef { name: name.clone(), role: ModelRole::Use }],
                dialect,
                parameters: Parameters::default(),
                content: Content::default(),
            };
            if asker.scope.check(&request).is_err() {
                continue;
            }
            let (verdicts, of_one) =
                self.verdicts_afresh(selection, &self.input(asker, &request)).await;
            holds = holds.and(of_one);
            match combine(&request, &verdicts) {
                Ok(Allowed::Changed(change)) if change.model().is_some() => {
                    // Another question, whose answer is not remembered here.
                    holds = Holds::Not;
                    if self.decide(asker, request.clone()).await.result.is_ok() {
                        return (true, holds);
                    }
                }
                // There is no body whose fields could be changed.
                Ok(Allowed::AsAsked(_) | Allowed::Changed(_)) => return (true, holds),
                Err(_) => {}
            }
        }
        (false, holds)
    }
}

/// The question, short: a list has hundreds of names.
fn listed(
    asker: Asker<'_>,
    dialect: Dialect,
    names: &[&ModelName],
    selection: &Selection,
) -> [u8; 32] {
    let told = selection.told;
    let request = Hypothetical {
        operation: USES[0],
        models: Vec::new(),
        dialect,
        parameters: Parameters::default(),
        content: Content::default(),
    };
    let input = asker.input(&request);
    let mut question = Question::usable(selection.number, &input, told, asker.scope);
    for name in names {
        let presence = told.has(Inputs::CATALOGUE).then(|| asker.catalogue.find(name));
        question.listed(name, asker.catalogue.is_cloud(name), presence);
    }
    Sha256::digest(question.bytes()).into()
}
