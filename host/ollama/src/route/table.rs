//! All routes of Ollama. What is not here is not forwarded.
//!
//! Source: Ollama `server/routes.go` (`GenerateRoutes`), v0.33.0; the release notes of 0.35.0
//! (`/v1/systemone`) and 0.40.1 (`/api/usage`, and the account's balance under the name that
//! ollama.com has for it).

use http::Method;
use stockade_core::Dialect::{Anthropic, Native, OpenAi};
use stockade_core::Operation;

use super::BodyKind::{self, Blob, Json, Multipart};
use super::ResponseKind::{self, Empty, List, Ndjson, Sse, Text};
use super::{Parameter, Path, Route};
use crate::response::ListKind;
use crate::shape::{anthropic, native, openai};

/// The version of Ollama whose routes these are, all of them; of newer ones there are three.
pub(crate) const OLLAMA: &str = "0.33";

const GET: &[Method] = &[Method::GET];
const GET_HEAD: &[Method] = &[Method::GET, Method::HEAD];
const HEAD: &[Method] = &[Method::HEAD];
const POST: &[Method] = &[Method::POST];
const DELETE: &[Method] = &[Method::DELETE];
const NOTHING: BodyKind = BodyKind::None;
const ONE_OBJECT: ResponseKind = ResponseKind::Json;

const fn at(path: &'static str) -> Path {
    Path::new(path)
}

/// Method, path, operation, API, body, answer.
macro_rules! routes {
    ($($methods:ident $path:expr => $operation:ident, $dialect:expr, $body:expr, $response:expr;)*) => {
        /// Every route, in the order of Ollama's own table.
        pub static ROUTES: &[Route] = &[$(Route {
            operation: Operation::$operation,
            dialect: $dialect,
            methods: $methods,
            path: $path,
            body: $body,
            response: $response,
        },)*];
    };
}

const TAGS: ResponseKind = List(ListKind::Native);
const MODELS: ResponseKind = List(ListKind::OpenAi);
const RECOMMENDED: ResponseKind = List(ListKind::Recommendations);
const BLOB: Path = Path::with("/api/blobs/", Parameter::Digest);
const USER_KEY: Path = Path::with("/api/user/keys/", Parameter::Key);
const MODEL: Path = Path::with("/v1/models/", Parameter::Model);
const RECOMMENDATIONS: &str = "/api/experimental/model-recommendations";

routes! {
    GET_HEAD at("/")                            => Heartbeat, Native, NOTHING, Text;
    GET_HEAD at("/api/version")                 => Version, Native, NOTHING, ONE_OBJECT;
    GET      at("/api/status")                  => Status, Native, NOTHING, ONE_OBJECT;

    GET_HEAD at("/api/tags")                    => List, Native, NOTHING, TAGS;
    GET      at("/api/ps")                      => Running, Native, NOTHING, TAGS;
    POST     at("/api/show")                    => Show, Native, Json(&native::SHOW), ONE_OBJECT;
    GET      at(RECOMMENDATIONS)                => Recommend, Native, NOTHING, RECOMMENDED;

    POST     at("/api/generate")                => Generate, Native, Json(&native::GENERATE), Ndjson;
    POST     at("/api/chat")                    => Chat, Native, Json(&native::CHAT), Ndjson;
    POST     at("/api/embed")                   => Embed, Native, Json(&native::EMBED), ONE_OBJECT;
    POST     at("/api/embeddings")              => Embed, Native, Json(&native::EMBEDDINGS), ONE_OBJECT;

    POST     at("/api/pull")                    => Pull, Native, Json(&native::TRANSFER), Ndjson;
    POST     at("/api/push")                    => Push, Native, Json(&native::TRANSFER), Ndjson;
    POST     at("/api/create")                  => Create, Native, Json(&native::CREATE), Ndjson;
    POST     at("/api/copy")                    => Copy, Native, Json(&native::COPY), Empty;
    DELETE   at("/api/delete")                  => Delete, Native, Json(&native::DELETE), Empty;
    POST     BLOB                               => UploadBlob, Native, Blob, Empty;
    HEAD     BLOB                               => CheckBlob, Native, NOTHING, Empty;

    POST     at("/api/me")                      => WhoAmI, Native, NOTHING, ONE_OBJECT;
    GET      at("/api/usage")                   => WhoAmI, Native, NOTHING, ONE_OBJECT;
    GET      at("/api/balance")                 => WhoAmI, Native, NOTHING, ONE_OBJECT;
    POST     at("/api/signout")                 => SignOut, Native, NOTHING, ONE_OBJECT;
    DELETE   USER_KEY                           => SignOut, Native, NOTHING, ONE_OBJECT;
    POST     at("/api/experimental/web_search") => WebSearch, Native, Json(&native::WEB_SEARCH), ONE_OBJECT;
    POST     at("/api/experimental/web_fetch")  => WebFetch, Native, Json(&native::WEB_FETCH), ONE_OBJECT;

    POST     at("/v1/chat/completions")         => Chat, OpenAi, Json(&openai::CHAT), Sse;
    POST     at("/v1/completions")              => Generate, OpenAi, Json(&openai::COMPLETION), Sse;
    POST     at("/v1/embeddings")               => Embed, OpenAi, Json(&openai::EMBED), ONE_OBJECT;
    POST     at("/v1/responses")                => Chat, OpenAi, Json(&openai::RESPONSES), Sse;
    POST     at("/v1/messages")                 => Chat, Anthropic, Json(&anthropic::MESSAGES), Sse;
    POST     at("/v1/systemone")                => Generate, Native, Json(&native::DECIDE), ONE_OBJECT;
    POST     at("/v1/audio/transcriptions")     => Transcribe, OpenAi, Multipart, ONE_OBJECT;
    GET      at("/v1/models")                   => List, OpenAi, NOTHING, MODELS;
    GET      MODEL                              => Show, OpenAi, NOTHING, ONE_OBJECT;
}
