//! Everything that a request is judged by, as one immutable value.
//!
//! A generation is built whole from one reading of the configuration, proven, and then
//! swapped in. A request takes one generation at its start and keeps it to its end.

mod bindings;
mod build;
mod config_tests;
mod decide;
mod decision_input;
mod list;
mod nonsense;
mod question;
mod quotas;
mod subjects;
mod units;
mod verdicts;

use std::net::SocketAddr;
use std::sync::Arc;

use jiff::tz::TimeZone;
use stockade_authn::Authenticator;
use stockade_core::{Clock, CredentialId, LocalTime, ModelRef, Operation, Principal, UnixTime};
use stockade_engine::{Inputs, PreparedPolicy};
use stockade_net::Tls;
use stockade_usage::{Accounts, Quotas};

use crate::jwks::{KeyFeeds, KeysError};
use crate::memo::{Memo, Timed};
use bindings::BindingTable;
use list::Lists;
use nonsense::Nonsense;
use quotas::QuotaTable;
use stockade_config::{Config, ConfigErrors, Listener, local_time};
use verdicts::Known;

pub(crate) use build::Draft;
pub use build::{authenticator, build, candidate};
pub use decide::{Asker, Decision, Hypothetical, Judged, Reconsidered, Refusal};
pub(crate) use decision_input::RecordedCaller;
pub use decision_input::{DecisionInput, NotJudgeable};
pub use quotas::Applying;

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
    units: Vec<PreparedPolicy>,
    bindings: BindingTable,
    quotas: QuotaTable,
    memo: Memo<Timed<Known>>,
    lists: Lists,
    nonsense: Nonsense,
}

impl Generation {
    /// The same with another number.
    pub(crate) fn numbered(self, number: u64) -> Self {
        Self { number, ..self }
    }

    /// The same with the accounts of the generation before.
    pub(crate) fn counting_in(self, accounts: Arc<Accounts>) -> Self {
        Self { quotas: self.quotas.counting_in(accounts), ..self }
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

    /// Fetches the keys of one issuer now, for programs that serve nobody.
    ///
    /// # Errors
    /// There are no new keys.
    pub async fn fetch_keys(&self, issuer: &CredentialId) -> Result<(), KeysError> {
        self.feeds.fetch(issuer).await
    }

    /// The listener at this address, if it is configured. Several may ask for port 0, with
    /// TLS and without; the one that is alike in that is meant, if there is one.
    pub fn listener(&self, address: SocketAddr, tls: bool) -> Option<&Listener> {
        let there = || self.config.listen.iter().filter(|listener| listener.address == address);
        there().find(|listener| listener.tls.is_some() == tls).or_else(|| there().next())
    }

    /// Returns the name of the listener at this address, if it has one.
    pub fn listener_name(&self, address: SocketAddr) -> Option<&str> {
        let mut there = self.config.listen.iter().filter(|listener| listener.address == address);
        there.find_map(|listener| listener.name.as_deref())
    }

    /// Returns the TLS of the listener at this address, if it is configured.
    pub fn tls(&self, address: SocketAddr) -> Option<&Tls> {
        self.listener(address, true)?.tls.as_ref()
    }

    /// Returns the inputs that any bound policy declares.
    pub const fn inputs(&self) -> Inputs {
        self.bindings.inputs()
    }

    /// Returns the quotas.
    pub const fn quotas(&self) -> &Arc<Quotas> {
        self.quotas.quotas()
    }

    /// Finds the accounts in which a request counts.
    pub fn applying(
        &self,
        principal: &Principal,
        operation: Operation,
        models: &[ModelRef],
    ) -> Applying {
        self.quotas.applying(&self.config.quotas, principal, (operation, models))
    }

    /// Finds the accounts of a caller, whatever it asks for.
    pub fn accounts_of(&self, principal: &Principal) -> Applying {
        self.quotas.accounts_of(&self.config.quotas, principal)
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

/// The operations of which at least one must be permitted for a model to be listed.
pub const USES: [Operation; 5] = [
    Operation::Chat,
    Operation::Generate,
    Operation::Embed,
    Operation::Show,
    Operation::Transcribe,
];
