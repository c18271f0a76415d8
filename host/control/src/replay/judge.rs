//! The decision of a generation about a recorded request. Equal questions are asked once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use stockade_core::record::{Cause, RecordedInput};
use stockade_core::{DenialCause, ModelRef, ModelRole, Operation, PolicyName, Presence, UnixTime};
use stockade_engine::{Holds, Inputs};

use super::credential::Credential;
use super::effect::Effect;
use super::line::{Line, Text, Told, Unreadable, read};
use super::report::Lack;
use crate::generation::{DecisionInput, Generation, Hypothetical, NotJudgeable, RecordedCaller};
use crate::memo::{Memo, Timed};

/// Callers that are remembered of logs; some 500 bytes each.
const CALLERS: usize = 1 << 16;
/// Effects that are remembered of logs; some 700 bytes each.
const EFFECTS: usize = 1 << 17;
/// The part of both that is remembered beside a gateway.
const PART: usize = 16;

/// A generation that judges recorded requests.
pub(super) struct Judge {
    generation: Arc<Generation>,
    callers: Memo<Arc<KnownCaller>>,
    effects: Memo<Timed<Arc<Effect>>>,
    /// The number of callers so far.
    made: AtomicU64,
}

/// A caller of records, as the generation knows it.
struct KnownCaller {
    /// No other caller has it.
    number: u64,
    state: State,
}

enum State {
    /// The caller may come.
    Comes {
        caller: RecordedCaller,
        /// The inputs of the enforced policies that judge the caller, one by one and together.
        policies: Vec<(PolicyName, Inputs)>,
        told: Inputs,
        /// The first second in which the credential is not good any more, if there is one.
        ends: Option<UnixTime>,
    },
    /// The caller may not, whatever it asks for.
    Refused(Arc<Effect>),
}

/// The reason why a line is not judged.
pub(super) enum Unjudged {
    /// It is not as this version writes it.
    Unreadable,
    /// Nobody was asked about it.
    Undecided,
    /// A policy looks at what is not in the record.
    Lacks(PolicyName, Lack),
}

impl From<Unreadable> for Unjudged {
    fn from(Unreadable: Unreadable) -> Self {
        Self::Unreadable
    }
}

impl Judge {
    /// Judges long logs, with room for much.
    pub(super) fn of_logs(generation: Arc<Generation>) -> Self {
        Self::with(generation, Memo::new(CALLERS), Memo::new(EFFECTS))
    }

    /// Judges what a gateway decides, with less.
    pub(super) fn of_traffic(generation: Arc<Generation>) -> Self {
        Self::with(generation, Memo::new(CALLERS / PART), Memo::new(EFFECTS / PART))
    }

    const fn with(
        generation: Arc<Generation>,
        callers: Memo<Arc<KnownCaller>>,
        effects: Memo<Timed<Arc<Effect>>>,
    ) -> Self {
        Self { generation, callers, effects, made: AtomicU64::new(0) }
    }

    /// Returns what becomes of the request of a line.
    ///
    /// # Errors
    /// It cannot be judged.
    pub(super) fn judge(&self, line: &Line<'_>, told: &Told<'_>) -> Result<Arc<Effect>, Unjudged> {
        let known = self.caller(line)?;
        let (caller, policies, inputs) = match &known.state {
            State::Refused(effect) => return Ok(Arc::clone(effect)),
            State::Comes { ends: Some(end), .. } if end.as_secs() <= told.at => {
                let reason = "the credential is not good any more at that time".to_owned();
                return Ok(Arc::new(Effect::refused(Cause::Unproven, reason)));
            }
            State::Comes { caller, policies, told, .. } => (caller, policies, *told),
        };
        if let Some((lacking, lack)) = Lack::of(inputs, told) {
            let looks = policies.iter().find(|(_, inputs)| inputs.has_any(lacking));
            return Err(looks
                .map_or(Unjudged::Undecided, |(policy, _)| Unjudged::Lacks(policy.clone(), lack)));
        }
        let key = question(known.number, line, told, inputs);
        if let Some(known) = self.effects.true_at(&key, told.at) {
            return Ok(known.value);
        }
        let (effect, holds) = self.decide(caller, line)?;
        // Policies that cannot look at the time are sure of their answers.
        let holds = if inputs.has(Inputs::TIME) { holds } else { Holds::Always };
        let effect = Timed { value: Arc::new(effect), from: told.at, holds };
        self.effects.keep_while_true(&key, &effect);
        Ok(effect.value)
    }

    fn caller(&self, line: &Line<'_>) -> Result<Arc<KnownCaller>, Unjudged> {
        let mut key = Vec::with_capacity(256);
        line.caller_texts().iter().for_each(|text| add(&mut key, *text));
        if let Some(known) = self.callers.get(&key) {
            return Ok(known);
        }
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let known = Arc::new(KnownCaller { number, state: self.state(line)? });
        self.callers.keep(&key, Arc::clone(&known));
        Ok(known)
    }

