//! The part of a record about quotas and turns.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::is_empty;
use crate::QuotaName;

/// The quotas of a request, its turn, and what it was charged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admitted<'a> {
    /// The quotas that had no room for it, whether they refuse or not.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub quotas_exceeded: Cow<'a, [QuotaName]>,
    /// Microseconds for which it waited for its turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waited: Option<u64>,
    /// The usage that was charged to its caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charged: Option<Charged>,
}

/// The usage that was charged to a caller. Of an answer that was cut off, it is what was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Charged {
    /// Tokens of the prompt.
    pub input_tokens: u64,
    /// Tokens of the answer.
    pub output_tokens: u64,
    /// Milliseconds of GPU time.
    pub gpu_milliseconds: u64,
    /// Bytes that were pulled from a registry.
    #[serde(skip_serializing_if = "is_zero")]
    pub pulled_bytes: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}
