//! `POST /-/token`: a time-limited token for whoever has proven who they are.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Response};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::json;
use stockade_authn::CannotIssue;

use crate::body::memory::BodyMemory;
use crate::body::{BodyLimits, collect};
use crate::context::Context;
use crate::forward::answer::AnswerBody;
use crate::gateway::Head;
use crate::identify::Identifier;
use crate::own::answered;
use crate::record::{Record, Recorder};
use crate::refused::Refused;

const LONGEST_BODY: u64 = 1024;

/// The body of a request for a token.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TokenRequest {
    /// Such as `30m`.
    ttl: Option<String>,
}

/// The endpoint, with the steps that it shares with other requests.
pub(crate) struct TokenEndpoint<'a> {
    pub(crate) identifier: &'a Identifier,
    pub(crate) recorder: &'a Recorder,
    pub(crate) memory: &'a Arc<BodyMemory>,
}

impl TokenEndpoint<'_> {
    /// Answers in the form of OAuth's token endpoint (RFC 6749, section 5.1).
    pub(crate) async fn answer(
        &self,
        context: &Context<'_>,
        head: Head<'_>,
        body: Incoming,
        record: &mut Record,
    ) -> Result<Response<AnswerBody>, Refused> {
        let config = context.config();
        let in_path = head.key.allowed(&config.authentication)?;
        if head.parts.method != Method::POST {
            return Err(Refused::only(&Method::POST));
        }
        let caller = self.identifier.identify(context, head.parts, in_path).await?;
        record.identified(&caller);
        self.recorder.reserve(record, config)?;
        let pause = config.limits.body_timeout;
        let share = self.memory.share(&caller.principal.user, &config.limits);
        let limits = BodyLimits { bytes: LONGEST_BODY, pause };
        let wanted = wanted(&collect(body, limits, &share).await?)?;
        let now = context.now();
        let issued = context.generation.authenticator.issue(&caller, wanted, now)?;
        let answer = json!({
            "access_token": issued.token.expose(),
            "token_type": "Bearer",
            "expires_in": issued.expires.as_secs().saturating_sub(now.as_secs()),
        });
        Ok(answered(answer.to_string().into(), record))
    }
}

fn wanted(body: &Bytes) -> Result<Option<std::time::Duration>, Refused> {
    if body.is_empty() {
        return Ok(None);
    }
    // What serde_json says of it may quote it.
    let wanted: TokenRequest = serde_json::from_slice(body).map_err(|_| {
        Refused::bad_request(r#"send nothing, or JSON with nothing but a ttl: {"ttl":"30m"}"#)
    })?;
    let read = |text: &String| {
        humantime::parse_duration(text)
            .map_err(|_| Refused::bad_request("ttl is a duration such as 30m or 12h"))
    };
    wanted.ttl.as_ref().map(read).transpose()
}

impl From<CannotIssue> for Refused {
    fn from(cannot: CannotIssue) -> Self {
        match cannot {
            CannotIssue::TooShort => Self::bad_request(cannot.to_string()),
            CannotIssue::NoSecret
            | CannotIssue::Anonymous
            | CannotIssue::Jwt
            | CannotIssue::NoOrigin
            | CannotIssue::OnBehalf
            | CannotIssue::Ending => Self::no_token(cannot.to_string()),
        }
    }
}
