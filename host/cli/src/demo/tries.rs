//! Requests to try in the demo, and their answers.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

/// One request that a newcomer can send.
pub(super) struct Try {
    what: &'static str,
    user: Option<&'static str>,
    method: Method,
    path: &'static str,
    body: Option<&'static str>,
    status: StatusCode,
}

const HELLO: &str = r#"{"model":"llama3.2:3b","messages":[{"role":"user","content":"Hello"}]}"#;
const LARGE: &str = r#"{"model":"llama3.3:70b","messages":[{"role":"user","content":"Hello"}]}"#;
const PULL: &str = r#"{"model":"gemma3:4b"}"#;
const ELSEWHERE: &str = r#"{"model":"hf.co/someone/model"}"#;

/// Everything worth trying, in the order of a tour.
pub(super) fn tour() -> [Try; 9] {
    let chat = "/api/chat";
    [
        Try::post("nobody, without a key", None, chat, HELLO, 401),
        Try::post("alice, a model that she may use", Some("alice"), chat, HELLO, 200),
        Try::post(
            "the same through the OpenAI API",
            Some("alice"),
            "/v1/chat/completions",
            HELLO,
            200,
        ),
        Try::post("alice, a model that nobody gave her", Some("alice"), chat, LARGE, 403),
        Try::post("kim, who has the small model only", Some("kim"), chat, HELLO, 403),
        Try::get("kim's list of models shows just that one", Some("kim"), "/api/tags", 200),
        Try::post("alice may not pull", Some("alice"), "/api/pull", PULL, 403),
        Try::post("bob may pull from the library", Some("bob"), "/api/pull", PULL, 200),
        Try::post("but not from elsewhere", Some("bob"), "/api/pull", ELSEWHERE, 403),
    ]
}

impl Try {
    fn post(
        what: &'static str,
        user: Option<&'static str>,
        path: &'static str,
        body: &'static str,
        status: u16,
    ) -> Self {
        Self { body: Some(body), method: Method::POST, ..Self::get(what, user, path, status) }
    }

    fn get(
        what: &'static str,
        user: Option<&'static str>,
        path: &'static str,
        status: u16,
    ) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { what, user, method: Method::GET, path, body: None, status }
    }

    /// The line to type.
    pub(super) fn curl(&self, gateway: SocketAddr) -> String {
        let key = self.user.map(|user| format!(" -H \"Authorization: Bearer ${user}\""));
        let body = self.body.map(|body| format!(" -d '{body}'"));
        format!(
            "curl{} http://{gateway}{}{}",
            key.unwrap_or_default(),
            self.path,
            body.unwrap_or_default()
        )
    }

    /// The line to type where users have certificates.
    pub(super) fn curl_with_certificate(&self, gateway: SocketAddr, directory: &Path) -> String {
        let directory = directory.display();
        let certificate = self
            .user
            .map(|user| format!(" --cert {directory}/{user}.pem --key {directory}/{user}.key"));
        let body = self.body.map(|body| format!(" -d '{body}'"));
        format!(
            "curl --cacert {directory}/ca.pem{} https://{gateway}{}{}",
            certificate.unwrap_or_default(),
            self.path,
            body.unwrap_or_default()
        )
    }

    /// Sends it, and tells whether the answer is the announced one.
    pub(super) async fn send(
        &self,
        gateway: SocketAddr,
        key: Option<&str>,
    ) -> anyhow::Result<bool> {
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(format!("http://{gateway}{}", self.path));
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let body = self.body.map(|body| Bytes::from_static(body.as_bytes())).unwrap_or_default();
        let response = client.request(request.body(Full::new(body))?).await?;
        let status = response.status();
        response.into_body().collect().await?;
        Ok(status == self.status)
    }

    pub(super) const fn user(&self) -> Option<&'static str> {
        self.user
    }
}

impl fmt::Display for Try {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.what, self.status.as_u16())
    }
}
