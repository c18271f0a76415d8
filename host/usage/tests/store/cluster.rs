//! A cluster of two servers.

use redis::Commands as _;
use stockade_core::UserId;
use stockade_usage::store::{Servers, StoreSettings, TcpAddress};
use stockade_usage::{Applicable, NotAdmitted, Subject};

use crate::fleet::{Replica, at_once, chat, now, tokens, used};
use crate::server::Node;

#[tokio::test]
async fn accounts_are_spread_over_a_cluster() {
    let nodes = [Node::start(&(0..=8_191)), Node::start(&(8_192..=16_383))];
    nodes[0].meet(&nodes[1]);
    let seed = TcpAddress { host: "127.0.0.1".to_owned(), port: nodes[1].port, is_tls: false };
    let settings = at_once(StoreSettings::new(Servers::Cluster(vec![seed])));
    let [one, other] = Replica::fleet(&settings, &tokens(100, None)).await;
    for number in 0..32 {
        let subject = Subject::User(UserId::new(&format!("user-{number}")).unwrap());
        let user = [Applicable { quota: 0, subject }];
        let admit = |replica: &Replica, output| {
            let (quotas, user) = (replica.quotas.clone(), user.clone());
            async move { quotas.admit_shared(&user, &chat(1, output), now()).await }
        };
        admit(&one, 69).await.unwrap().settle(used(1, 69));
        let rest = admit(&other, 99).await.unwrap();
        assert_eq!(rest.output_cap(), Some(29));
        rest.settle(used(1, 29));
        assert!(matches!(admit(&one, 1).await, Err(NotAdmitted::Exceeded(_))));
    }
    let keys = nodes.each_ref().map(|node| node.client().keys::<_, Vec<String>>("stk:*").unwrap());
    let accounts = keys.map(|keys| keys.iter().filter(|key| key.contains(":user:")).count());
    assert_eq!(accounts.iter().sum::<usize>(), 32);
    assert!(accounts.iter().all(|accounts| *accounts > 0), "{accounts:?}");
}
