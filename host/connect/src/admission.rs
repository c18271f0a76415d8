//! The requests that are passed on: those that name this machine, that no foreign web page makes,
//! and that are for Ollama's API.
//!
//! A page whose own name is made to mean this machine (DNS rebinding) is of the same origin to its
//! browser, but asks for that name. Only names that are this machine's wherever it is are answered:
//! names of private networks can be given by whoever is in the same network.

use std::net::IpAddr;

use http::header::HOST;
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, Version};
use stockade_ollama::page::{self, OwnOrigin, host_name, shown_header};

use crate::OriginMatcher;
use crate::answer::Refusal;

/// The beginnings of origins that no browser gives to a page: those of applications on this
/// machine, as Ollama takes them, too (`envconfig/config.go`, `AllowedOrigins`). It also takes
/// `file://`, which some browsers send for a page that was downloaded.
const APPLICATIONS: [&str; 4] = ["app://", "tauri://", "vscode-webview://", "vscode-file://"];

/// Decides whether a request is passed on.
pub(crate) struct Admission {
    origins: OriginMatcher,
    /// The machine's own name, in lower case.
    machine: Option<String>,
}

impl Admission {
    pub(crate) fn new(origins: OriginMatcher) -> Self {
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
        let name = name.map(|name| name.trim().to_ascii_lowercase());
        Self { origins, machine: name.filter(|name| !name.is_empty()) }
    }

    /// Refuses what is not for Ollama's API on this machine.
    pub(crate) fn check(&self, parts: &Parts) -> Result<(), Refusal> {
        let hosts = self.hosts(parts)?;
        let own = OwnOrigin { hosts: &hosts, encrypted: false };
        if page::is_foreign(&parts.headers, own, |origin| self.may_ask(origin)) {
            return Err(foreign_page(&parts.headers));
        }
        check_target(parts)
    }

    /// The origin of the page that asks, if it may read the answer.
    pub(crate) fn page<'h>(&self, headers: &'h HeaderMap) -> Option<&'h http::HeaderValue> {
        let origin = page::origin(headers)?;
        self.may_ask(origin.to_str().ok()?).then_some(origin)
    }

    fn may_ask(&self, origin: &str) -> bool {
        APPLICATIONS.iter().any(|own| origin.starts_with(own)) || (self.origins)(origin)
    }

    fn hosts(&self, parts: &Parts) -> Result<Vec<String>, Refusal> {
        let sent = parts.headers.get_all(HOST).iter();
        let hosts: Vec<String> =
            sent.map(|host| String::from_utf8_lossy(host.as_bytes()).into_owned()).collect();
        let enough = if parts.version == Version::HTTP_10 { 0..=1 } else { 1..=1 };
        if !enough.contains(&hosts.len()) {
            return Err(bad("send one Host header"));
        }
        match hosts.iter().find(|host| !self.is_here(&host_name(host))) {
            Some(host) => Err(unknown_host(host)),
            None => Ok(hosts),
        }
    }

    /// An address is not looked up, and the rest is this machine's everywhere.
    fn is_here(&self, name: &str) -> bool {
        let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        address.unwrap_or(name).parse::<IpAddr>().is_ok()
            || name == "localhost"
            || name.ends_with(".localhost")
            || self.machine.as_deref() == Some(name)
    }
}

fn bad(message: &str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, message)
}

fn foreign_page(headers: &HeaderMap) -> Refusal {
    let message = format!(
        "a web page {} may not use this machine's way to the gateway; where it should, start \
         `stockade connect` with --origin and the page's origin",
        page::whose_page(headers)
    );
    Refusal::new(StatusCode::FORBIDDEN, message)
}

fn unknown_host(host: &str) -> Refusal {
    let message = format!(
        "{} is not this machine's name; ask for localhost or 127.0.0.1",
        shown_header(host.as_bytes())
    );
    Refusal::new(StatusCode::FORBIDDEN, message)
}

/// Refuses targets that lead elsewhere than to Ollama's API, also behind a proxy that resolves
/// escapes and dots: `/-/token` would give away what this end is there to keep.
fn check_target(parts: &Parts) -> Result<(), Refusal> {
    let uri = &parts.uri;
    let plain = uri.scheme().is_none() && uri.authority().is_none() && uri.path().starts_with('/');
    if parts.method == Method::CONNECT || !plain {
        return Err(bad("the request target must be a path, such as /api/chat"));
    }
    let path = decoded(uri.path());
    let mut segments = path.split(|byte| matches!(byte, b'/' | b'\\'));
    if segments.clone().any(|segment| matches!(segment, b"." | b"..")) {
        return Err(bad("the path has a dot segment; write it plainly"));
    }
    if segments.any(|segment| segment == b"-") {
        let message = "the gateway's own paths are not passed on; ask the gateway itself";
        return Err(Refusal::new(StatusCode::NOT_FOUND, message));
    }
    Ok(())
}

/// The bytes that a path stands for, escapes resolved until there are none.
fn decoded(path: &str) -> Vec<u8> {
    let mut bytes = path.as_bytes().to_vec();
    loop {
        let next = decoded_once(&bytes);
        if next.len() == bytes.len() {
            return bytes;
        }
        bytes = next;
    }
}

fn decoded_once(bytes: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        let escape = match rest {
            [b'%', high, low, ..] => digit(*high).zip(digit(*low)),
            _ => None,
        };
        if let Some((high, low)) = escape {
            decoded.push(high << 4 | low);
            rest = &rest[3..];
        } else {
            decoded.push(*first);
            rest = after;
        }
    }
    decoded
}

#[cfg(test)]
mod tests;
