//! Renews the token before it ends, and when the gateway has refused it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt as _, Either, Full, Limited};
use serde::Deserialize;
use stockade_core::UnixTime;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::answer::message_of;
use crate::blocking::blocking;
use crate::credential::{Credential, Kept, Renewable, written};
use crate::failure::Failure;
use crate::headers;
use crate::relay::Relay;
use crate::token::Token;
use crate::upstream::Outgoing;

const PATH: &str = "/-/token";
/// The most of an answer that is read.
const LONGEST: usize = 64 << 10;
/// The time that an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The time between two looks at the clock: the machine may sleep meanwhile.
const PAUSE: Duration = Duration::from_mins(1);
/// The time for which the gateway is left alone after it gave no token, at first and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(15), Duration::from_mins(10));

/// The reason why there is no newer token.
#[derive(Debug, thiserror::Error)]
enum NotRenewed {
    #[error("{0}")]
    Failure(#[from] Failure),
    #[error("{0}")]
    Unauthorized(String),
    #[error("the gateway answers {status}{}", said(.message.as_deref()))]
    Refused { status: StatusCode, message: Option<String> },
    #[error("the gateway's answer is no token")]
    Unusable,
    #[error("the gateway does not answer within {} seconds", PATIENCE.as_secs())]
    Slow,
}

fn said(message: Option<&str>) -> String {
    message.map_or_else(String::new, |message| format!(": {message}"))
}

/// The answer in the form of OAuth's token endpoint (RFC 6749, section 5.1). It has no `Debug`.
#[derive(Deserialize)]
struct Issued {
    access_token: String,
}

/// A token for which no newer one was to be had.
struct Failed {
    /// Its end, which tells it from others.
    expiry: UnixTime,
    again: Instant,
    pause: Duration,
}

/// Renews it until it is told to stop.
pub(crate) async fn keep_fresh(relay: Arc<Relay>, stop: CancellationToken) {
    let Some(credential) = relay.credential.clone() else { return };
    let mut failed: Option<Failed> = None;
    loop {
        let looked = Arc::clone(&credential);
        let due = blocking(move || Ok::<_, Infallible>(looked.due())).await.unwrap_or(None);
        let (pause, expiry) = due.map_or((PAUSE, None), |(due, expiry)| (due, Some(expiry)));
        let held = failed.as_ref().filter(|failed| Some(failed.expiry) == expiry);
        let held = held.map_or(Duration::ZERO, |failed| failed.again - Instant::now());
        let pause = pause.max(held).min(PAUSE);
        if pause.is_zero() {
            failed = renew(&relay, &credential, failed).await;
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
            () = credential.renew.notified() => {}
        }
    }
}

/// Renews it once.
async fn renew(
    relay: &Relay,
    credential: &Arc<Credential>,
    failed: Option<Failed>,
) -> Option<Failed> {
    let old = credential.renewable()?;
    let asked = tokio::time::timeout(PATIENCE, ask(relay, &old)).await;
    match asked.unwrap_or(Err(NotRenewed::Slow)) {
        Ok(token) => {
            keep(credential, old, token).await;
            None
        }
        Err(error) => {
            tracing::warn!("{} is not renewed: {error}", credential.description());
            let (first, most) = BACKOFF;
            let last = failed.filter(|failed| failed.expiry == old.expiry);
            let pause = last.map_or(first, |last| (last.pause * 2).min(most));
            Some(Failed { expiry: old.expiry, again: Instant::now() + pause, pause })
        }
    }
}

async fn ask(relay: &Relay, old: &Renewable) -> Result<Token, NotRenewed> {
    let mut sent = HeaderMap::new();
    sent.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let outgoing = Outgoing {
        method: Method::POST,
        path: PathAndQuery::from_static(PATH),
        headers: headers::of_request(&sent, relay.upstream.host(), Some(old.header.clone())),
        body: Either::Left(Full::new(Bytes::from_static(b"{}"))),
    };
    let (head, body) = relay.upstream.send(outgoing).await?.into_parts();
    match head.status {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED => {
            let said = message_of(body).await;
            return Err(NotRenewed::Unauthorized(relay.not_accepted(said.as_deref())));
        }
        status => return Err(NotRenewed::Refused { status, message: message_of(body).await }),
    }
    let body = Limited::new(body, LONGEST).collect().await.map_err(|_| NotRenewed::Unusable)?;
    let issued: Issued =
        serde_json::from_slice(&body.to_bytes()).map_err(|_| NotRenewed::Unusable)?;
    Token::read(&issued.access_token).ok_or(NotRenewed::Unusable)
}

async fn keep(credential: &Arc<Credential>, old: Renewable, token: Token) {
    let expiry = written(token.expiry);
    let keeper = Arc::clone(credential);
    let kept = blocking(move || Ok::<_, Infallible>(keeper.renewed(&old, token))).await;
    let what = credential.description();
    match kept.unwrap_or(Kept::Overtaken) {
        Kept::Written => tracing::info!("{what} is renewed until {expiry}"),
        Kept::InMemory(error) => tracing::warn!(
            "{what} is renewed until {expiry}, but cannot be written there: {error}; after a \
             restart the one in the file is used again"
        ),
        Kept::Overtaken => tracing::info!("{what} has changed meanwhile and is used"),
    }
}
