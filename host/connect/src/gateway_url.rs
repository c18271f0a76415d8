//! The address of the gateway.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::Uri;
use http::uri::{Authority, Scheme};

/// The address of a gateway: scheme, host and perhaps a port, and nothing that is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayUrl {
    scheme: Scheme,
    authority: Authority,
}

/// A text that is no address of a gateway. `Display` does not quote it, because it may hold a
/// password or a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGatewayUrl {
    /// It is no URL with a scheme that is spoken.
    #[error("write it with its scheme, such as https://gateway.example.org:11443")]
    Form,
    /// There is a user name or a password in it.
    #[error("it holds a user name or a password; leave that out, and name a file by --key-file")]
    UserInfo,
    /// There is a key in front of the path.
    #[error(
        "it holds a key, which others can read in the list of processes; leave /k/… out, and name a file by --key-file"
    )]
    Key,
    /// There is more behind the port.
    #[error("write it without a path, such as https://gateway.example.org:11443")]
    Path,
}

impl FromStr for GatewayUrl {
    type Err = InvalidGatewayUrl;

    fn from_str(text: &str) -> Result<Self, InvalidGatewayUrl> {
        let parts = text.parse::<Uri>().map_err(|_| InvalidGatewayUrl::Form)?.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(InvalidGatewayUrl::Form);
        };
        if authority.as_str().contains('@') {
            return Err(InvalidGatewayUrl::UserInfo);
        }
        let path = parts.path_and_query.as_ref().map_or("/", |path| path.as_str());
        if path.starts_with("/k/") {
            return Err(InvalidGatewayUrl::Key);
        }
        if path != "/" || text.contains('#') {
            return Err(InvalidGatewayUrl::Path);
        }
        let spoken = scheme == Scheme::HTTPS || scheme == Scheme::HTTP;
        if !spoken || authority.host().is_empty() {
            return Err(InvalidGatewayUrl::Form);
        }
        Ok(Self { scheme, authority })
    }
}

impl GatewayUrl {
    /// The scheme.
    pub const fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// Host and port, as they were written.
    pub const fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Tells whether the connection to it has TLS.
    pub fn is_encrypted(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// Tells whether its name is one of this machine. What the name leads to is looked at
    /// when a connection is made.
    pub fn is_loopback(&self) -> bool {
        let host = self.authority.host().trim_matches(['[', ']']);
        match host.parse::<IpAddr>() {
            Ok(address) => address.to_canonical().is_loopback(),
            Err(_) => host.eq_ignore_ascii_case("localhost"),
        }
    }
}

impl fmt::Display for GatewayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_scheme_host_and_port() {
        for (text, shown, loopback) in [
            ("https://gateway.example.org:11443", "https://gateway.example.org:11443", false),
            ("https://gateway.example.org/", "https://gateway.example.org", false),
            ("http://127.0.0.1:11435", "http://127.0.0.1:11435", true),
            ("http://[::1]:11435", "http://[::1]:11435", true),
            ("http://[::ffff:127.0.0.1]:1", "http://[::ffff:127.0.0.1]:1", true),
            ("HTTP://LOCALHOST:1", "http://LOCALHOST:1", true),
            ("http://127.0.0.1.example.org", "http://127.0.0.1.example.org", false),
            ("http://192.168.0.7", "http://192.168.0.7", false),
        ] {
            let url: GatewayUrl = text.parse().unwrap();
            assert_eq!(url.to_string(), shown);
            assert_eq!(url.is_loopback(), loopback, "{text}");
            assert_eq!(url.is_encrypted(), shown.starts_with("https"), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_said_without_quoting_it() {
        for (text, error) in [
            ("", InvalidGatewayUrl::Form),
            ("gateway.example.org:11443", InvalidGatewayUrl::Form),
            ("gateway", InvalidGatewayUrl::Form),
            ("ftp://gateway", InvalidGatewayUrl::Form),
            ("https://", InvalidGatewayUrl::Form),
            ("https://:11443", InvalidGatewayUrl::Form),
            ("https://alice:secret@gateway", InvalidGatewayUrl::UserInfo),
            ("https://secret@gateway", InvalidGatewayUrl::UserInfo),
            ("https://gateway/k/secret", InvalidGatewayUrl::Key),
            ("https://gateway/v1", InvalidGatewayUrl::Path),
            ("https://gateway/?key=secret", InvalidGatewayUrl::Path),
            ("https://gateway#secret", InvalidGatewayUrl::Path),
        ] {
            assert_eq!(text.parse::<GatewayUrl>(), Err(error), "{text}");
            assert!(!error.to_string().contains("secret"));
        }
    }
}
