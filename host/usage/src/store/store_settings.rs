//! The place of the store, and how it is asked.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use stockade_core::Secret;

use crate::replica::ReplicaId;

/// The way to the store that replicas share, and the times that hold for it. They have to be the
/// same for all replicas.
#[derive(Clone)]
pub struct StoreSettings {
    /// The servers.
    pub servers: Servers,
    /// The name and the password by which this gateway is let in.
    pub credentials: Option<Credentials>,
    /// Certificates in PEM that servers are trusted by, in place of those of the system.
    pub authorities: Option<Vec<u8>>,
    /// The first part of all keys: gateways with another one share nothing with these.
    pub prefix: String,
    /// The time for which a request waits for the store, and the store is waited for at all.
    pub timeout: Duration,
    /// The time for which a replica may spend what it was granted without reaching the store.
    /// After it, the store gives to others what the replica has not told to be used.
    pub budgets_kept: Duration,
    /// The same for requests at once: for as long those of a replica that has died stand in the
    /// way of others.
    pub running_kept: Duration,
    /// The time for which a store that is found empty grants nothing new, so that every replica
    /// can tell what it holds. Longer than any replica takes to come back to the store.
    pub settle: Duration,
    /// The identity of this replica, new with each start: that of [`crate::ledger::Opened`], if
    /// there is a ledger.
    pub replica: ReplicaId,
    /// Its identities before, whose use is restored from the ledger.
    pub replicas_before: Vec<ReplicaId>,
}

impl StoreSettings {
    /// The usual settings for servers.
    pub fn new(servers: Servers) -> Self {
        Self {
            servers,
            credentials: None,
            authorities: None,
            prefix: "stk".to_owned(),
            timeout: Duration::from_millis(250),
            budgets_kept: Duration::from_mins(10),
            running_kept: Duration::from_secs(30),
            settle: Duration::from_secs(10),
            replica: ReplicaId::random(),
            replicas_before: Vec::new(),
        }
    }
}

/// The servers of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Servers {
    /// One server, or an address behind which there is always the one that is in force.
    Single(Address),
    /// A cluster, by some of its servers.
    Cluster(Vec<TcpAddress>),
}

/// The address of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A socket in the file system.
    Unix(PathBuf),
    /// A port.
    Tcp(TcpAddress),
}

/// The address of a server in the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpAddress {
    /// The name or the IP address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The connection is encrypted, and the server has to prove its name.
    pub is_tls: bool,
}

/// A user of the store.
#[derive(Clone)]
pub struct Credentials {
    /// The name; that of the server's default user if there is none.
    pub user: Option<String>,
    /// The password.
    pub password: Secret<String>,
}

/// A text is not the URL of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// It begins with something else.
    #[error("the URL of a store begins with valkey://, valkeys://, redis://, rediss:// or unix://")]
    Scheme,
    /// It has more than a host and a port.
    #[error("the URL of a store has a host and a port, and nothing else: no user, no path")]
    NotAuthority,
    /// The path of a socket does not begin with a slash.
    #[error("the socket of a store is an absolute path: unix:///run/valkey.sock")]
    RelativePath,
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let (scheme, rest) = text.split_once("://").ok_or(InvalidAddress::Scheme)?;
        let is_tls = match scheme {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            "unix" if rest.starts_with('/') => return Ok(Self::Unix(PathBuf::from(rest))),
            "unix" => return Err(InvalidAddress::RelativePath),
            _ => return Err(InvalidAddress::Scheme),
        };
        let (host, port) = authority(rest.strip_suffix('/').unwrap_or(rest))?;
        Ok(Self::Tcp(TcpAddress { host, port, is_tls }))
    }
}

/// Splits `host:port`, `host` and `[::1]:port`. The port of Redis is the usual one.
fn authority(text: &str) -> Result<(String, u16), InvalidAddress> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, port) = rest.split_once(']').ok_or(InvalidAddress::NotAuthority)?;
        (host.parse::<std::net::Ipv6Addr>().is_ok().then_some(host), port)
    } else {
        let (host, port) = text.split_at(text.find(':').unwrap_or(text.len()));
        ((!host.is_empty() && host.bytes().all(is_plain)).then_some(host), port)
    };
    let port = match port.strip_prefix(':') {
        Some(port) => port.parse().map_err(|_| InvalidAddress::NotAuthority)?,
        None if port.is_empty() => 6_379,
        None => return Err(InvalidAddress::NotAuthority),
    };
    Ok((host.ok_or(InvalidAddress::NotAuthority)?.to_owned(), port))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(TcpAddress { host, port, is_tls }) => {
                let scheme = if *is_tls { "valkeys" } else { "valkey" };
                let brackets = if host.contains(':') { ("[", "]") } else { ("", "") };
                write!(f, "{scheme}://{}{host}{}:{port}", brackets.0, brackets.1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_strictly() {
        let read = |text: &str| text.parse::<Address>();
        let shown = |text: &str| read(text).unwrap().to_string();
        assert_eq!(shown("redis://store"), "valkey://store:6379");
        assert_eq!(shown("valkeys://store.example:6380/"), "valkeys://store.example:6380");
        assert_eq!(shown("rediss://[::1]:1"), "valkeys://[::1]:1");
        assert_eq!(shown("unix:///run/valkey.sock"), "unix:///run/valkey.sock");
        assert_eq!(read("http://store"), Err(InvalidAddress::Scheme));
        assert_eq!(read("store:6379"), Err(InvalidAddress::Scheme));
        assert_eq!(read("unix://run/valkey.sock"), Err(InvalidAddress::RelativePath));
        for text in
            ["", ":1", "me:secret@store", "store/2", "store:", "store:99999", "[::1", "[store]:1"]
        {
            let url = format!("valkey://{text}");
            assert_eq!(read(&url), Err(InvalidAddress::NotAuthority), "{url}");
        }
    }
}
