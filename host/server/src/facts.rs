//! What policies were told of a request, besides who called and for what: it stands in the
//! request's log line, so that the request can be judged again.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use stockade_core::{
    Client, Dialect, ModelRef, Parameters, PolicyInput, ProofKind, Transport, UnixTime,
};

/// Everything but the body, which is never recorded, and the user's groups and attributes,
/// which are those of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// When, in seconds since 1970.
    pub(crate) at: u64,
    pub(crate) proof: ProofKind,
    pub(crate) api: Dialect,
    pub(crate) address: IpAddr,
    pub(crate) transport: Transport,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) models: Vec<ModelRef>,
    #[serde(default)]
    pub(crate) parameters: Parameters,
}

impl Facts {
    pub(crate) fn of(input: &PolicyInput<'_>) -> Self {
        Self {
            at: input.time.unix.as_secs(),
            proof: input.principal.proof,
            api: input.dialect,
            address: input.client.address,
            transport: input.client.transport,
            models: input.models.to_vec(),
            parameters: input.parameters.clone(),
        }
    }

    pub(crate) const fn client(&self) -> Client {
        Client { address: self.address, transport: self.transport }
    }

    pub(crate) const fn time(&self) -> UnixTime {
        UnixTime::from_secs(self.at)
    }
}
