//! A connection to the store, to one server or to a cluster.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, ErrorKind, FromRedisValue,
    IntoConnectionInfo as _, RedisConnectionInfo, RedisError, ScriptInvocation, TlsCertificates,
};
use rustls::crypto::CryptoProvider;

use super::status::StoreError;
use super::store_settings::{Address, Credentials, Servers, StoreSettings, TcpAddress};

/// The time for which a connection may take to come about, TLS and login included.
const CONNECT: Duration = Duration::from_secs(2);

/// A connection. Several calls may be under way at once, on one socket for each server.
#[derive(Clone)]
pub(super) enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Connection {
    pub(super) async fn open(settings: &StoreSettings) -> Result<Self, StoreError> {
        let opening = async {
            match &settings.servers {
                Servers::Single(address) => single(settings, address).await.map(Self::Single),
                Servers::Cluster(addresses) => {
                    cluster(settings, addresses).await.map(Self::Cluster)
                }
            }
        };
        let opened = tokio::time::timeout(CONNECT, opening).await;
        opened.map_err(|_| StoreError::TimedOut)?.map_err(|error| StoreError::from(&error))
    }

    /// Runs a script, which the server is given first where it does not know it.
    pub(super) async fn call<T: FromRedisValue>(
        &mut self,
        script: &ScriptInvocation<'_>,
        timeout: Duration,
    ) -> Result<T, StoreError> {
        let calling = async {
            match self {
                Self::Single(connection) => script.invoke_async(connection).await,
                Self::Cluster(connection) => script.invoke_async(connection).await,
            }
        };
        let called = tokio::time::timeout(timeout, calling).await;
        called.map_err(|_| StoreError::TimedOut)?.map_err(|error| StoreError::from(&error))
    }
}

async fn single(
    settings: &StoreSettings,
    address: &Address,
) -> Result<MultiplexedConnection, RedisError> {
    let info = info(address, settings.credentials.as_ref())?;
    let client = match address {
        Address::Tcp(TcpAddress { is_tls: true, .. }) => {
            Client::build_with_tls(info, certificates(settings))?
        }
        Address::Tcp(_) | Address::Unix(_) => Client::open(info)?,
    };
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT))
        .set_response_timeout(Some(settings.timeout));
    client.get_multiplexed_async_connection_with_config(&config).await
}

async fn cluster(
    settings: &StoreSettings,
    addresses: &[TcpAddress],
) -> Result<ClusterConnection, RedisError> {
    let nodes = addresses.iter().cloned().map(Address::Tcp);
    let nodes = nodes.map(|node| info(&node, settings.credentials.as_ref()));
    let mut builder = ClusterClientBuilder::new(nodes.collect::<Result<Vec<_>, _>>()?)
        // A call that is late is told again with what holds then.
        .retries(1)
        .connection_timeout(CONNECT)
        .response_timeout(settings.timeout);
    if addresses.iter().any(|address| address.is_tls) {
        // With certificates the client encrypts every connection.
        builder = builder.certs(certificates(settings));
    }
    builder.build()?.get_async_connection().await
}

fn info(
    address: &Address,
    credentials: Option<&Credentials>,
) -> Result<ConnectionInfo, RedisError> {
    let address = match address {
        Address::Unix(path) => ConnectionAddr::Unix(path.clone()),
        Address::Tcp(TcpAddress { host, port, is_tls: false }) => {
            ConnectionAddr::Tcp(host.clone(), *port)
        }
        Address::Tcp(TcpAddress { host, port, is_tls: true }) => {
            trust_ring();
            ConnectionAddr::TcpTls {
                host: host.clone(),
                port: *port,
                insecure: false,
                tls_params: None,
            }
        }
    };
    // Rules that permit only what is needed would have to permit the name of the library too.
    let mut login = RedisConnectionInfo::default().set_skip_set_lib_name();
    if let Some(Credentials { user, password }) = credentials {
        login = login.set_password(password.expose());
        if let Some(user) = user {
            login = login.set_username(user);
        }
    }
    Ok(address.into_connection_info()?.set_redis_settings(login))
}

fn certificates(settings: &StoreSettings) -> TlsCertificates {
    TlsCertificates { client_tls: None, root_cert: settings.authorities.clone() }
}

/// The client takes the cryptography that is the process's own. Where nobody has chosen one, it
/// would panic as soon as a second one is compiled in.
fn trust_ring() {
    if CryptoProvider::get_default().is_none() {
        // An error says that somebody else was first.
        rustls::crypto::ring::default_provider().install_default().ok();
    }
}

impl From<&RedisError> for StoreError {
    fn from(error: &RedisError) -> Self {
        if error.is_timeout() {
            return Self::TimedOut;
        }
        match (error.kind(), error.code(), io_kind(error)) {
            (ErrorKind::AuthenticationFailed, ..)
            | (_, Some("WRONGPASS" | "NOAUTH" | "NOAUTH_REQUIRED"), _) => Self::NotAuthenticated,
            (_, Some("NOPERM"), _) => Self::NotPermitted,
            _ if error.detail().is_some_and(is_refused_script) => Self::NotPermitted,
            (ErrorKind::InvalidClientConfig, ..) => Self::InvalidSettings,
            (ErrorKind::Io, _, Some(io::ErrorKind::InvalidData)) => Self::Tls,
            (ErrorKind::Io, _, kind) => {
                Self::Unreachable(kind.unwrap_or(io::ErrorKind::ConnectionAborted))
            }
            (ErrorKind::ClusterConnectionNotFound, ..) => {
                Self::Unreachable(io::ErrorKind::NotConnected)
            }
            (_, code, _) => Self::Answered(code_of(code)),
        }
    }
}

/// A script may do what its caller may. Servers say so in words only: Valkey 9, and Redis 7.0.
fn is_refused_script(detail: &str) -> bool {
    detail.starts_with("ACL failure in script")
        || detail.starts_with("The user executing the script can't run this command")
}

/// The client keeps what went wrong in an `Arc`.
fn io_kind(error: &RedisError) -> Option<io::ErrorKind> {
    let source = std::error::Error::source(error)?;
    let shared = source.downcast_ref::<Arc<dyn std::error::Error + Send + Sync>>()?;
    shared.downcast_ref::<io::Error>().map(io::Error::kind)
}

/// Returns an error's code: a word in capitals. Anything else is nothing to repeat.
fn code_of(code: Option<&str>) -> String {
    let is_code = |code: &&str| {
        code.len() <= 20 && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    };
    code.filter(is_code).unwrap_or("UNEXPECTED").to_owned()
}
