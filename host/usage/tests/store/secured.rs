//! Users with rules, and TLS.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use stockade_core::Secret;
use stockade_usage::store::{
    Address, Credentials, Servers, StoreConnection, StoreError, StoreSettings, TcpAddress,
};
use tokio::net::{TcpListener, UnixStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;

use crate::fleet::{Replica, at_once, chat, quotas, tokens, used};
use crate::server::Server;

const PASSWORD: &str = "correct-horse";

/// The rules of docs/reference/replicas.md.
fn rules() -> Vec<String> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/replicas.md");
    let page = std::fs::read_to_string(page).unwrap();
    let rules = page.split("```acl\n").nth(1).unwrap().split("```").next().unwrap();
    rules.replace("PASSWORD", PASSWORD).split_whitespace().map(str::to_owned).collect()
}

fn with_rules(rules: &[String]) -> Server {
    let arguments = ["--user", "default", "off"].map(str::to_owned);
    let arguments = arguments.iter().chain(rules);
    let arguments: Vec<_> = arguments.map(String::as_str).collect();
    Server::with(&arguments)
}

fn login(server: &Server, user: &str, password: &str) -> StoreSettings {
    let password = Secret::new(password.to_owned());
    let credentials = Some(Credentials { user: Some(user.to_owned()), password });
    StoreSettings { credentials, ..at_once(server.settings()) }
}

async fn fails(settings: StoreSettings) -> StoreError {
    let replica = Replica::over(settings, quotas(vec![tokens(100, None)]));
    let is_told =
        |connection: &StoreConnection| matches!(connection, StoreConnection::Disconnected(Some(_)));
    let status = replica.until(|status| is_told(&status.connection)).await;
    assert!(!format!("{status:?} {:?}", replica.store).contains(PASSWORD));
    status.last_error.unwrap().1
}

#[tokio::test]
async fn the_documented_rules_are_enough_and_no_others_are() {
    let mut rules = rules();
    rules[0] = "--user".to_owned();
    let server = with_rules(&rules);
    let replica = Replica::start(login(&server, "stockade", PASSWORD), tokens(100, None)).await;
    replica.ask(chat(1, 1)).await.unwrap().settle(used(1, 1));
    replica.store.close();
    assert_eq!(fails(login(&server, "stockade", "wrong")).await, StoreError::NotAuthenticated);
    assert_eq!(fails(at_once(server.settings())).await, StoreError::NotAuthenticated);
    rules.retain(|rule| rule != "+hset" && rule != "+zadd");
    let server = with_rules(&rules);
    let error = fails(login(&server, "stockade", PASSWORD)).await;
    assert_eq!(error, StoreError::NotPermitted);
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    Authority { issuer: Issuer::new(params, key), pem }
}

/// Encrypts connections to a server that has no TLS of its own.
async fn encrypted(server: &Server, authority: &Authority) -> u16 {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority.issuer).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, socket) = (listener.local_addr().unwrap().port(), server.socket());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, socket) = (acceptor.clone(), socket.clone());
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await?;
                let mut server = UnixStream::connect(socket).await?;
                tokio::io::copy_bidirectional(&mut stream, &mut server).await
            });
        }
    });
    port
}

#[tokio::test]
async fn a_server_proves_its_name_by_tls() {
    let (server, trusted, stranger) = (Server::start(), authority(), authority());
    let port = encrypted(&server, &trusted).await;
    let settings = |host: &str, authority: &Authority| {
        let host = host.to_owned();
        let servers = Servers::Single(Address::Tcp(TcpAddress { host, port, is_tls: true }));
        let authorities = Some(authority.pem.clone().into_bytes());
        StoreSettings { authorities, ..at_once(StoreSettings::new(servers)) }
    };
    let replica = Replica::start(settings("localhost", &trusted), tokens(100, None)).await;
    replica.ask(chat(1, 1)).await.unwrap().settle(used(1, 1));
    assert_eq!(fails(settings("localhost", &stranger)).await, StoreError::Tls);
    assert_eq!(fails(settings("127.0.0.1", &trusted)).await, StoreError::Tls);
}
