//! Connections: from the listener to a request with its body, and back.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::body::{Pace, paced};
use crate::call::Received;
use crate::fault::{Sabotage, SabotagedStream};
use crate::gate::{Plan, Plans};
use crate::journal::{Ending, Journal, Presence, RecordedRequest};
use crate::reply::{Content, Reply};
use crate::routes;
use crate::store::Store;

/// The state that all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) chunks: usize,
    pub(crate) chunk_delay: Duration,
    pub(crate) plans: Plans,
    pub(crate) journal: Journal,
    pub(crate) connections: watch::Sender<usize>,
    pub(crate) listening: watch::Sender<bool>,
}

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Accepts until told to stop, then waits for the open connections to end.
pub(crate) async fn serve(
    listener: TcpListener,
    listening: watch::Receiver<bool>,
    shared: Arc<Shared>,
) {
    let mut connections = JoinSet::new();
    accept(listener, listening, &shared, &mut connections).await;
    while connections.join_next().await.is_some() {}
}

async fn accept(
    listener: TcpListener,
    mut listening: watch::Receiver<bool>,
    shared: &Arc<Shared>,
    connections: &mut JoinSet<()>,
) {
    loop {
        tokio::select! {
            _ = listening.wait_for(|listening| !*listening) => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                // An error here is about one connection that is gone already.
                if let Ok((stream, _)) = accepted {
                    connections.spawn(connection(stream, Arc::clone(shared)));
                }
            }
        }
    }
    // Whoever waits for the receiver to go wants the port to be closed by then.
    drop(listener);
    drop(listening);
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let _open = Open::new(&shared.connections);
    // Without this, small chunks would wait for the acknowledgement of earlier ones.
    // Where it fails, the connection is gone and the next read says so.
    let _ = stream.set_nodelay(true);
    let sabotage = Sabotage::default();
    let stream = SabotagedStream::new(stream, sabotage.clone());
    let service = service_fn(|request| answer(request, &shared, &sabotage));
    // How a connection ends is the caller's business; what is of interest is recorded
    // with each request.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// Counts a connection for as long as it lives.
struct Open<'a>(&'a watch::Sender<usize>);

impl<'a> Open<'a> {
    fn new(connections: &'a watch::Sender<usize>) -> Self {
        connections.send_modify(|open| *open += 1);
        Self(connections)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}

async fn answer(
    request: Request<Incoming>,
    shared: &Shared,
    sabotage: &Sabotage,
) -> Result<Response<Body>, Infallible> {
    let (parts, body) = request.into_parts();
    let mut plan = shared.plans.take(parts.uri.path());
    let presence = plan.presence();
    // It answers without a look at the body of a blob that it has already.
    let unread = routes::is_known_blob(&parts.method, parts.uri.path(), &shared.store);
    let body = if unread { Ok(Bytes::new()) } else { read(body).await };
    let reply = match body {
        Ok(body) => respond(&parts, body, shared, &plan, &presence),
        Err(partial) => {
            presence.end(Ending::Abandoned);
            record(&parts, partial, Vec::new(), shared, &presence);
            Reply::native_error(http::StatusCode::BAD_REQUEST, "unexpected EOF")
        }
    };
    plan.before_headers(sabotage).await;
    Ok(response(reply, plan, presence, shared, sabotage))
}

/// The body, or as much of it as came.
async fn read(mut body: Incoming) -> Result<Bytes, Bytes> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        match frame.map(hyper::body::Frame::into_data) {
            Ok(Ok(data)) => bytes.extend_from_slice(&data),
            // Trailers are ignored, as Ollama does.
            Ok(Err(_)) => {}
            Err(_) => return Err(bytes.freeze()),
        }
    }
    Ok(bytes.freeze())
}

fn respond(parts: &Parts, body: Bytes, shared: &Shared, plan: &Plan, presence: &Presence) -> Reply {
    let received = Received {
        method: parts.method.clone(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers.clone(),
        body,
    };
    let (reply, models) = routes::answer(&received, &shared.store, shared.chunks);
    record(parts, received.body, models, shared, presence);
    plan.instead_of_the_answer().unwrap_or(reply)
}

fn record(parts: &Parts, body: Bytes, models: Vec<String>, shared: &Shared, presence: &Presence) {
    shared.journal.push(|| RecordedRequest {
        method: parts.method.clone(),
        target: parts.uri.to_string(),
        headers: parts.headers.clone(),
        body,
        models,
        ending: presence.watch(),
    });
}

fn response(
    reply: Reply,
    plan: Plan,
    presence: Presence,
    shared: &Shared,
    sabotage: &Sabotage,
) -> Response<Body> {
    let mut response = Response::new(());
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    match reply.content {
        Content::Whole(bytes) => {
            presence.end(Ending::Answered);
            response.headers_mut().insert(CONTENT_LENGTH, bytes.len().into());
            response.map(|()| Full::new(bytes).boxed_unsync())
        }
        Content::Chunks(chunks) => {
            let pace =
                Pace { delay: shared.chunk_delay, plan, presence, sabotage: sabotage.clone() };
            response.map(|()| paced(chunks, pace).boxed_unsync())
        }
    }
}
