//! Requests at once and requests per minute, over replicas.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use stockade_core::FixedClock;
use stockade_usage::store::StoreSettings;
use stockade_usage::{Limits, NotAdmitted, Rate, ReplicaId};

use crate::fleet::{Replica, alice, at_once, chat, concurrent, now, quota, quotas, used};
use crate::server::{Asked as _, Server};

#[tokio::test]
async fn requests_at_once_are_counted_over_all_replicas() {
    let server = Server::start();
    let settings = at_once(server.settings());
    let [one, other] = Replica::fleet(&settings, &concurrent(2, None)).await;
    let first = one.ask(chat(1, 1)).await.unwrap();
    let second = other.ask(chat(1, 1)).await.unwrap();
    for replica in [&one, &other] {
        assert!(matches!(replica.ask(chat(1, 1)).await, Err(NotAdmitted::Exceeded(_))));
    }
    first.settle(used(1, 1));
    let third = other.ask_until_admitted(chat(1, 1)).await;
    assert!(matches!(one.ask(chat(1, 1)).await, Err(NotAdmitted::Exceeded(_))));
    drop((second, third));
    one.ask_until_admitted(chat(1, 1)).await.settle(used(1, 1));
}

#[tokio::test]
async fn requests_of_a_replica_that_has_died_make_room_after_a_while() {
    let server = Server::start();
    let running_kept = Duration::from_secs(2);
    let settings = StoreSettings { running_kept, ..at_once(server.settings()) };
    let [one, other] = Replica::fleet(&settings, &concurrent(2, None)).await;
    let under_way = [one.ask(chat(1, 1)).await.unwrap(), one.ask(chat(1, 1)).await.unwrap()];
    assert!(matches!(other.ask(chat(1, 1)).await, Err(NotAdmitted::Exceeded(_))));
    one.kill().await;
    let admitted = other.ask_until_admitted(chat(1, 1)).await;
    other.until(|status| status.replicas == 1).await;
    drop((under_way, admitted));
}

#[tokio::test]
async fn requests_of_a_minute_are_counted_over_all_replicas() {
    let server = Server::start();
    let settings = at_once(server.settings());
    let ten = NonZeroU32::new(10).unwrap();
    let limits = Limits::new(Some(Rate::new(ten, ten)), Vec::new(), None).unwrap();
    // The minute does not end while the test runs.
    let clock = FixedClock(now());
    let fleet = [(); 2].map(|()| {
        let quotas = quotas(vec![quota(limits.clone(), None)]);
        let settings = StoreSettings { replica: ReplicaId::random(), ..settings.clone() };
        Replica::at(settings, quotas, Arc::new(clock))
    });
    let mut admitted = 0;
    for replica in fleet.iter().cycle().take(40) {
        replica.connected().await;
        let result = replica.quotas.admit_shared(&[alice()], &chat(1, 1), clock.0).await;
        if let Ok(admission) = result {
            admission.settle(used(1, 1));
            admitted += 1;
        }
    }
    assert_eq!(admitted, 10);
}
