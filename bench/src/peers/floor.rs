//! The least that a gateway on hyper can do: look the key up, read the model, pass it on.

use std::net::SocketAddr;

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::AUTHORIZATION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;

type Body = BoxBody<Bytes, hyper::Error>;

/// The rules of the floor: one key, one model.
struct Gate {
    digest: [u8; 32],
    upstream: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
}

#[derive(Deserialize)]
struct Asked<'a> {
    #[serde(borrow)]
    model: &'a str,
}

/// Serves for ever.
///
/// # Errors
/// Where it cannot listen.
pub async fn serve(listen: SocketAddr, upstream: SocketAddr, key: &str) -> anyhow::Result<()> {
    let listener = TcpListener::bind(listen).await?;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let digest = Sha256::digest(format!("Bearer {key}")).into();
    let gate: &'static Gate = Box::leak(Box::new(Gate { digest, upstream, client }));
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let service = service_fn(move |request| pass(gate, request));
            // A caller who hangs up is the load generator's business.
            http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
        });
    }
}

async fn pass(gate: &'static Gate, request: Request<Incoming>) -> anyhow::Result<Response<Body>> {
    let known = request
        .headers()
        .get(AUTHORIZATION)
        .is_some_and(|value| <[u8; 32]>::from(Sha256::digest(value.as_bytes())) == gate.digest);
    if !known {
        return Ok(refuse(StatusCode::UNAUTHORIZED));
    }
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let Ok(asked) = serde_json::from_slice::<Asked<'_>>(&body) else {
        return Ok(refuse(StatusCode::BAD_REQUEST));
    };
    if asked.model != "llama3.2:3b" {
        return Ok(refuse(StatusCode::FORBIDDEN));
    }
    let path = head.uri.path_and_query().context("no path")?.as_str();
    let uri: Uri = format!("http://{}{path}", gate.upstream).parse()?;
    let forwarded = Request::builder().method(head.method).uri(uri).body(Full::new(body))?;
    Ok(gate.client.request(forwarded).await?.map(BodyExt::boxed))
}

fn refuse(status: StatusCode) -> Response<Body> {
    let text = Bytes::from_static(b"{\"error\":\"refused\"}");
    let mut response = Response::new(Full::new(text).map_err(|never| match never {}).boxed());
    *response.status_mut() = status;
    response
}
