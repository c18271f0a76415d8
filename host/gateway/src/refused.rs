//! The one table from the cause of a refusal to what the caller is told.

mod admission;

use std::time::Duration;

use http::header::{ALLOW, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Response, StatusCode};
use stockade_authn::{AuthnError, BadForwarding};
use stockade_core::{
    BindingName, Denial, DenialCause, DenialKind, Dialect, PolicyName, QuotaName, UnixTime,
    mask_keys,
};
use stockade_ollama::response::{ERROR_CONTENT_TYPE, error_body};
use stockade_ollama::{BadHead, Refusal};

use crate::body::CutBody;
use crate::body::memory::NoMemory;
use crate::forward::answer::AnswerBody;
use crate::forward::upstream::UpstreamError;
use crate::identify::path_key;
use crate::record::{Ground, Record, RecordedRefusal, Unrecorded};
use stockade_control::generation;
use stockade_core::Causes;
use stockade_core::record::{Cause, RequestOutcome};

pub(crate) use admission::limits;

/// RFC 7617, section 2.
const BASIC: &str = r#"Basic realm="stockade", charset="UTF-8""#;

/// An answer that the gateway gives itself instead of forwarding.
#[derive(Debug)]
pub(crate) struct Refused {
    status: StatusCode,
    ground: Ground,
    pub(crate) message: String,
    /// The text to record, where that is not what the caller is told.
    logged: Option<String>,
    pub(crate) binding: Option<BindingName>,
    pub(crate) policy: Option<PolicyName>,
    quota: Option<QuotaName>,
    headers: Vec<(http::HeaderName, HeaderValue)>,
}

impl Refused {
    fn new(status: StatusCode, cause: Cause, message: impl Into<String>) -> Self {
        Self::on(Ground::Refusal(cause), status, message)
    }

    fn on(ground: Ground, status: StatusCode, message: impl Into<String>) -> Self {
        let message = message.into();
        let (binding, policy, headers) = (None, None, Vec::new());
        let (logged, quota) = (None, None);
        Self { status, ground, message, logged, binding, policy, quota, headers }
    }

    /// Nobody is identified. `basic` says whether a password would be taken.
    pub(crate) fn unproven(error: &AuthnError, basic: bool) -> Self {
        let mut refused = Self::new(error.status(), Cause::Unproven, error.public_message());
        refused.logged = Some(error.to_string());
        if error.status() != StatusCode::FORBIDDEN {
            let challenge = HeaderValue::from_static(error.www_authenticate());
            refused.headers.push((WWW_AUTHENTICATE, challenge));
        }
        if error.status() == StatusCode::SERVICE_UNAVAILABLE {
            refused.headers.push((RETRY_AFTER, HeaderValue::from_static("5")));
        }
        if basic {
            refused.headers.push((WWW_AUTHENTICATE, HeaderValue::from_static(BASIC)));
        }
        refused
    }

    /// Nobody is identified, and not for the first time. Whether this credential would have
    /// been right is not told.
    pub(crate) fn throttled(wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let message =
            format!("too many wrong credentials; wait for {seconds} seconds before the next try");
        let mut refused = Self::new(StatusCode::TOO_MANY_REQUESTS, Cause::Throttled, message);
        refused.headers.push((RETRY_AFTER, HeaderValue::from(seconds)));
        refused
    }

