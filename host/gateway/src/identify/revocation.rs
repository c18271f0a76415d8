//! Tells whether the caller of a request that is under way is still somebody.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use stockade_authn::Identity;
use stockade_core::{Clock, UnixTime};

use crate::context::Context;
use crate::identify::certificate::PeerCertificate;
use crate::refused::Refused;
use stockade_control::generation::Generation;
use stockade_control::reload::Current;

/// Asks each new generation about the caller. It registers no waker: the connection's task
/// is woken for each generation ([`Wake`](stockade_control::reload::Wake)) and polls what it has under
/// way.
pub(crate) struct Revocation {
    current: Arc<Current>,
    clock: Arc<dyn Clock>,
    listener: SocketAddr,
    certificate: Option<Arc<PeerCertificate>>,
    /// The state of the configuration that was asked last.
    seen: u64,
}

impl Revocation {
    /// Begins with a request, which is judged by what was in force when it came.
    pub(crate) fn begin(current: &Arc<Current>, context: &Context<'_>) -> Self {
        let epoch = current.epoch();
        // What has changed since this request took its generation is asked at once.
        let same =
            current.load().number == context.generation.number && current.pending().is_none();
        Self {
            current: current.clone(),
            clock: context.clock.clone(),
            listener: context.link.listener,
            certificate: context.link.certificate.clone(),
            seen: if same { epoch } else { u64::MAX },
        }
    }

    /// Tells whether a new generation has ended what proved the caller and wants its requests cut.
    pub(crate) fn is_over(&mut self, caller: &Identity) -> bool {
        let epoch = self.current.epoch();
        if epoch == self.seen {
            return false;
        }
        self.seen = epoch;
        let generation = self.current.load();
        let pending = self.current.pending();
        let mut all = std::iter::once(&generation).chain(&pending);
        generation.config.authentication.terminate_streams
            && !all.all(|generation| self.holds(generation, caller))
    }

    /// Returns the result of a request, unless its caller is nobody any more before that.
    pub(crate) async fn bind<T>(
        &mut self,
        caller: Option<&Identity>,
        mut work: Pin<&mut impl Future<Output = Result<T, Refused>>>,
    ) -> Result<T, Refused> {
        poll_fn(|context| {
            if caller.is_some_and(|caller| self.is_over(caller)) {
                return Poll::Ready(Err(Refused::revoked()));
            }
            work.as_mut().poll(context)
        })
        .await
    }

    /// The same rule as for the next request on this connection.
    fn holds(&self, generation: &Generation, caller: &Identity) -> bool {
        let certificate = self.certificate.as_deref();
        is_still_valid(generation, (certificate, self.listener), caller, self.clock.now())
    }
}

/// Tells whether what proved a caller, on a connection with this certificate at this listener, is
/// good by another generation too.
pub(crate) fn is_still_valid(
    generation: &Generation,
    (certificate, listener): (Option<&PeerCertificate>, SocketAddr),
    caller: &Identity,
    now: UnixTime,
) -> bool {
    let certified = match certificate {
        Some(certificate) => certificate.identity(generation, listener, now),
        None => Ok(None),
    };
    let proven = caller.front_end.as_deref().unwrap_or(&caller.principal);
    let same_user = |other: Identity| other.principal.user == proven.user;
    certified.is_ok_and(|other| other.is_none_or(same_user))
        && generation.authenticator.is_still_valid(caller, now)
}
