//! Signatures that have been used, and the addresses that used them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use stockade_core::UnixTime;

use super::{OllamaSignature, WINDOW};
use crate::client::ClientIp;
use crate::error::AuthnError;

/// Signatures that were used while they still count. It outlives generations: a reload
/// must not make an old signature good again.
///
/// Ollama's command counts time in whole seconds, so two equal requests within a second
/// have the same signature. Both are let through if they come from the same address
/// shortly after one another; everything else is a replay.
#[derive(Default)]
pub struct Replays {
    used: Mutex<HashMap<OllamaSignature, Use>>,
}

struct Use {
    client: ClientIp,
    first: UnixTime,
    times: u32,
}

/// The time after its first use in which a signature may come again from the same address.
const TOGETHER: Duration = Duration::from_secs(2);
const MOST_TIMES: u32 = 16;
const MOST: usize = 100_000;

impl Replays {
    /// Notes that a signature has proven a request.
    ///
    /// # Errors
    /// [`Replayed`](AuthnError::Replayed).
    pub fn admit(
        &self,
        signature: OllamaSignature,
        client: ClientIp,
        now: UnixTime,
    ) -> Result<(), AuthnError> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() >= MOST {
            // A signature counts for a window before and one after its own time.
            let counts = |first: UnixTime| since(first, now) <= WINDOW.saturating_mul(2);
            used.retain(|_, entry| counts(entry.first));
        }
        if let Some(entry) = used.get_mut(&signature) {
            let together = entry.client == client && since(entry.first, now) <= TOGETHER;
            entry.times += 1;
            return if together && entry.times <= MOST_TIMES {
                Ok(())
            } else {
                Err(AuthnError::Replayed)
            };
        }
        if used.len() >= MOST {
            return Err(AuthnError::Replayed);
        }
        used.insert(signature, Use { client, first: now, times: 1 });
        Ok(())
    }
}

fn since(first: UnixTime, now: UnixTime) -> Duration {
    now.as_duration().saturating_sub(first.as_duration())
}
