//! Everything that a request is judged by, as one immutable value.
//!
//! A generation is built whole from one reading of the configuration, proven, and then
//! swapped in. A request takes one generation at its start and keeps it to its end.

mod bindings;
mod build;

use std::net::SocketAddr;

use jiff::tz::TimeZone;
use stockade_authn::Authenticator;
use stockade_core::{
    Clock, Dialect, LocalTime, ModelRef, Operation, Opinion, Outcome, Parameters, PolicyInput,
    Principal, UnixTime,
};
use stockade_engine::PreparedPolicy;

use crate::Tls;
use crate::config::{Config, Listener};
use bindings::{Asked, BindingTable};

pub(crate) use build::authenticator;
pub use build::{build, candidate};

/// One immutable state of the gateway.
pub struct Generation {
    /// Counted from 1; a rejected candidate does not use up a number.
    pub number: u64,
    /// What the configuration says.
    pub config: Config,
    /// Who may come in.
    pub authenticator: Authenticator,
    time_zone: TimeZone,
    policies: Vec<PreparedPolicy>,
    bindings: BindingTable,
}

/// Outcomes with the positions of their bindings.
#[derive(Default)]
struct Collected(Vec<(usize, Outcome)>);

impl Collected {
    fn add(&mut self, asked: &Asked, outcomes: Vec<Outcome>) {
        self.0.extend(asked.bindings.iter().copied().zip(outcomes));
    }
}

impl Generation {
    /// Ask every policy that is bound to the caller. The opinions stand in the order of
    /// the bindings in the configuration.
    pub async fn opinions(&self, input: &PolicyInput<'_>) -> Vec<Opinion> {
        let selection = self.bindings.select(input.principal);
        let mut collected = Collected::default();
        for asked in &selection {
            let policy = &self.policies[asked.policy];
            collected.add(asked, policy.evaluate(input, &asked.settings).await);
        }
        self.sorted(collected)
    }

    /// [`opinions`](Self::opinions) for callers without a runtime.
    pub fn opinions_blocking(&self, input: &PolicyInput<'_>) -> Vec<Opinion> {
        let selection = self.bindings.select(input.principal);
        let mut collected = Collected::default();
        for asked in &selection {
            let policy = &self.policies[asked.policy];
            collected.add(asked, policy.evaluate_blocking(input, &asked.settings));
        }
        self.sorted(collected)
    }

    fn sorted(&self, Collected(mut outcomes): Collected) -> Vec<Opinion> {
        outcomes.sort_unstable_by_key(|(binding, _)| *binding);
        let opinion = |(binding, outcome)| self.opinion(binding, outcome);
        outcomes.into_iter().map(opinion).collect()
    }

    fn opinion(&self, binding: usize, outcome: Outcome) -> Opinion {
        let bound = &self.config.bindings[binding];
        Opinion {
            binding: bound.name.clone(),
            policy: bound.policy.clone(),
            enforced: bound.enforced,
            outcome,
        }
    }

    /// The listener at this address, if it is configured. Several may ask for port 0, with
    /// TLS and without; the one that is alike in that is meant, if there is one.
    pub fn listener(&self, address: SocketAddr, tls: bool) -> Option<&Listener> {
        let there = || self.config.listen.iter().filter(|listener| listener.address == address);
        there().find(|listener| listener.tls.is_some() == tls).or_else(|| there().next())
    }

    /// What the listener at this address presents, if it is configured.
    pub fn tls(&self, address: SocketAddr) -> Option<&Tls> {
        self.listener(address, true)?.tls.as_ref()
    }

    /// Whether any policy asked to see bodies.
    pub fn wants_body(&self) -> bool {
        self.policies.iter().any(|policy| policy.metadata().wants_body)
    }

    /// Now, as the configured zone shows it.
    pub fn local_time(&self, clock: &dyn Clock) -> LocalTime {
        self.at(clock.now())
    }

    /// Another moment, as the configured zone shows it.
    pub fn at(&self, unix: UnixTime) -> LocalTime {
        local_time(unix, &self.time_zone)
    }
}

/// A moment as a zone shows it.
#[expect(clippy::cast_sign_loss, reason = "weekday, hour and minute are never negative")]
pub(crate) fn local_time(unix: UnixTime, zone: &TimeZone) -> LocalTime {
    let seconds = i64::try_from(unix.as_secs()).unwrap_or(i64::MAX);
    let timestamp = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX);
    let zoned = zone.to_datetime(timestamp);
    LocalTime {
        unix,
        weekday: zoned.weekday().to_monday_one_offset() as u8,
        minute_of_day: zoned.hour() as u16 * 60 + zoned.minute() as u16,
    }
}

/// The operations of which at least one must be permitted for a model to be listed.
pub const USES: [Operation; 5] = [
    Operation::Chat,
    Operation::Generate,
    Operation::Embed,
    Operation::Show,
    Operation::Transcribe,
];

/// A request that nobody sent: for `explain`, for the configuration's own tests, and for
/// asking whether a model may be listed.
pub struct Hypothetical<'a> {
    /// Who would send it.
    pub principal: &'a Principal,
    /// What it would ask for.
    pub operation: Operation,
    /// Which models it would name.
    pub models: &'a [ModelRef],
    /// The API that it would speak.
    pub dialect: Dialect,
}

impl stockade_core::Subject for Hypothetical<'_> {
    fn operation(&self) -> Operation {
        self.operation
    }

    fn models(&self) -> &[ModelRef] {
        self.models
    }
}

impl<'a> Hypothetical<'a> {
    /// The facts of a request that says nothing more than this one.
    pub fn input(
        &self,
        parameters: &'a Parameters,
        client: stockade_core::Client,
        time: LocalTime,
    ) -> PolicyInput<'a> {
        PolicyInput {
            principal: self.principal,
            operation: self.operation,
            dialect: self.dialect,
            models: self.models,
            parameters,
            client,
            time,
            usage: stockade_core::Usage::default(),
            body: None,
        }
    }
}
