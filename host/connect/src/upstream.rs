//! The way to the gateway: one pool of connections, no redirects, no second tries.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri, Version};
use http_body_util::combinators::MapErr;
use http_body_util::{BodyExt as _, Either, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use stockade_core::Clock;

use crate::connector::Connector;
use crate::failure::{Attempt, CallerGone, Failure};
use crate::tls::{Tls, TlsFiles};
use crate::{Config, GatewayUrl};

/// The time for which a connection is kept for the next request.
const IDLE: Duration = Duration::from_secs(30);

/// The body that is sent: the caller's as it comes, or a few bytes of ours.
pub(crate) type RequestBody = Either<Full<Bytes>, MapErr<Incoming, fn(hyper::Error) -> CallerGone>>;

/// A caller's body, to be streamed.
pub(crate) fn streamed(body: Incoming) -> RequestBody {
    Either::Right(body.map_err(|_| CallerGone))
}

/// A request in the form in which it goes out.
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) path: PathAndQuery,
    pub(crate) headers: HeaderMap,
    pub(crate) body: RequestBody,
}

/// Connections to the gateway.
pub(crate) struct Upstream {
    gateway: GatewayUrl,
    host: HeaderValue,
    /// `None` where there is no TLS.
    tls: Option<Arc<TlsFiles>>,
    loopback_only: bool,
    clock: Arc<dyn Clock>,
    pool: Mutex<Option<Pool>>,
}

/// Connections of one set of certificates. Those of the one before are let go of when their
/// requests have ended.
#[derive(Clone)]
struct Pool {
    tls: Option<Arc<Tls>>,
    client: Client<Connector, RequestBody>,
}

impl Upstream {
    pub(crate) fn new(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, http::Error> {
        let gateway = config.gateway.clone();
        let tls = gateway
            .is_encrypted()
            .then(|| Arc::new(TlsFiles::new(config.ca.clone(), config.certificate.clone())));
        let host = HeaderValue::from_str(gateway.authority().as_str())?;
        let (loopback_only, pool) = (!config.unencrypted, Mutex::new(None));
        Ok(Self { gateway, host, tls, loopback_only, clock, pool })
    }

    /// The gateway.
    pub(crate) const fn gateway(&self) -> &GatewayUrl {
        &self.gateway
    }

    /// The name by which requests call it.
    pub(crate) const fn host(&self) -> &HeaderValue {
        &self.host
    }

    /// The files of TLS, where there is TLS.
    pub(crate) const fn tls(&self) -> Option<&Arc<TlsFiles>> {
        self.tls.as_ref()
    }

    /// Sends a request and waits for the head of its answer, as long as the gateway takes.
    ///
    /// # Errors
    /// There is none.
    pub(crate) async fn send(&self, outgoing: Outgoing) -> Result<Response<Incoming>, Failure> {
        let Pool { tls, client } = self.pool().await?;
        let uri = Uri::builder()
            .scheme(self.gateway.scheme().clone())
            .authority(self.gateway.authority().clone())
            .path_and_query(outgoing.path)
            .build()?;
        let mut request = Request::new(outgoing.body);
        *request.method_mut() = outgoing.method;
        *request.uri_mut() = uri;
        *request.headers_mut() = outgoing.headers;
        *request.version_mut() = Version::HTTP_11;
        client.request(request).await.map_err(|error| {
            let attempt = Attempt {
                gateway: &self.gateway,
                certificate: tls.as_ref().and_then(|tls| tls.certificate.as_ref()),
                ca: self.tls.as_ref().and_then(|files| files.ca()).map(ToOwned::to_owned),
                clock: self.clock.as_ref(),
            };
            let failure = attempt.failed(&error);
            if matches!(failure, Failure::Untrusted { .. }) {
                self.forget();
            }
            failure
        })
    }

    /// The machine's authorities may be others by the next request.
    fn forget(&self) {
        if let Some(files) = &self.tls {
            files.forget();
        }
    }

    async fn pool(&self) -> Result<Pool, Failure> {
        let tls = match &self.tls {
            None => None,
            Some(files) => {
                let files = Arc::clone(files);
                Some(crate::blocking::blocking(move || files.current()).await?)
            }
        };
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |known: &&Pool| match (&known.tls, &tls) {
            (Some(known), Some(now)) => Arc::ptr_eq(known, now),
            (known, now) => known.is_none() && now.is_none(),
        };
        if let Some(known) = pool.as_ref().filter(same) {
            return Ok(known.clone());
        }
        let connector = match &tls {
            Some(tls) => Connector::encrypted(Arc::clone(&tls.config)),
            None => Connector::plain(self.loopback_only),
        };
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            // Only ever repeats a request of which not one byte was sent: an idle connection
            // that the gateway closed in the meantime.
            .retry_canceled_requests(true)
            .build(connector);
        let made = Pool { tls, client };
        *pool = Some(made.clone());
        Ok(made)
    }
}
