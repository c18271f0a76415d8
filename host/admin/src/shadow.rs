//! The operator's questions and orders about the shadow generation.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stockade_control::reload::{Current, Status};
use stockade_control::shadow_generation::{CannotPromote, Promoted, ShadowGeneration};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::operated::Operated;

/// The longest order, in bytes.
const LONGEST: usize = 64 << 10;
/// The longest time in which a promoted configuration is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// An order to put a candidate beside the generation in force.
#[derive(Debug, Serialize, Deserialize)]
pub struct PutShadow {
    /// The absolute path of its file.
    pub config: PathBuf,
}

/// An order to promote the candidate.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct PromoteShadow {
    /// True to do so where the configuration in force was changed since the candidate was written.
    pub force: bool,
}

/// The result of a promotion.
#[derive(Debug, Serialize, Deserialize)]
pub struct Promotion {
    /// The files.
    #[serde(flatten)]
    pub files: Promoted,
    /// The number of the generation that is in force now; `None` where the candidate was not taken yet.
    pub generation: Option<u64>,
    /// Everything that is wrong with it, where it was rejected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejected: Vec<String>,
}

/// A status with what is answered.
type Answer = (StatusCode, Value);

/// Answers a question or an order about the candidate.
pub(crate) async fn answer(request: Request<Incoming>, operated: &Operated) -> Answer {
    let Some(shadow) = operated.shadow.clone() else {
        let error = "this gateway reloads nothing, so nothing can be tried out beside it";
        return (StatusCode::CONFLICT, json!({ "errors": [error] }));
    };
    let audit = operated.audit.clone();
    let answered = match *request.method() {
        Method::GET => blocking(move || Ok(json!(shadow.status()))).await,
        Method::DELETE => {
            let removed = blocking(move || Ok(json!({ "removed": shadow.off() }))).await;
            removed.inspect(|act| audit.shadowed(act))
        }
        Method::PUT => match order::<PutShadow>(request).await {
            Ok(order) => {
                blocking(move || put(&shadow, &order).inspect(|_| audit.shadowed(&order))).await
            }
            Err(answer) => Err(answer),
        },
        _ => {
            Err((StatusCode::METHOD_NOT_ALLOWED, vec!["GET, PUT and DELETE are taken".to_owned()]))
        }
    };
    finish(answered)
}

/// Promotes the candidate, and waits for what becomes of it.
pub(crate) async fn promote(request: Request<Incoming>, operated: &Operated) -> Answer {
    let Some(shadow) = operated.shadow.clone() else {
        let error = CannotPromote::Nobody.to_string();
        return (StatusCode::CONFLICT, json!({ "errors": [error] }));
    };
    if request.method() != Method::POST {
        return finish(Err((StatusCode::METHOD_NOT_ALLOWED, vec!["POST is taken".to_owned()])));
    }
    let order = match order::<PromoteShadow>(request).await {
        Ok(order) => order,
        Err(refused) => return finish(Err(refused)),
    };
    let before = operated.current.status().borrow().attempts;
    let refused = |error: CannotPromote| (StatusCode::CONFLICT, vec![error.to_string()]);
    let written = blocking(move || shadow.promote(order.force).map_err(refused)).await;
    match written {
        Ok(files) => {
            operated.audit.promoted(&files);
            finish(Ok(json!(taken(files, &operated.current, before).await)))
        }
        Err(refused) => finish(Err(refused)),
    }
}

/// Waits until the reload has taken or rejected what was written.
async fn taken(files: Promoted, current: &Arc<Current>, before: u64) -> Promotion {
    let mut status = current.status();
    let is_in_force = || current.load().config.digest().to_string() == files.digest;
    let is_over =
        |status: &Status| is_in_force() || (status.attempts > before && status.rejected.is_some());
    let waited = timeout(PATIENCE, status.wait_for(is_over)).await;
    let rejected = waited.ok().and_then(Result::ok).and_then(|status| status.rejected.clone());
    let generation = is_in_force().then(|| current.load().number);
    let errors = rejected.filter(|_| generation.is_none());
    let rejected =
        errors.map(|errors| errors.iter().map(ToString::to_string).collect()).unwrap_or_default();
    Promotion { files, generation, rejected }
}

fn put(shadow: &ShadowGeneration, order: &PutShadow) -> Result<Value, (StatusCode, Vec<String>)> {
    match shadow.put(&order.config) {
        Ok(()) => Ok(json!(shadow.status())),
        Err(errors) => {
            let errors = errors.iter().map(ToString::to_string).collect();
            Err((StatusCode::UNPROCESSABLE_ENTITY, errors))
        }
    }
}

async fn order<T: for<'de> Deserialize<'de>>(
    request: Request<Incoming>,
) -> Result<T, (StatusCode, Vec<String>)> {
    let wrong = |error: String| (StatusCode::BAD_REQUEST, vec![error]);
    let body = Limited::new(request.into_body(), LONGEST).collect().await;
    let body = body.map_err(|error| wrong(error.to_string()))?.to_bytes();
    serde_json::from_slice(&body).map_err(|error| wrong(error.to_string()))
}

/// Does what may take a while where it holds up no connection.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, (StatusCode, Vec<String>)> + Send + 'static,
) -> Result<T, (StatusCode, Vec<String>)> {
    let failed = |error: tokio::task::JoinError| {
        Err((StatusCode::INTERNAL_SERVER_ERROR, vec![error.to_string()]))
    };
    spawn_blocking(work).await.unwrap_or_else(failed)
}

fn finish(answered: Result<Value, (StatusCode, Vec<String>)>) -> Answer {
    match answered {
        Ok(value) => (StatusCode::OK, value),
        Err((status, errors)) => (status, json!({ "errors": errors })),
    }
}
