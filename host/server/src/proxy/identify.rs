//! The first step: who is calling.

use std::time::Duration;

use http::request::Parts;
use stockade_authn::{
    AuthnError, Identity, PasswordCheck, PasswordChecked, Presented, Step, Target, TrustedProxies,
};
use stockade_core::{ProofKind, UnixTime};
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

/// What the connection's certificate says.
enum Certified {
    /// There is none.
    None,
    /// It stands for no user.
    Nobody,
    As(Box<Identity>),
}

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
        let target = Target {
            method: parts.method.as_str(),
            path: parts.uri.path(),
            query: parts.uri.query(),
        };
        let presented = match Presented::of_request(&parts.headers, in_path, target) {
            Ok(presented) => presented,
            Err(error) => return Err(self.unproven(&error, None)),
        };
        let kind = presented.kind();
        if kind == Some(ProofKind::Basic) && !self.link.keeps_passwords() {
            return Err(self.unproven(&AuthnError::Insecure, kind));
        }
        let authenticator = &self.generation.authenticator;
        let now = self.gateway.clock.now();
        let certified = self.certified(now).map_err(|error| self.unproven(&error, None))?;
        match (&certified, kind) {
            (Certified::As(identity), None) => return Ok(Identity::clone(identity)),
            (Certified::Nobody, None) => {
                return Err(self.unproven(&AuthnError::UnknownCertificate, kind));
            }
            _ => {}
        }
        let proven = match authenticator.begin(&presented, now) {
            Ok(Step::Proven(identity)) => {
                let proxies = TrustedProxies::default();
                let client = proxies.client(self.link.peer.0.ip(), &parts.headers);
                let client = client.map_err(|_| self.unproven(&AuthnError::Missing, kind))?;
                self.gateway.replays.admit(&presented, client, now).map(|()| identity)
            }
            Ok(Step::Check(check)) => {
                let checked = self.gateway.passwords.run(check).await?;
                authenticator.finish(checked, now)
            }
            Err(error) => Err(error),
        };
        let proven = proven.and_then(|identity| match &certified {
            Certified::As(other) if other.principal.user != identity.principal.user => {
                Err(AuthnError::SeveralCredentials)
            }
            _ => Ok(identity),
        });
        proven.map_err(|error| self.unproven(&error, kind))
    }

    /// Whom the connection's certificate stands for. It was verified at the handshake,
    /// and is again by each generation that the connection lives to see.
    fn certified(&self, now: UnixTime) -> Result<Certified, AuthnError> {
        let Some(certificate) = &self.link.certificate else {
            return Ok(Certified::None);
        };
        let tls = self.generation.tls(self.link.listener);
        if !certificate.is_good(self.generation.number, tls, now) {
            return Err(AuthnError::CertificateEnded);
        }
        let identity = self.generation.authenticator.certified(&certificate.presented)?;
        Ok(identity.map_or(Certified::Nobody, |identity| Certified::As(Box::new(identity))))
    }

    /// Clients such as browsers and wget send a password only when they are asked for it.
    fn unproven(&self, error: &AuthnError, kind: Option<ProofKind>) -> Refused {
        let asked = self.generation.authenticator.has_passwords() && self.link.keeps_passwords();
        let basic = asked && matches!(kind, None | Some(ProofKind::Basic));
        Refused::unproven(error, basic)
    }
}
