//! An upstream that costs next to nothing: it answers a chat at once, or in chunks that
//! carry the time of their sending, and has a list of models.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::machine::monotonic;
use crate::peers::MODEL;

/// The prompt for an answer in chunks.
pub const IN_CHUNKS: &str = "chunks";
/// The prompt for a first chunk, and then nothing more.
pub const HELD_OPEN: &str = "hold";
/// The prompt for a chunk every second, until the caller hangs up.
pub const SLOWLY: &str = "slowly";
/// Chunks of a streamed answer.
pub const CHUNKS: u32 = 20;
/// The pause before each but the first.
pub const GAP: Duration = Duration::from_millis(5);
/// Models of the list.
pub const LISTED: usize = 200;
/// The pause where they come slowly.
const LONG_GAP: Duration = Duration::from_secs(1);
/// The longest body, in bytes, that is searched for the kind of answer.
const TELLING: usize = 1_024;

type Body = BoxBody<Bytes, Infallible>;

/// Serves for ever on a port of loopback.
///
/// # Errors
/// Where it cannot listen.
pub async fn serve(listener: TcpListener) -> anyhow::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            // A caller who hangs up is the load generator's business.
            http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service_fn(answer))
                .await
                .ok();
        });
    }
}

/// Listens on a free port of loopback.
///
/// # Errors
/// Where there is none.
pub async fn listen() -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

async fn answer(request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
    match request.uri().path() {
        "/api/tags" => return Ok(json(MODELS.clone())),
        "/api/ps" => return Ok(json(Bytes::from_static(b"{\"models\":[]}"))),
        _ => {}
    }
    let body = request.into_body().collect().await?.to_bytes();
    let told = if body.len() > TELLING { &[][..] } else { &body[..] };
    let says = |what: &str| {
        let what = format!("\"{what}\"");
        told.windows(what.len()).any(|part| part == what.as_bytes())
    };
    Ok(if says(IN_CHUNKS) {
        streamed(chunks(CHUNKS, GAP))
    } else if says(SLOWLY) {
        streamed(chunks(u32::MAX, LONG_GAP))
    } else if says(HELD_OPEN) {
        streamed(stream::iter([chunk(false)]).chain(stream::pending()))
    } else {
        let text = "{\"model\":\"llama3.2:3b\",\"message\":{\"role\":\"assistant\",\"content\":\
                    \"hi\"},\"done\":true}";
        json(Bytes::from_static(text.as_bytes()))
    })
}

fn json(text: Bytes) -> Response<Body> {
    typed("application/json", Full::new(text).boxed())
}

/// The model of the callers, and others, of which they may use one in ten.
static MODELS: LazyLock<Bytes> = LazyLock::new(|| {
    let name = |number: usize| match number {
        0 => MODEL.to_owned(),
        _ if number.is_multiple_of(10) => format!("team/model-{number}:latest"),
        _ => format!("others/model-{number}:latest"),
    };
    let model = |number: usize| {
        let name = name(number);
        format!(
            "{{\"name\":\"{name}\",\"model\":\"{name}\",\"modified_at\":\
             \"2026-01-01T00:00:00Z\",\"size\":2019393189,\"digest\":\"{number:064x}\",\
             \"details\":{{\"format\":\"gguf\",\"family\":\"llama\",\"parameter_size\":\"3.2B\",\
             \"quantization_level\":\"Q4_K_M\"}}}}"
        )
    };
    let models: Vec<_> = (0..LISTED).map(model).collect();
    Bytes::from(format!("{{\"models\":[{}]}}", models.join(",")))
});

fn typed(kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let kind = hyper::header::HeaderValue::from_static(kind);
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, kind);
    response
}

fn streamed(lines: impl Stream<Item = Bytes> + Send + Sync + 'static) -> Response<Body> {
    let frames = lines.map(|line| Ok(Frame::data(line)));
    typed("application/x-ndjson", BodyExt::boxed(StreamBody::new(frames)))
}

fn chunks(all: u32, gap: Duration) -> impl Stream<Item = Bytes> + Send + Sync + 'static {
    stream::unfold(0, move |sent| async move {
        if sent == all {
            return None;
        }
        if sent > 0 {
            tokio::time::sleep(gap).await;
        }
        Some((chunk(sent + 1 == all), sent + 1))
    })
}

/// A line of a chat whose content is the nanosecond of its sending.
fn chunk(last: bool) -> Bytes {
    Bytes::from(format!(
        "{{\"model\":\"llama3.2:3b\",\"message\":{{\"role\":\"assistant\",\"content\":\"{}\"}},\
         \"done\":{last}}}\n",
        monotonic()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_the_callers_model_and_many_others() {
        let list: serde_json::Value = serde_json::from_slice(&MODELS).unwrap();
        let names = list["models"].as_array().unwrap().iter().map(|model| &model["name"]);
        assert_eq!(names.clone().count(), LISTED);
        assert!(names.clone().any(|name| name == MODEL));
        let may = names.filter_map(serde_json::Value::as_str);
        assert_eq!(may.filter(|name| name.starts_with("team/")).count(), LISTED / 10 - 1);
    }
}
