//! The first step: who is calling.

use std::time::Duration;

use http::request::Parts;
use stockade_authn::{AuthnError, Identity, PasswordCheck, PasswordChecked, Presented, Step};
use stockade_core::ProofKind;
use tokio::sync::Semaphore;

use super::Exchange;
use super::refused::Refused;

/// Where passwords are checked: few at a time, because each one takes a processor and
/// megabytes of memory for tens of milliseconds.
pub(super) struct PasswordChecks {
    slots: Semaphore,
}

/// How long a caller waits for a slot.
const PATIENCE: Duration = Duration::from_secs(5);

impl PasswordChecks {
    pub(super) fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self { slots: Semaphore::new(processors.div_ceil(2)) }
    }

    async fn run(&self, check: PasswordCheck) -> Result<PasswordChecked, Refused> {
        let slot = tokio::time::timeout(PATIENCE, self.slots.acquire()).await;
        let Ok(Ok(slot)) = slot else {
            return Err(Refused::busy());
        };
        let checked = tokio::task::spawn_blocking(|| check.run()).await;
        drop(slot);
        checked.map_err(|_| Refused::busy())
    }
}

impl Exchange<'_> {
    pub(super) async fn identify(
        &self,
        parts: &Parts,
        in_path: Option<&str>,
    ) -> Result<Identity, Refused> {
        let presented = match Presented::from_headers(&parts.headers, in_path) {
            Ok(presented) => presented,
            Err(error) => return Err(self.unproven(&error, None)),
        };
        let kind = presented.kind();
        if kind == Some(ProofKind::Basic) && !self.link.keeps_passwords() {
            return Err(self.unproven(&AuthnError::Insecure, kind));
        }
        let authenticator = &self.generation.authenticator;
        let now = self.gateway.clock.now();
        let proven = match authenticator.begin(&presented, now) {
            Ok(Step::Proven(identity)) => Ok(identity),
            Ok(Step::Check(check)) => {
                let checked = self.gateway.passwords.run(check).await?;
                authenticator.finish(checked, now)
            }
            Err(error) => Err(error),
        };
        proven.map_err(|error| self.unproven(&error, kind))
    }

    /// Clients such as browsers and wget send a password only when they are asked for it.
    fn unproven(&self, error: &AuthnError, kind: Option<ProofKind>) -> Refused {
        let asked = self.generation.authenticator.has_passwords() && self.link.keeps_passwords();
        let basic = asked && matches!(kind, None | Some(ProofKind::Basic));
        Refused::unproven(error, basic)
    }
}
