//! The end of a pull or create for callers who do not want its progress, which the gateway reads to
//! count what is fetched.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use hyper::body::Incoming;
use stockade_ollama::response::Ending;

use super::answer::{BrokenAnswer, Watch};
use super::upstream::UpstreamError;
use crate::body::idle_timeout::IdleTimeout;
use crate::record::Record;
use crate::refused::Refused;

/// The longest line that is kept, in bytes.
const LONGEST_LINE: usize = 64 << 10;

/// Reads the progress to its end, and returns its last line as the whole answer.
///
/// # Errors
/// Where it breaks off, or a quota has no room for more.
pub(super) async fn end_of_progress(
    response: Response<Incoming>,
    mut watch: Watch,
    record: &mut Record,
) -> Result<Response<Bytes>, Refused> {
    let mut body = IdleTimeout::new(response.into_body(), watch.pause);
    let mut last = LastLine::default();
    while let Some(data) = std::future::poll_fn(|context| body.poll_data(context)).await {
        let data = data.map_err(|_| UpstreamError::Unusable("its answer broke off"))?;
        watch.meter.push(&data);
        let measured = watch.meter.finish();
        record.measured(measured, true);
        if watch.pull_cap.is_some_and(|cap| measured.pulled > cap) {
            return Err(Refused::quota_spent(&BrokenAnswer::QuotaSpent));
        }
        last.push(&data);
    }
    let status = match watch.meter.finish().ending {
        Ending::Finished => StatusCode::OK,
        Ending::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        Ending::CutShort => {
            return Err(UpstreamError::Unusable("its answer ended before it was complete").into());
        }
    };
    let mut response = Response::new(last.line());
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(response)
}

/// The last line of a text that comes in pieces.
#[derive(Default)]
struct LastLine {
    whole: Vec<u8>,
    begun: Vec<u8>,
}

impl LastLine {
    fn push(&mut self, mut data: &[u8]) {
        while let Some(end) = memchr::memchr(b'\n', data) {
            self.add(&data[..end]);
            self.whole = std::mem::take(&mut self.begun);
            data = &data[end + 1..];
        }
        self.add(data);
    }

    fn add(&mut self, part: &[u8]) {
        let room = LONGEST_LINE.saturating_sub(self.begun.len());
        self.begun.extend_from_slice(&part[..part.len().min(room)]);
    }

    fn line(self) -> Bytes {
        let line = if self.begun.is_empty() { self.whole } else { self.begun };
        line.into()
    }
}

#[cfg(test)]
mod tests {
    use super::LastLine;

    #[test]
    fn the_last_line_is_kept_wherever_it_is_split() {
        for (pieces, last) in [
            (&["a\nb\n"][..], "b"),
            (&["a\n", "b", "c\n"], "bc"),
            (&["a\nb"], "b"),
            (&["a", "\n", "\n"], ""),
            (&[], ""),
        ] {
            let mut line = LastLine::default();
            for piece in pieces {
                line.push(piece.as_bytes());
            }
            assert_eq!(line.line(), last, "{pieces:?}");
        }
    }
}
