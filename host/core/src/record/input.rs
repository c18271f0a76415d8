//! The facts that policies were told of a request, besides the caller and the operation: they stand
//! in the request's record, so that the request can be judged again.

use std::net::IpAddr;

use crate::{Client, Dialect, Parameters, PolicyInput, Transport, UnixTime};
use serde::{Deserialize, Serialize};

/// Everything but the body, which is never recorded, the models and the proof, which stand
/// beside it, and the user's attributes, which are those of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedInput {
    /// The time, in seconds since 1970.
    pub at: u64,
    /// The API.
    pub api: Dialect,
    /// The caller's address.
    pub address: IpAddr,
    /// The transport by which the caller is connected.
    pub transport: Transport,
    /// The name of the listener, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listener: Option<String>,
    /// The parameters of the request, as far as they are recorded.
    #[serde(default)]
    pub parameters: Parameters,
    /// The number of digests that the request names and that are not recorded.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub digests_left_out: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Digests that are recorded of one request.
const MOST_DIGESTS: usize = 16;
/// The longest name of a host, in bytes (RFC 1035, section 2.3.4), with a scheme and a port.
const LONGEST_HOST: usize = 300;

impl RecordedInput {
    /// Takes what policies were told.
    pub fn of(input: &PolicyInput<'_>) -> Self {
        let (parameters, digests_left_out) = recorded(input.parameters);
        Self {
            at: input.time.unix.as_secs(),
            api: input.dialect,
            address: input.client.address,
            transport: input.client.transport,
            listener: input.listener.map(str::to_owned),
            parameters,
            digests_left_out,
        }
    }

    /// Returns the caller's address and transport.
    pub const fn client(&self) -> Client {
        Client { address: self.address, transport: self.transport }
    }

    /// Returns the time of the request.
    pub const fn time(&self) -> UnixTime {
        UnixTime::from_secs(self.at)
    }
}

/// The parameters, and how many digests are not among them: a caller does not decide how
/// long a line of the log is.
fn recorded(parameters: &Parameters) -> (Parameters, usize) {
    let host = parameters.remote_host.as_deref();
    let digests: Vec<String> = parameters.digests.iter().take(MOST_DIGESTS).cloned().collect();
    let foreign = parameters.foreign_digests.iter().filter(|digest| digests.contains(digest));
    let recorded = Parameters {
        foreign_digests: foreign.cloned().collect(),
        digests,
        remote_host: host.map(|host| match host.len() {
            ..=LONGEST_HOST => host.to_owned(),
            // No host has such a name; it is content.
            longer => format!("({longer} bytes)"),
        }),
        think: parameters.think.clone(),
        format: parameters.format.clone(),
        runner_options: parameters.runner_options.clone(),
        ..*parameters
    };
    (recorded, parameters.digests.len().saturating_sub(MOST_DIGESTS))
}
