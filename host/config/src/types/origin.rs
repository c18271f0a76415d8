//! Origins of web pages, alone or many by one pattern.

use std::fmt;

use http::Uri;

/// The origins of pages, as browsers send them in `Origin`: one, or all that a pattern
/// matches.
///
/// An asterisk stands for a whole host (`moz-extension://*`), for one or more labels at the
/// front of one (`https://*.example.org`, which `https://example.org` itself is not), or for
/// any port (`http://localhost:*`). The scheme is always exact.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OriginPattern {
    text: String,
    parts: Option<Parts>,
}

/// The parts by which an origin with an asterisk is compared.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Parts {
    scheme: String,
    host: Host,
    port: Port,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Host {
    Any,
    /// Those that end in this, which begins with a dot.
    Below(String),
    Exact(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Port {
    Any,
    /// `None` is the scheme's own, which browsers leave out.
    Exact(Option<String>),
}

/// A text that no origin of a page is like. `Display` is the message for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOrigin {
    /// No scheme and host, or more than these.
    #[error("is not an origin")]
    Malformed,
    /// `*`, `https://*`.
    #[error("is every web page, and each would be able to use the keys that it is given")]
    Everyone,
    /// `https://*.org`.
    #[error("is every page under a name that anybody can register a domain in")]
    TooWide,
    /// `https://chat*.example.org`.
    #[error("has an asterisk where none is understood")]
    Misplaced,
}

/// Domains that are nobody's to register: this machine and tests (RFC 6761), multicast DNS
/// (RFC 6762), private networks (RFC 8375, and reserved by ICANN in 2024).
pub const PRIVATE_DOMAINS: [&str; 5] = ["localhost", "test", "local", "home.arpa", "internal"];

impl OriginPattern {
    /// Reads an origin as browsers write it, perhaps with asterisks.
    ///
    /// # Errors
    /// It is none, or matches the pages of people whom nobody knows.
    pub fn new(text: &str) -> Result<Self, InvalidOrigin> {
        let parts = if text.contains('*') { Some(Parts::read(text)?) } else { None };
        if parts.is_none() && !is_origin(text) {
            return Err(InvalidOrigin::Malformed);
        }
        Ok(Self { text: text.to_owned(), parts })
    }

    /// Compares it with the value of an `Origin` header.
    pub fn matches(&self, origin: &str) -> bool {
        match &self.parts {
            Some(parts) => parts.matches(origin),
            None => self.text == origin,
        }
    }
}

impl fmt::Display for OriginPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Parts {
    fn read(text: &str) -> Result<Self, InvalidOrigin> {
        if text == "*" {
            return Err(InvalidOrigin::Everyone);
        }
        let (scheme, authority) = text.split_once("://").ok_or(InvalidOrigin::Malformed)?;
        let (host, port) = if let Some(host) = authority.strip_suffix(":*") {
            (host, Port::Any)
        } else {
            let (host, port) = split_port(authority);
            (host, Port::Exact(port.map(str::to_owned)))
        };
        let stand_in = host.strip_prefix('*').map_or(host.to_owned(), |rest| format!("x{rest}"));
        let host = Host::read(scheme, host)?;
        if !is_origin(&format!("{scheme}://{stand_in}")) || scheme.contains('*') {
            return Err(InvalidOrigin::Malformed);
        }
        Ok(Self { scheme: scheme.to_owned(), host, port })
    }

    fn matches(&self, origin: &str) -> bool {
        let Some((scheme, authority)) = origin.split_once("://") else {
            return false;
        };
        let (host, port) = split_port(authority);
        let port_matches = match &self.port {
            Port::Any => true,
            Port::Exact(own) => own.as_deref() == port,
        };
        scheme == self.scheme && port_matches && self.host.matches(host)
    }
}

impl Host {
    fn read(scheme: &str, host: &str) -> Result<Self, InvalidOrigin> {
        if host == "*" {
            let of_the_web = matches!(scheme, "http" | "https" | "ws" | "wss");
            return if of_the_web { Err(InvalidOrigin::Everyone) } else { Ok(Self::Any) };
        }
        let Some(parent) = host.strip_prefix("*.") else {
            let exact = !host.contains('*') && !host.is_empty();
            return exact.then(|| Self::Exact(host.to_owned())).ok_or(InvalidOrigin::Misplaced);
        };
        if parent.contains('*') {
            return Err(InvalidOrigin::Misplaced);
        }
        let labels: Vec<&str> = parent.split('.').collect();
        // An address has no names below it.
        let number = labels.last().is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()));
        if number || !labels.iter().all(|label| is_label(label)) {
            return Err(InvalidOrigin::Malformed);
        }
        if labels.len() < 2 && !PRIVATE_DOMAINS.contains(&parent) {
            return Err(InvalidOrigin::TooWide);
        }
        Ok(Self::Below(format!(".{parent}")))
    }

    fn matches(&self, host: &str) -> bool {
        match self {
            Self::Any => !host.is_empty() && host.bytes().all(is_name_byte),
            Self::Below(parent) => host
                .strip_suffix(parent.as_str())
                .is_some_and(|front| front.split('.').all(is_label)),
            Self::Exact(own) => own == host,
        }
    }
}

/// Host and port, where the port is a number.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => {
            (host, Some(port))
        }
        _ => (authority, None),
    }
}

const fn is_name_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.')
}

fn is_label(label: &str) -> bool {
    !label.is_empty() && label.bytes().all(|byte| is_name_byte(byte) && byte != b'.')
}

/// Accepts a scheme, a host and perhaps a port in lower case; also of applications that show
/// pages of their own, such as `app://obsidian.md`.
fn is_origin(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else {
        return false;
    };
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'@')
        && !text.bytes().any(|byte| byte.is_ascii_uppercase());
    // An empty path is what a URL without one is read to have.
    let bare = |uri: Uri| uri.path().trim_end_matches('/').is_empty() && uri.query().is_none();
    let ends_well = !authority.is_empty() && !authority.ends_with('/');
    !scheme.is_empty() && plain && ends_well && text.parse().is_ok_and(bare)
}

#[cfg(test)]
mod tests;
