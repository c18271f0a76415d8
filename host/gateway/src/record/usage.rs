//! The usage of a request: held while it is under way, charged once, and counted in the ledger.

use std::sync::Arc;

use stockade_core::record::{Charged, RequestOutcome};
use stockade_core::{ModelName, UnixTime};
use stockade_usage::ledger::{Counts, UsageKey};

use super::written::shown_models;
use super::{Charge, Record, Waiting};
use crate::admit::Admitted;
use crate::metering::{Metering, Turn};

/// The place where a request is counted, and the hour in which it came.
pub(super) struct Account {
    metering: Arc<Metering>,
    hour: UnixTime,
}

impl Record {
    /// Notes where it is counted, and in which hour.
    pub(crate) fn counted_in(&mut self, metering: Arc<Metering>, hour: UnixTime) {
        self.account = Some(Account { metering, hour });
    }

    /// The quotas have room for it.
    pub(crate) fn admitted(&mut self, admitted: Admitted) {
        let charge = Charge::new(admitted);
        self.exceeded.extend(charge.exceeded().cloned());
        self.charge = Some(charge);
    }

    /// It has a turn at Ollama.
    pub(crate) fn has_turn(&mut self, turn: Turn) {
        if let Some(charge) = &mut self.charge {
            charge.begin_turn(turn);
            self.waiting = charge.waiting.or(self.waiting);
        }
    }

    /// Takes its turn, to give it back.
    pub(crate) fn take_turn(&mut self) -> Option<Turn> {
        self.charge.as_mut().and_then(Charge::take_turn)
    }

    /// Returns the time that it waited for its turn, and its place when it came.
    pub(crate) const fn waiting(&self) -> Option<Waiting> {
        self.waiting
    }

    /// It is sent to Ollama, and charged from now on.
    pub(crate) fn sent(&mut self) {
        if let Some(charge) = &mut self.charge {
            charge.sent();
        }
        self.steps.sent = Some(self.elapsed());
    }

    /// It has to be sent again, for nothing has run.
    pub(crate) fn not_sent_yet(&mut self) {
        if let Some(charge) = &mut self.charge {
            charge.not_sent_yet();
        }
    }

    /// Nothing of it has run.
    pub(crate) fn gave_nothing(&mut self) {
        if let Some(charge) = self.charge.take() {
            charge.give_back();
        }
    }

    /// Charges it with what its answer says, once.
    pub(crate) fn settle(&mut self) {
        let (Some(charge), Some(account)) = (self.charge.take(), &self.account) else { return };
        let model = self.forwarded_model();
        let speeds = account.metering.speeds();
        let speed = speeds.of(model.as_ref());
        let Some(spent) = charge.settle(&self.measured, self.is_stream, speed) else { return };
        if let (Some(model), Some((tokens, time))) = (&model, spent.answered) {
            speeds.note(model, tokens, time);
        }
        let Charged { input_tokens, output_tokens, gpu_milliseconds, pulled_bytes } = spent.charged;
        self.charged = Some(spent.charged);
        self.count(
            model,
            Counts {
                requests: 1,
                input: input_tokens,
                output: output_tokens,
                gpu_ms: gpu_milliseconds,
                load_ms: spent.load_ms,
                pulled: pulled_bytes,
                ..Counts::default()
            },
        );
    }

    /// Counts it as refused, if it was.
    pub(super) fn count_refusal(&self) {
        if self.outcome == RequestOutcome::Refused {
            // Callers may invent names of models, and the ledger keeps each row.
            self.count(None, Counts { refused: 1, ..Counts::default() });
        }
    }

    fn forwarded_model(&self) -> Option<ModelName> {
        let replaced_by = self.permission.as_ref().and_then(|by| by.replaced_by.as_ref());
        let asked = shown_models(&self.models);
        replaced_by.or_else(|| asked.first().map(|model| &model.name)).cloned()
    }

    fn count(&self, model: Option<ModelName>, counts: Counts) {
        let (Some(account), Some(caller), Some(operation)) =
            (&self.account, &self.caller, self.operation)
        else {
            return;
        };
        let key = UsageKey {
            hour: account.hour,
            user: caller.principal.user.clone(),
            credential: caller.principal.credential.clone(),
            model,
            operation,
        };
        account.metering.count(key, counts);
    }
}
