//! The routes of Ollama v0.33.0 (`server/routes.go`, `GenerateRoutes`), and three of newer ones, by
//! their release notes: `/v1/systemone` of 0.35.0, `/api/usage` and `/api/balance` of 0.40.1.

use http::header::{ALLOW, LOCATION};
use http::{HeaderValue, Method, StatusCode};

use crate::api::{anthropic, audio, blobs, generate, host, library, manage, openai, responses};
use crate::call::{Answer, Call, Received};
use crate::reply::{Dialect, Reply};
use crate::store::Store;
use crate::{origin, target};

type Handler = fn(&mut Call<'_>) -> Answer;

/// A path that ends in `/` has a parameter as its last part.
struct Route(&'static str, &'static str, Dialect, Handler);

use Dialect::{Anthropic, Native, OpenAi};

#[rustfmt::skip]
const ROUTES: &[Route] = &[
    Route("GET HEAD", "/", Native, host::heartbeat),
    Route("GET HEAD", "/api/version", Native, host::version),
    Route("GET", "/api/status", Native, host::status),
    Route("GET HEAD", "/api/tags", Native, library::tags),
    Route("GET", "/api/ps", Native, library::running),
    Route("POST", "/api/show", Native, library::show),
    Route("POST", "/api/generate", Native, generate::generate),
    Route("POST", "/api/chat", Native, generate::chat),
    Route("POST", "/api/embed", Native, generate::embed),
    Route("POST", "/api/embeddings", Native, generate::embeddings),
    Route("POST", "/api/pull", Native, manage::pull),
    Route("POST", "/api/push", Native, manage::push),
    Route("POST", "/api/create", Native, manage::create),
    Route("POST", "/api/copy", Native, manage::copy),
    Route("DELETE", "/api/delete", Native, manage::delete),
    Route("POST", "/api/blobs/", Native, blobs::upload),
    Route("HEAD", "/api/blobs/", Native, blobs::check),
    Route("POST", "/api/me", Native, host::whoami),
    Route("GET", "/api/usage", Native, host::usage),
    Route("GET", "/api/balance", Native, host::balance),
    Route("POST", "/api/signout", Native, host::sign_out),
    Route("DELETE", "/api/user/keys/", Native, host::sign_out),
    Route("POST", "/api/experimental/web_search", Native, host::web_search),
    Route("POST", "/api/experimental/web_fetch", Native, host::web_fetch),
    Route("GET", "/api/experimental/model-recommendations", Native, library::recommendations),
    Route("POST", "/v1/chat/completions", OpenAi, openai::chat),
    Route("POST", "/v1/completions", OpenAi, openai::completions),
    Route("POST", "/v1/systemone", Native, generate::decide),
    Route("POST", "/v1/embeddings", OpenAi, openai::embeddings),
    Route("POST", "/v1/responses", OpenAi, responses::responses),
    Route("POST", "/v1/messages", Anthropic, anthropic::messages),
    Route("POST", "/v1/audio/transcriptions", OpenAi, audio::transcriptions),
    Route("GET", "/v1/models", OpenAi, openai::models),
    Route("GET", "/v1/models/", OpenAi, openai::model),
];

impl Route {
    /// The parameter where the path is this route's; empty where the route has none.
    fn parameter<'a>(&self, path: &'a str) -> Option<&'a str> {
        if self.1 == "/" || !self.1.ends_with('/') {
            return (self.1 == path).then_some("");
        }
        path.strip_prefix(self.1)
            .filter(|parameter| !parameter.is_empty() && !parameter.contains('/'))
    }

    fn takes(&self, method: &Method) -> bool {
        self.0.split(' ').any(|taken| taken == method.as_str())
    }
}

/// Answers a request, and tells which models it turned out to be about.
pub(crate) fn answer(received: &Received, store: &Store, chunks: usize) -> (Reply, Vec<String>) {
    if !origin::allowed(&received.headers) {
        return (Reply::empty(StatusCode::FORBIDDEN), Vec::new());
    }
    let path = target::decode(&received.path);
    if let Some(elsewhere) = redirection(&path) {
        return (elsewhere, Vec::new());
    }
    let matching = |route: &'static Route| Some((route, route.parameter(&path)?));
    let routes: Vec<_> = ROUTES.iter().filter_map(matching).collect();
    let taking = routes.iter().find(|(route, _)| route.takes(&received.method));
    let Some((Route(_, _, dialect, handler), parameter)) = taking else {
        return (no_route(routes.iter().map(|(route, _)| route.0)), Vec::new());
    };
    let mut call = Call {
        received,
        parameter: (*parameter).to_owned(),
        store,
        chunks,
        understood: Vec::new(),
    };
    let answer = handler(&mut call);
    let reply = answer.unwrap_or_else(|failure| failure.into_reply(*dialect));
    (reply, call.understood)
}

/// Tells whether a request uploads a blob that is there.
pub(crate) fn is_known_blob(method: &Method, path: &str, store: &Store) -> bool {
    let digest = path.strip_prefix("/api/blobs/").and_then(blobs::canonical_digest);
    method == Method::POST && digest.is_some_and(|digest| store.has_blob(&digest))
}

/// Paths that are not clean, or end in a slash that their route has not, are answered
/// with where to send the request again.
fn redirection(path: &str) -> Option<Reply> {
    let cleaned = target::clean(path);
    let known = |path: &str| ROUTES.iter().any(|route| route.parameter(path).is_some());
    let elsewhere = match cleaned.strip_suffix('/') {
        Some(without) if !known(&cleaned) && known(without) => without,
        _ if cleaned != path => &cleaned,
        _ => return None,
    };
    let mut reply = Reply::empty(StatusCode::TEMPORARY_REDIRECT);
    let location = HeaderValue::try_from(elsewhere).ok()?;
    reply.headers.insert(LOCATION, location);
    Some(reply)
}

fn no_route(methods: impl Iterator<Item = &'static str>) -> Reply {
    let allowed: Vec<_> = methods.flat_map(|methods| methods.split(' ')).collect();
    if allowed.is_empty() {
        return Reply::text(StatusCode::NOT_FOUND, "404 page not found");
    }
    let mut reply = Reply::text(StatusCode::METHOD_NOT_ALLOWED, "405 method not allowed");
    if let Ok(allowed) = HeaderValue::try_from(allowed.join(", ")) {
        reply.headers.insert(ALLOW, allowed);
    }
    reply
}
