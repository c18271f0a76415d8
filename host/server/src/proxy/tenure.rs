//! Whether the caller of a request that is under way is still somebody.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use stockade_authn::{AuthnError, Identity};
use stockade_core::Clock;

use super::Exchange;
use super::certificate::PeerCertificate;
use super::refused::Refused;
use crate::generation::Generation;
use crate::reload::Current;

/// Asks each new generation about the caller. It registers no waker: the connection's task
/// is woken for each generation ([`Wake`](crate::reload::Wake)) and polls what it has under
/// way.
pub(super) struct Tenure {
    current: Arc<Current>,
    clock: Arc<dyn Clock>,
    listener: SocketAddr,
    certificate: Option<Arc<PeerCertificate>>,
    /// The generation that was asked last.
    seen: u64,
}

impl Exchange<'_> {
    pub(super) fn tenure(&self) -> Tenure {
        Tenure {
            current: self.gateway.current.clone(),
            clock: self.gateway.clock.clone(),
            listener: self.link.listener,
            certificate: self.link.certificate.clone(),
            seen: self.generation.number,
        }
    }
}

impl Tenure {
    /// Whether a new generation has ended what proved the caller, and wants its requests cut.
    pub(super) fn is_over(&mut self, caller: &Identity) -> bool {
        if self.current.number() == self.seen {
            return false;
        }
        let generation = self.current.load();
        self.seen = generation.number;
        generation.config.authentication.terminate_streams && !self.holds(&generation, caller)
    }

    /// What comes of a request, unless its caller is nobody any more before that.
    pub(super) async fn bind<T>(
        &mut self,
        caller: Option<&Identity>,
        mut work: Pin<&mut impl Future<Output = Result<T, Refused>>>,
    ) -> Result<T, Refused> {
        poll_fn(|context| {
            if caller.is_some_and(|caller| self.is_over(caller)) {
                return Poll::Ready(Err(Refused::unproven(&AuthnError::Revoked, false)));
            }
            work.as_mut().poll(context)
        })
        .await
    }

    /// The same rule as for the next request on this connection.
    fn holds(&self, generation: &Generation, caller: &Identity) -> bool {
        let now = self.clock.now();
        let certified = match &self.certificate {
            Some(certificate) => certificate.identity(generation, self.listener, now),
            None => Ok(None),
        };
        let same_user = |other: Identity| other.principal.user == caller.principal.user;
        certified.is_ok_and(|other| other.is_none_or(same_user))
            && generation.authenticator.upholds(caller, now)
    }
}
