//! The memory of large heads.

use std::sync::Arc;

use stockade_core::UserId;

use crate::body::memory::{BodyMemory, Share};
use stockade_control::reload::Current;

/// The memory that large heads take.
#[derive(Clone)]
pub(crate) struct Heads {
    memory: Arc<BodyMemory>,
    current: Arc<Current>,
}

impl Heads {
    pub(crate) const fn new(memory: Arc<BodyMemory>, current: Arc<Current>) -> Self {
        Self { memory, current }
    }

    /// All callers together have one user's share: nobody has proven anything yet.
    pub(crate) fn share(&self) -> Arc<Share> {
        self.memory.share(&UserId::placeholder(), &self.current.load().config.limits)
    }
}
