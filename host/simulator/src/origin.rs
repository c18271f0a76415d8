//! The callers who may talk to an Ollama on loopback.
//!
//! Source: Ollama `server/routes.go` (`allowedHostsMiddleware`, `allowedHost`) and
//! `envconfig/config.go` (`AllowedOrigins`).

use std::net::IpAddr;

use http::HeaderMap;
use http::header::{HOST, ORIGIN};

/// Tells whether neither `Host` nor `Origin` says that somebody else's web page is asking.
pub(crate) fn allowed(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).map_or(Ok(""), |host| host.to_str());
    let origin = headers.get(ORIGIN).map_or(Ok(""), |origin| origin.to_str());
    match (host, origin) {
        (Ok(host), Ok("")) => is_local(without_port(host)),
        (Ok(host), Ok(origin)) => is_local(without_port(host)) && origin_allowed(origin, host),
        _ => false,
    }
}

fn without_port(authority: &str) -> &str {
    let unbracketed = authority.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    match unbracketed {
        Some((address, _)) => address,
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    }
}

fn is_local(host: &str) -> bool {
    if let Ok(address) = host.parse::<IpAddr>() {
        let private = matches!(address, IpAddr::V4(address) if address.is_private());
        return address.is_loopback() || address.is_unspecified() || private;
    }
    let host = host.to_ascii_lowercase();
    let local_domain =
        [".localhost", ".local", ".internal"].iter().any(|domain| host.ends_with(domain));
    host.is_empty() || host == "localhost" || local_domain
}

fn origin_allowed(origin: &str, host: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else {
        return false;
    };
    match scheme {
        "http" | "https" => {
            let local = matches!(without_port(authority), "localhost" | "127.0.0.1" | "0.0.0.0");
            local || authority == host
        }
        "app" | "file" | "tauri" | "vscode-webview" | "vscode-file" => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(host: &str, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().unwrap());
        }
        allowed(&headers)
    }

    #[test]
    fn foreign_pages_are_kept_out() {
        for host in ["localhost:11434", "127.0.0.1:1", "[::1]:11434", "192.168.0.7", "pc.local"] {
            assert!(with(host, None), "{host}");
        }
        for host in ["ollama.example", "evil.example:11434", "8.8.8.8"] {
            assert!(!with(host, None), "{host}");
        }
        assert!(with("localhost", Some("http://localhost:3000")));
        assert!(with("pc.local", Some("http://pc.local")));
        assert!(with("localhost", Some("tauri://localhost")));
        assert!(!with("localhost", Some("http://evil.example")));
        assert!(!with("localhost", Some("null")));
    }
}
