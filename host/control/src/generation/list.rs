//! The models of a list that a caller may use.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use stockade_core::{
    Allowed, Content, Dialect, ModelName, ModelRef, ModelRole, Parameters, combine,
};
use stockade_engine::{Holds, Inputs};
use tokio::sync::Mutex;

use super::bindings::Selection;
use super::memo::Memo;
use super::question::Question;
use super::verdicts::Term;
use super::{Asker, Generation, Hypothetical, USES};

/// Models that are asked about before others have a turn: a list of hundreds must not keep
/// everybody else on its thread waiting.
const AT_ONCE: usize = 8;

/// What a caller may do with the models of a list: bits in the order of [`USES`].
#[derive(Clone)]
pub(super) struct Usable {
    uses: Arc<[u8]>,
    term: Term,
}

impl Usable {
    fn shown(&self) -> Vec<bool> {
        self.uses.iter().map(|uses| *uses != 0).collect()
    }
}

/// What callers may do with lists of models, and who is asking.
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

    fn known(&self, key: &[u8], second: u64) -> Option<Usable> {
        self.answers.get(key).filter(|known| known.term.includes(second))
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
    ) -> Vec<bool> {
        let selection = self.bindings.select(asker.principal);
        let key = listed(asker, dialect, names, &selection);
        let second = asker.time.unix.as_secs();
        if let Some(known) = self.lists.known(&key, second) {
            return known.shown();
        }
        // One list of a caller at a time: whoever waits finds the answer of the first.
        let _turn = self.lists.turn(asker.principal.user.as_str()).lock().await;
        match self.lists.known(&key, second) {
            Some(known) => known.shown(),
            None => self.lists_afresh(asker, dialect, names, (&selection, &key)).await.shown(),
        }
    }

    async fn lists_afresh(
        &self,
        asker: Asker<'_>,
        dialect: Dialect,
        names: &[&ModelName],
        (selection, key): (&Selection, &[u8]),
    ) -> Usable {
        let usable = self.uses_of_all(asker, dialect, names, selection).await;
        if usable.term.holds != Holds::Not {
            self.lists.answers.keep(key, usable.clone());
        }
        usable
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
            let (uses, of_one) = self.use_of(asker, dialect, name, selection).await;
            all.push(uses);
            holds = holds.and(of_one);
        }
        Usable { uses: all.into(), term: Term { from: asker.time.unix.as_secs(), holds } }
    }

    /// The first use that is permitted, as a bit; nothing where none is.
    async fn use_of(
        &self,
        asker: Asker<'_>,
        dialect: Dialect,
        name: &ModelName,
        selection: &Selection,
    ) -> (u8, Holds) {
        let mut holds = Holds::Always;
        for (bit, operation) in USES.into_iter().enumerate() {
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
            let answered = self.verdicts_afresh(selection, &asker.input(&request)).await;
            holds = holds.and(answered.holds);
            match combine(&request, &answered.verdicts) {
                Ok(Allowed::AsAsked(_)) => return (1 << bit, holds),
                Ok(Allowed::Changed(_)) => {
                    // Another question, whose answer is not remembered here.
                    holds = Holds::Not;
                    if self.decide(asker, request.clone()).await.result.is_ok() {
                        return (1 << bit, holds);
                    }
                }
                Err(_) => {}
            }
        }
        (0, holds)
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
