//! The part of a record about how long each step took.

use serde::{Deserialize, Serialize};

/// The times at which the steps of a request were done, in microseconds after its head. A step that
/// was not reached is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steps {
    /// It was known who calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identified: Option<u64>,
    /// The body was read, and it was known what is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classified: Option<u64>,
    /// Policies had decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided: Option<u64>,
    /// It was sent to Ollama: quotas had room, and it had a turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<u64>,
    /// The head of the answer was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered: Option<u64>,
}

impl Steps {
    /// Tells whether none was reached.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
