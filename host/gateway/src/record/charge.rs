//! The usage of a request that was admitted: charged once, when its record ends.

use std::time::{Duration, Instant};

use stockade_core::record::Charged;
use stockade_core::{QuotaName, UnixTime};
use stockade_ollama::response::{Measurement, TokenUsage};
use stockade_usage::turn::Place;
use stockade_usage::{Admission, Used};

use crate::admit::Admitted;
use crate::metering::{Speed, Turn};

/// The most that one request is charged of anything: sums of what a broken upstream says must not
/// overflow.
const MOST: u64 = 1 << 40;

/// The amounts and the turn that are held for a request as long as it is under way.
pub(super) struct Charge {
    admission: Admission,
    /// The time of the admission, by the clock of windows and by one that nobody sets.
    admitted: (UnixTime, Instant),
    turn: Option<Turn>,
    /// About as many tokens as the prompt has.
    prompt: u64,
    /// The most tokens that the answer may have.
    longest: u64,
    /// True if the answer is asked for as a stream.
    streams: bool,
    /// True if the request keeps Ollama's GPU busy.
    runs_here: bool,
    /// The time at which it was sent to Ollama.
    sent: Option<Instant>,
    pub(super) waiting: Option<Waiting>,
}

/// A request that had to wait for its turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    /// Its place when it came.
    pub(crate) place: Place,
    /// The time that it waited.
    pub(crate) waited: Duration,
}

/// The usage that the ledger counts.
pub(super) struct Spent {
    pub(super) charged: Charged,
    pub(super) load_ms: u64,
    /// The tokens of the answer by Ollama's own account, and the time in which it made them.
    pub(super) answered: Option<(u64, Duration)>,
}

impl Charge {
    pub(super) fn new(admitted: Admitted) -> Self {
        let Admitted { admission, at, prompt, longest, streams, runs_here, .. } = admitted;
        let admitted = (at, Instant::now());
        Self {
            admission,
            admitted,
            turn: None,
            prompt,
            longest,
            streams,
            runs_here,
            sent: None,
            waiting: None,
        }
    }

    /// Returns the quotas that have no room for the request and do not refuse it.
    pub(super) fn exceeded(&self) -> impl Iterator<Item = &QuotaName> {
        self.admission.exceeded().iter().map(|exceeded| &exceeded.quota)
    }

    pub(super) fn begin_turn(&mut self, turn: Turn) {
        self.waiting = turn.place().map(|place| Waiting { place, waited: turn.waited() });
        self.turn = Some(turn);
    }

    pub(super) const fn take_turn(&mut self) -> Option<Turn> {
        self.turn.take()
    }

    /// Notes that the request is sent to Ollama: from now on it is charged, however it ends.
    pub(super) fn sent(&mut self) {
        self.sent.get_or_insert_with(Instant::now);
        let input = self.prompt;
        self.admission.charge_seen(Used { input, ..Used::default() });
    }

    /// Notes that it has to be sent again, because nothing has run.
    pub(super) const fn not_sent_yet(&mut self) {
        self.sent = None;
    }

    /// Ends a request of which nothing has run.
    pub(super) fn give_back(self) {
        self.admission.give_back();
        if let Some(turn) = self.turn {
            turn.cancel();
        }
    }

    /// Ends the request with what its answer says, or with what was seen of it. Where nothing was,
    /// it has the tokens that the model makes in the time that passed. `None` where it was never
    /// sent.
    pub(super) fn settle(
        mut self,
        measured: &Measurement,
        is_stream: bool,
        speed: Speed,
    ) -> Option<Spent> {
        let Some(sent) = self.sent else {
            self.give_back();
            return None;
        };
        let Measurement { usage, objects, pulled, .. } = *measured;
        let seen =
            if is_stream || self.streams { objects } else { speed.tokens_in(sent.elapsed()) };
        let gpu = if self.runs_here { gpu(&usage, sent.elapsed()) } else { Duration::ZERO };
        let used = Used {
            input: usage.prompt.unwrap_or(self.prompt).min(MOST),
            output: usage.output.unwrap_or(seen.min(self.longest)).min(MOST),
            gpu_ms: milliseconds(gpu).min(MOST),
            pulled: pulled.min(MOST),
        };
        let load = usage.load_duration.unwrap_or_default();
        let (at, then) = self.admitted;
        let ended = at.as_duration().saturating_add(then.elapsed());
        self.admission.ended(UnixTime::from_duration(ended));
        self.admission.settle(used);
        if let Some(turn) = self.turn {
            // Others waited for the model to be loaded, too.
            turn.end(gpu + load.min(sent.elapsed()));
        }
        let charged = Charged {
            input_tokens: used.input,
            output_tokens: used.output,
            gpu_milliseconds: used.gpu_ms,
            pulled_bytes: used.pulled,
        };
        let load_ms = milliseconds(load).min(MOST);
        let answered = usage.output.zip(usage.output_duration);
        Some(Spent { charged, load_ms, answered })
    }
}

/// Returns the time in which the model worked, by Ollama's own account; the APIs of others do not
/// tell it, so there the time that passed counts.
fn gpu(usage: &TokenUsage, elapsed: Duration) -> Duration {
    let TokenUsage { prompt_duration, output_duration, total_duration, load_duration, .. } = *usage;
    match (prompt_duration, output_duration, total_duration) {
        (None, None, None) => elapsed,
        // Embeddings have no parts.
        (None, None, Some(total)) => total.saturating_sub(load_duration.unwrap_or_default()),
        (prompt, output, _) => prompt.unwrap_or_default() + output.unwrap_or_default(),
    }
}

/// Returns whole milliseconds, rounded up: nothing that has run is free.
fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX)
}
