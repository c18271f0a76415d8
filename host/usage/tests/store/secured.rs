//! Users with rules, and TLS.

use stockade_core::Secret;
use stockade_usage::store::{
    Address, Credentials, Servers, StoreConnection, StoreError, StoreSettings, TcpAddress,
};
use tokio::net::UnixStream;

use crate::fleet::{Replica, at_once, chat, quotas, tokens, used};
use crate::server::{Asked as _, Server};
use crate::tls::Authority;

pub(crate) const PASSWORD: &str = "correct-horse";

/// The rules of docs/reference/replicas.md.
pub(crate) fn rules() -> Vec<String> {
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

pub(crate) fn login(settings: StoreSettings, user: &str, password: &str) -> StoreSettings {
    let password = Secret::new(password.to_owned());
    let credentials = Some(Credentials { user: Some(user.to_owned()), password });
    StoreSettings { credentials, ..at_once(settings) }
}

pub(crate) async fn fails(settings: StoreSettings) -> StoreError {
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
    let replica =
        Replica::start(login(server.settings(), "stockade", PASSWORD), tokens(100, None)).await;
    replica.ask(chat(1, 1)).await.unwrap().settle(used(1, 1));
    replica.store.close();
    assert_eq!(
        fails(login(server.settings(), "stockade", "wrong")).await,
        StoreError::NotAuthenticated
    );
    assert_eq!(fails(at_once(server.settings())).await, StoreError::NotAuthenticated);
    rules.retain(|rule| rule != "+hset" && rule != "+zadd");
    let server = with_rules(&rules);
    let error = fails(login(server.settings(), "stockade", PASSWORD)).await;
    assert_eq!(error, StoreError::NotPermitted);
}

#[tokio::test]
async fn a_server_proves_its_name_by_tls() {
    let (server, trusted, stranger) = (Server::start(), Authority::new(), Authority::new());
    let socket = server.socket();
    let port = trusted.encrypt("localhost", move || UnixStream::connect(socket.clone())).await;
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
