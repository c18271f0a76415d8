//! Transcriptions: a form instead of JSON.

use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::json;

use crate::call::{Answer, Call};
use crate::reply::{Failure, Reply};
use crate::target::query_value;

const TEXT: &str = "This is a simulated transcription.";

/// The query wins over the form, and the first of several parts over the later ones.
pub(crate) fn transcriptions(call: &mut Call<'_>) -> Answer {
    let form = Form::of(call)?;
    let model = query_value(&call.received.query, "model")
        .filter(|model| !model.is_empty())
        .or_else(|| form.value("model"))
        .unwrap_or_default();
    if form.value("file").is_none() {
        return Err(Failure::bad_request("file is required"));
    }
    let name = call.model(&model)?;
    call.load(&name)?;
    match form.value("response_format").as_deref() {
        Some("text") => Ok(Reply::text(StatusCode::OK, TEXT)),
        _ => Ok(Reply::mislabelled_ndjson(json!({"text": TEXT}).to_string())),
    }
}

/// The parts of a multipart body.
struct Form<'a>(Vec<(&'a [u8], &'a [u8])>);

impl<'a> Form<'a> {
    fn of(call: &Call<'a>) -> Result<Self, Failure> {
        let content_type = call.received.headers.get(CONTENT_TYPE);
        let boundary = content_type
            .and_then(|value| value.to_str().ok())
            .filter(|value| value.starts_with("multipart/form-data"))
            .and_then(|value| parameter(value, "boundary"))
            .ok_or_else(|| {
                Failure::bad_request("request Content-Type isn't multipart/form-data")
            })?;
        let delimiter = format!("\r\n--{boundary}");
        let body = call.received.body.as_ref();
        // The first delimiter may stand at the very beginning.
        let first = delimiter.as_bytes().get(2..).unwrap_or_default();
        let body = body.strip_prefix(first).unwrap_or(body);
        let parts = split(body, delimiter.as_bytes());
        Ok(Self(parts.filter_map(head_and_content).collect()))
    }

    fn value(&self, name: &str) -> Option<String> {
        let named = |head: &[u8]| {
            let head = String::from_utf8_lossy(head);
            let disposition = head
                .lines()
                .find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"));
            disposition.and_then(|line| parameter(line, "name")) == Some(name.to_owned())
        };
        let part = self.0.iter().find(|(head, _)| named(head))?;
        Some(String::from_utf8_lossy(part.1).into_owned())
    }
}

/// A parameter of a header's value, with or without quotes.
fn parameter(value: &str, name: &str) -> Option<String> {
    value
        .split(';')
        .filter_map(|part| part.split_once('='))
        .find(|(key, _)| key.trim().eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim().trim_matches('"').to_owned())
}

fn head_and_content(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let blank = find(part, b"\r\n\r\n")?;
    Some((&part[..blank], &part[blank + 4..]))
}

fn split<'a, 'd>(
    mut rest: &'a [u8],
    delimiter: &'d [u8],
) -> impl Iterator<Item = &'a [u8]> + use<'a, 'd> {
    std::iter::from_fn(move || {
        let end = find(rest, delimiter)?;
        let part = &rest[..end];
        rest = &rest[end + delimiter.len()..];
        Some(part)
    })
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
