//! Blobs: addressed by digest, kept as nothing but their digest.

use http::StatusCode;

use crate::call::{Answer, Call};
use crate::reply::{Failure, Reply};
use crate::store::sha256;

/// Ollama takes `sha256:…` and `sha256-…`, in either case.
pub(crate) fn canonical_digest(text: &str) -> Option<String> {
    let digits = text.strip_prefix("sha256:").or_else(|| text.strip_prefix("sha256-"))?;
    let valid = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    valid.then(|| digits.to_ascii_lowercase())
}

fn parameter(call: &Call<'_>) -> Result<String, Failure> {
    canonical_digest(&call.parameter).ok_or_else(|| Failure::bad_request("invalid digest format"))
}

pub(crate) fn check(call: &mut Call<'_>) -> Answer {
    let digest = parameter(call)?;
    Ok(Reply::empty(if call.store.has_blob(&digest) {
        StatusCode::OK
    } else {
        StatusCode::NOT_FOUND
    }))
}

pub(crate) fn upload(call: &mut Call<'_>) -> Answer {
    let claimed = parameter(call)?;
    if call.store.has_blob(&claimed) {
        return Ok(Reply::empty(StatusCode::OK));
    }
    let real = sha256(&call.received.body);
    // As the real one does, it keeps the blob under its real digest in any case.
    call.store.add_blob(real.clone());
    if real == claimed {
        Ok(Reply::empty(StatusCode::CREATED))
    } else {
        Err(Failure::bad_request(format!(
            "digest mismatch, expected \"sha256:{claimed}\", got \"sha256:{real}\""
        )))
    }
}
