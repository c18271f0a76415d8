//! A cluster of two servers.

use redis::Commands as _;
use stockade_core::UserId;
use stockade_usage::store::{Servers, StoreError, StoreSettings, TcpAddress};
use stockade_usage::{Applicable, NotAdmitted, Subject};
use tokio::net::TcpStream;

use crate::fleet::{Replica, at_once, chat, now, tokens, used};
use crate::secured::{PASSWORD, fails, login, rules};
use crate::server::Node;
use crate::tls::Authority;

fn settings(port: u16, is_tls: bool) -> StoreSettings {
    let seed = TcpAddress { host: "127.0.0.1".to_owned(), port, is_tls };
    at_once(StoreSettings::new(Servers::Cluster(vec![seed])))
}

/// Two replicas share the budgets of so many users.
async fn share([one, other]: &[std::sync::Arc<Replica>; 2], users: usize) {
    for number in 0..users {
        let subject = Subject::User(UserId::new(&format!("user-{number}")).unwrap());
        let user = [Applicable { quota: 0, subject }];
        let admit = |replica: &Replica, output| {
            let (quotas, user) = (replica.quotas.clone(), user.clone());
            async move { quotas.admit_shared(&user, &chat(1, output), now()).await }
        };
        admit(one, 69).await.unwrap().settle(used(1, 69));
        let rest = admit(other, 99).await.unwrap();
        assert_eq!(rest.output_cap(), Some(29));
        rest.settle(used(1, 29));
        assert!(matches!(admit(one, 1).await, Err(NotAdmitted::Exceeded(_))));
    }
}

#[tokio::test]
async fn accounts_are_spread_over_a_cluster() {
    let nodes = Node::pair();
    let fleet = Replica::fleet(&settings(nodes[1].port, false), &tokens(100, None)).await;
    share(&fleet, 32).await;
    let keys = nodes.each_ref().map(|node| node.client().keys::<_, Vec<String>>("stk:*").unwrap());
    let accounts = keys.map(|keys| keys.iter().filter(|key| key.contains(":user:")).count());
    assert_eq!(accounts.iter().sum::<usize>(), 32);
    assert!(accounts.iter().all(|accounts| *accounts > 0), "{accounts:?}");
}

#[tokio::test]
async fn a_cluster_lets_in_a_user_with_the_documented_rules_by_tls() {
    let (nodes, trusted) = (Node::pair(), Authority::new());
    let mut ports = [0; 2];
    for (node, port) in nodes.iter().zip(&mut ports) {
        let server = ("127.0.0.1", node.port);
        *port = trusted.encrypt("127.0.0.1", move || TcpStream::connect(server)).await;
        node.announce(*port);
    }
    // Each tells the other which port it announces.
    while !(nodes[0].knows(ports[1]) && nodes[1].knows(ports[0])) {
        tokio::task::yield_now().await;
    }
    let mut rules = rules();
    rules.push("+cluster|slots".to_owned());
    for node in &nodes {
        node.admit_only(&rules[1..]);
    }
    let with = |user: &str, password: &str, authority: &Authority| {
        let settings = login(settings(ports[0], true), user, password);
        StoreSettings { authorities: Some(authority.pem.clone().into_bytes()), ..settings }
    };
    let settings = with("stockade", PASSWORD, &trusted);
    share(&Replica::fleet(&settings, &tokens(100, None)).await, 16).await;
    // A cluster of which no server can be used says no more than that.
    for settings in
        [with("stockade", PASSWORD, &Authority::new()), with("stockade", "wrong", &trusted)]
    {
        assert!(matches!(fails(settings).await, StoreError::Unreachable(_)));
    }
}