    /// A web page asks that may not; whoever visits it has not been asked.
    pub(crate) fn foreign_page(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, Cause::ForeignPage, message)
    }

    /// Too many passwords wait to be checked.
    pub(crate) fn busy() -> Self {
        let message = "too many passwords are being checked; try again, or use an API key";
        let mut refused = Self::new(StatusCode::SERVICE_UNAVAILABLE, Cause::Unproven, message);
        refused.headers.push((RETRY_AFTER, HeaderValue::from_static("1")));
        refused
    }

    /// The caller's credential ended while the request was under way.
    pub(crate) fn revoked() -> Self {
        let ended = Self::unproven(&AuthnError::Revoked, false);
        Self { ground: Ground::Failure(RequestOutcome::Revoked), ..ended }
    }

    /// There is no memory for the request's body now.
    fn no_memory(message: impl Into<String>) -> Self {
        let mut refused = Self::new(StatusCode::SERVICE_UNAVAILABLE, Cause::Overload, message);
        refused.headers.push((RETRY_AFTER, HeaderValue::from_static("5")));
        refused
    }

    /// Policies, or the scope of the credential, do not permit it.
    pub(crate) fn decided(refusal: generation::Refusal, now: UnixTime) -> Self {
        let (cause, reason) = match refusal {
            generation::Refusal::Denied(denial) => return Self::denied(denial, now),
            generation::Refusal::Unchangeable(reason) => (Cause::ObligationUnmet, reason),
            other => (Cause::OutOfScope, other.to_string()),
        };
        Self::new(StatusCode::FORBIDDEN, cause, reason)
    }

    /// Policies do not permit it. The caller is told from when on it may ask again, if a policy
    /// says so; the policy's note goes to the record only.
    pub(crate) fn denied(denial: Denial, now: UnixTime) -> Self {
        let later = matches!(denial.kind, DenialKind::Later(_));
        let status = match denial.cause {
            DenialCause::Denied if later => StatusCode::TOO_MANY_REQUESTS,
            DenialCause::NoBinding | DenialCause::NotAllowed | DenialCause::Denied => {
                StatusCode::FORBIDDEN
            }
            DenialCause::PolicyFailure | DenialCause::Conflict => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let logged = denial.note.map(|note| format!("{}: {note}", denial.reason));
        let mut refused = Self::new(status, Cause::Policy(denial.cause), denial.reason);
        if let (true, DenialKind::Later(Some(from))) = (later, denial.kind) {
            let seconds = from.as_secs().saturating_sub(now.as_secs()).max(1);
            refused.headers.push((RETRY_AFTER, HeaderValue::from(seconds)));
        }
        Self { binding: denial.binding, policy: denial.policy, logged, ..refused }
    }

    /// A permitted request cannot be made what its policies demand.
    pub(crate) fn unmet(refusal: Refusal) -> Self {
        Self { ground: Ground::Refusal(Cause::ObligationUnmet), ..Self::from(refusal) }
    }

    /// The gateway itself failed at the request.
    pub(crate) fn failed() -> Self {
        let message = "the gateway failed at this request";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, Cause::Overload, message)
    }

    /// The path has another spelling, to which the caller is sent, with the key that stood in
    /// front of it: whoever gets the answer has just sent that.
    pub(super) fn moved(mut refusal: Refusal, key: Option<&str>) -> Self {
        let to = refusal.location.take().unwrap_or_default();
        let to = key.map_or(to.clone(), |key| path_key::with_key(key, &to));
        let mut refused = Self::from(refusal);
        refused.headers.extend(HeaderValue::from_str(&to).ok().map(|mut to| {
            to.set_sensitive(key.is_some());
            (LOCATION, to)
        }));
        refused
    }

    /// A request that the gateway's own routes do not understand.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Cause::BadRequest, message)
    }

    /// A token cannot be had.
    pub(crate) fn no_token(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, Cause::OutOfScope, message)
    }

    /// A route of the gateway's own has no other method.
    pub(crate) fn only(method: &Method) -> Self {
        let message = format!("this path answers to {method} only");
        let mut refused = Self::new(StatusCode::METHOD_NOT_ALLOWED, Cause::BadRequest, message);
        let allowed = HeaderValue::from_str(method.as_str());
        refused.headers.extend(allowed.ok().map(|method| (ALLOW, method)));
        refused
    }

    /// A key in front of the path where the configuration does not allow that.
    pub(crate) fn key_in_path() -> Self {
        let message = "keys in the path are not allowed here; send `Authorization: Bearer …`";
        Self::new(StatusCode::BAD_REQUEST, Cause::Unproven, message)
    }

    /// Tells whether Ollama is to blame.
    pub(crate) fn is_upstreams(&self) -> bool {
        self.ground == Ground::Failure(RequestOutcome::UpstreamFailed)
    }

    /// Returns what the record keeps of it.
    fn recorded(&self) -> RecordedRefusal {
        RecordedRefusal {
            ground: self.ground,
            message: self.logged.clone().unwrap_or_else(|| self.message.clone()),
            binding: self.binding.clone(),
            policy: self.policy.clone(),
            quota: self.quota.clone(),
        }
    }

    /// Answers with it, and records that.
    pub(crate) fn answer(self, dialect: Dialect, mut record: Box<Record>) -> Response<AnswerBody> {
        record.refused(self.recorded());
        record.answered(self.status);
        let id = record.id.to_string();
        // It may quote a key that was sent in the wrong place, and be logged by others.
        let message = mask_keys(&self.message);
        let body = error_body(dialect, self.status, &message, &id);
        let mut response = Response::new(AnswerBody::whole(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(ERROR_CONTENT_TYPE));
        if let Ok(id) = HeaderValue::from_str(&id) {
            headers.insert(REQUEST_ID, id);
        }
        if is_final(self.status) {
            headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        for (name, value) in self.headers {
            headers.append(name, value);
        }
        response
    }
}

/// Tells whether the same request would be answered the same again.
fn is_final(status: StatusCode) -> bool {
    let passes = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    status.is_client_error() && !passes
}

/// The header in which a caller finds the request's id.
pub(crate) const REQUEST_ID: http::HeaderName = http::HeaderName::from_static("x-request-id");

/// Tells the libraries of `OpenAI` and Anthropic not to try again. Without it, Claude Code tries a
/// wrong key for minutes before it says so, and is throttled for that.
const SHOULD_RETRY: http::HeaderName = http::HeaderName::from_static("x-should-retry");

impl From<Unrecorded> for Refused {
    fn from(unrecorded: Unrecorded) -> Self {
        let (why, logged) = match unrecorded {
            Unrecorded::Log => (String::new(), None),
            Unrecorded::Audit(trouble) => {
                let why = format!(" (audit log: {})", trouble.as_str());
                (why, Some(trouble.to_string()))
            }
        };
        let message =
            format!("the gateway cannot record requests at the moment{why}; try again later");
        let mut refused = Self::new(StatusCode::SERVICE_UNAVAILABLE, Cause::Unrecorded, message);
        refused.headers.push((RETRY_AFTER, HeaderValue::from_static("5")));
        Self { logged, ..refused }
    }
}

impl From<BadForwarding> for Refused {
    fn from(bad: BadForwarding) -> Self {
        Self::bad_request(bad.to_string())
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        if refusal.status == StatusCode::SERVICE_UNAVAILABLE {
            return Self::no_memory(refusal.message);
        }
        let mut refused = Self::new(refusal.status, Cause::BadRequest, refusal.message);
        refused.logged = refusal.logged;
        let methods: Vec<&str> = refusal.allow.iter().map(http::Method::as_str).collect();
        if let (false, Ok(value)) = (methods.is_empty(), HeaderValue::from_str(&methods.join(", ")))
        {
            refused.headers.push((ALLOW, value));
        }
        refused
    }
}

impl From<Option<BadHead>> for Refused {
    fn from(bad: Option<BadHead>) -> Self {
        let (status, message) = bad
            .map_or((StatusCode::BAD_REQUEST, "the request's head is not understood"), |bad| {
                (bad.status, bad.message)
            });
        Self::new(status, Cause::BadRequest, message)
    }
}

impl From<CutBody> for Refused {
    fn from(cut: CutBody) -> Self {
        if let CutBody::NoMemory(none) = cut {
            return none.into();
        }
        Self::new(cut.status(), Cause::BadRequest, cut.to_string())
    }
}

impl From<NoMemory> for Refused {
    fn from(none: NoMemory) -> Self {
        Self::no_memory(none.to_string())
    }
}

impl From<UpstreamError> for Refused {
    fn from(error: UpstreamError) -> Self {
        let outcome = match &error {
            UpstreamError::CallerBody(_) => RequestOutcome::BodyFailed,
            _ => RequestOutcome::UpstreamFailed,
        };
        let ground = Ground::Failure(outcome);
        let refused = Self::on(ground, error.status(), error.public_message());
        let error = &error as &(dyn std::error::Error + 'static);
        tracing::warn!(error, "no answer from Ollama");
        Self { logged: Some(Causes(error).to_string()), ..refused }
    }
}
