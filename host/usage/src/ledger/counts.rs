//! The counts of the ledger, and their keys.

use std::ops::AddAssign;

use stockade_core::{CredentialId, ModelName, Operation, UnixTime, UserId};

/// The things that are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UsageKey {
    /// The beginning of the hour, in the zone of the quotas' windows.
    pub hour: UnixTime,
    /// The user.
    pub user: UserId,
    /// The name of the credential, where it has one.
    pub credential: Option<CredentialId>,
    /// The model, where there is one.
    pub model: Option<ModelName>,
    /// The operation.
    pub operation: Operation,
}

/// The things that were counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Requests that were permitted.
    pub requests: u64,
    /// Requests that were refused.
    pub refused: u64,
    /// Tokens of prompts.
    pub input: u64,
    /// Tokens of answers.
    pub output: u64,
    /// Milliseconds of GPU time.
    pub gpu_ms: u64,
    /// Milliseconds in which models were loaded.
    pub load_ms: u64,
    /// Pulled bytes.
    pub pulled: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        let Self { requests, refused, input, output, gpu_ms, load_ms, pulled } = other;
        self.requests = self.requests.saturating_add(requests);
        self.refused = self.refused.saturating_add(refused);
        self.input = self.input.saturating_add(input);
        self.output = self.output.saturating_add(output);
        self.gpu_ms = self.gpu_ms.saturating_add(gpu_ms);
        self.load_ms = self.load_ms.saturating_add(load_ms);
        self.pulled = self.pulled.saturating_add(pulled);
    }
}
