//! Logs when the gateway goes away and when it is back: once each, however many requests see it.

use std::sync::{Mutex, PoisonError};

/// The last message about of the way to the gateway.
#[derive(Default)]
pub(crate) struct Condition {
    trouble: Mutex<Option<String>>,
}

impl Condition {
    /// A request got no answer.
    pub(crate) fn failed(&self, message: &str) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if trouble.as_deref() != Some(message) {
            tracing::warn!("{message}");
            *trouble = Some(message.to_owned());
        }
    }

    /// A request got an answer.
    pub(crate) fn answered(&self) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if trouble.take().is_some() {
            tracing::info!("the gateway answers again");
        }
    }
}