    fn state(&self, line: &Line<'_>) -> Result<State, Unjudged> {
        let caller = line.caller()?;
        let refused = |reason| State::Refused(Arc::new(Effect::refused(Cause::Unproven, reason)));
        let ends = match Credential::of(&caller).find(&self.generation.config) {
            Ok(ends) => ends,
            Err(gone) => return Ok(refused(gone.to_string())),
        };
        let caller = match self.generation.recorded_caller(&caller, &[]) {
            Ok(caller) => caller,
            Err(NotJudgeable::Undecided) => return Err(Unjudged::Undecided),
            Err(NotJudgeable::Impossible(impossible)) => {
                return Ok(refused(impossible.to_string()));
            }
        };
        let policies = self.generation.enforced_on(&caller.principal);
        let told = policies.iter().fold(Inputs::NONE, |all, (_, inputs)| all.and(*inputs));
        Ok(State::Comes { caller, policies, told, ends })
    }

    /// Asks, and tells for how long an equal request has the same answer.
    fn decide(
        &self,
        caller: &RecordedCaller,
        line: &Line<'_>,
    ) -> Result<(Effect, Holds), Unjudged> {
        let facts: RecordedInput = read(line.decision_input)?.ok_or(Unjudged::Undecided)?;
        let operation = line.operation.ok_or(Unjudged::Undecided)?;
        let asked = (operation, line.models()?);
        let input = self.generation.recorded_request(caller, asked, &facts);
        let decision = input.decide(&self.generation);
        let (holds, effect) = (decision.holds, Effect::from(decision));
        Ok(match pull_of_base(&input).filter(|_| effect.is_permit()) {
            Some(pull) => self.with_pull((effect, holds), &pull),
            None => (effect, holds),
        })
    }

    /// Judges the pull of a base as the gateway does: what is not installed, Ollama pulls.
    fn with_pull(&self, (effect, holds): (Effect, Holds), pull: &DecisionInput) -> (Effect, Holds) {
        let base = pull.request.models.first().map(|model| model.name.to_string());
        let base = base.unwrap_or_default();
        let decision = pull.decide(&self.generation);
        let holds = holds.and(decision.holds);
        let effect = match Effect::from(decision) {
            Effect::Permit { obligations, .. } if obligations.replace_model.is_none() => effect,
            Effect::Permit { .. } => {
                let reason = format!("a policy would replace the base {base}");
                Effect::refused(Cause::Policy(DenialCause::NotAllowed), reason)
            }
            Effect::Refuse { cause, reason, binding } => {
                let reason = format!("the base {base} is not installed: {reason}");
                Effect::Refuse { cause, reason, binding }
            }
        };
        (effect, holds)
    }
}

/// Returns the pull that a request brings with it: that of a base that was not installed.
fn pull_of_base(input: &DecisionInput) -> Option<DecisionInput> {
    let bases = input.request.models.iter().filter(|model| model.role == ModelRole::Base);
    let is_missing =
        |model: &&ModelRef| !matches!(input.catalogue.find(&model.name), Presence::Installed(..));
    let base = bases.clone().find(is_missing)?.name.clone();
    let role = ModelRole::of(Operation::Pull);
    let request = Hypothetical {
        operation: Operation::Pull,
        models: vec![ModelRef { name: base, role }],
        parameters: stockade_core::Parameters::default(),
        content: stockade_core::Content::default(),
        ..input.request.clone()
    };
    Some(DecisionInput { request, ..input.clone() })
}

/// Writes down all that the answer to a line can depend on but the time, for policies that are told these inputs.
/// Texts that differ in spelling only are asked about twice, which is right and seldom.
fn question(caller: u64, line: &Line<'_>, told: &Told<'_>, inputs: Inputs) -> Vec<u8> {
    let mut key = Vec::with_capacity(512);
    key.extend_from_slice(&caller.to_le_bytes());
    key.push(line.operation.map_or(u8::MAX, |operation| operation as u8));
    add(&mut key, line.models);
    add(&mut key, Some(told.api));
    let contains = |text: Text<'_>, word| text.is_some_and(|text| text.get().contains(word));
    let is_told = |wanted| inputs.has_any(wanted);
    let client = is_told(Inputs::CLIENT);
    // The gateway itself looks at digests, and at whether a model is in a cloud or installed.
    let has_digests = contains(told.parameters, "digests\":");
    let is_looked_up =
        contains(told.catalogue, "\"cloud\":true") || line.operation == Some(Operation::Create);
    for (text, matters) in [
        (told.parameters, is_told(Inputs::PARAMETERS.and(Inputs::BLOBS)) || has_digests),
        (told.catalogue, is_told(Inputs::CATALOGUE) || is_looked_up),
        (Some(told.address), client),
        (Some(told.transport), client),
        (told.listener, client),
        (told.tools, is_told(Inputs::TOOLS)),
        (told.prompt, is_told(Inputs::PROMPT)),
        (told.usage, is_told(Inputs::USAGE)),
    ] {
        add(&mut key, text.filter(|_| matters));
    }
    key
}

/// Adds a text with its length before it, so that different texts never make the same bytes.
fn add(key: &mut Vec<u8>, text: Text<'_>) {
    let text = text.map_or("", serde_json::value::RawValue::get);
    key.extend_from_slice(&(text.len() as u64).to_le_bytes());
    key.extend_from_slice(text.as_bytes());
}
