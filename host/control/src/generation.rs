//! Everything that a request is judged by, as one immutable value.
//!
//! A generation is built whole from one reading of the configuration, proven, and then
//! swapped in. A request takes one generation at its start and keeps it to its end.

mod bindings;
mod build;
mod decide;
mod nonsense;
mod unmet;

use std::net::SocketAddr;
use std::sync::Arc;

use jiff::tz::TimeZone;
use stockade_authn::Authenticator;
use stockade_core::{
    BindingVerdict, Clock, LocalTime, Operation, Outcome, PolicyInput, UnixTime, Verdict,
};
use stockade_engine::PreparedPolicy;
use stockade_net::Tls;

use crate::jwks::KeyFeeds;
use bindings::{Asked, BindingTable};
use nonsense::Nonsense;
use stockade_config::{Config, ConfigErrors, Listener, local_time};

pub(crate) use build::Draft;
pub use build::{authenticator, build, candidate};
pub use decide::{Asker, Decision, Hypothetical, Judged, Reconsidered, Refusal};

/// One immutable state of the gateway.
pub struct Generation {
    /// Counted from 1; a rejected candidate does not use up a number.
    pub number: u64,
    /// The configuration.
    pub config: Arc<Config>,
    /// The authenticator of callers.
    pub authenticator: Arc<Authenticator>,
    pub(crate) feeds: KeyFeeds,
    time_zone: TimeZone,
    policies: Vec<PreparedPolicy>,
    bindings: BindingTable,
    nonsense: Nonsense,
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
    /// Asks every policy that is bound to the caller. The verdicts stand in the order of
    /// the bindings in the configuration.
    async fn verdicts(&self, input: &PolicyInput<'_>) -> Vec<BindingVerdict> {
        let selection = self.bindings.select(input.principal);
        let mut collected = Collected::default();
        for asked in &selection {
            let policy = &self.policies[asked.policy];
            let outcomes = policy.evaluate(input, &asked.settings).await;
            collected.add(asked, counted(outcomes, input, policy));
        }
        self.sorted(collected)
    }

    fn sorted(&self, Collected(mut outcomes): Collected) -> Vec<BindingVerdict> {
        outcomes.sort_unstable_by_key(|(binding, _)| *binding);
        let opinion = |(binding, outcome)| self.opinion(binding, outcome);
        outcomes.into_iter().map(opinion).collect()
    }

    fn opinion(&self, binding: usize, outcome: Outcome) -> BindingVerdict {
        let bound = &self.config.bindings[binding];
        self.nonsense.tell((binding, bound), &outcome);
        BindingVerdict {
            binding: bound.name.clone(),
            policy: bound.policy.clone(),
            enforced: bound.enforced,
            outcome,
        }
    }

    /// The same with another number.
    pub(crate) fn numbered(self, number: u64) -> Self {
        Self { number, ..self }
    }

    /// Changes the configuration before the generation serves anybody, and who may come in
    /// by it. Policies and bindings stay as they are.
    ///
    /// # Errors
    /// Where the configuration is in use already, or contradicts itself.
    pub fn change(&mut self, change: impl FnOnce(&mut Config)) -> Result<(), ConfigErrors> {
        let Some(config) = Arc::get_mut(&mut self.config) else {
            return Err(self.config.error(None, "the generation is in use already").into());
        };
        change(config);
        self.authenticator = Arc::new(authenticator(&self.config, &self.feeds)?);
        Ok(())
    }

    /// The listener at this address, if it is configured. Several may ask for port 0, with
    /// TLS and without; the one that is alike in that is meant, if there is one.
    pub fn listener(&self, address: SocketAddr, tls: bool) -> Option<&Listener> {
        let there = || self.config.listen.iter().filter(|listener| listener.address == address);
        there().find(|listener| listener.tls.is_some() == tls).or_else(|| there().next())
    }

    /// Returns the TLS of the listener at this address, if it is configured.
    pub fn tls(&self, address: SocketAddr) -> Option<&Tls> {
        self.listener(address, true)?.tls.as_ref()
    }

    /// Tells whether any policy asked to see bodies.
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

/// Leaves out the allows that do not count: of a model made of blobs, those of policies that do
/// not judge digests, because a digest reaches the weights of every model.
fn counted(
    mut outcomes: Vec<Outcome>,
    input: &PolicyInput<'_>,
    policy: &PreparedPolicy,
) -> Vec<Outcome> {
    let made_of_blobs = decide::is_made_of_blobs(input.operation, input.parameters);
    if made_of_blobs && !policy.metadata().judges_digests {
        for outcome in &mut outcomes {
            if matches!(outcome, Outcome::Verdict(Verdict::Allow(_))) {
                *outcome = Outcome::Verdict(Verdict::Abstain);
            }
        }
    }
    outcomes
}

/// The operations of which at least one must be permitted for a model to be listed.
pub const USES: [Operation; 5] = [
    Operation::Chat,
    Operation::Generate,
    Operation::Embed,
    Operation::Show,
    Operation::Transcribe,
];
