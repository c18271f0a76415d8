//! A store that is away, or has forgotten all.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use stockade_usage::store::{StoreConnection, StoreSettings};
use stockade_usage::{Estimate, NotAdmitted, OnStoreLoss, Quota, Wanted};
use tokio::sync::watch;

use crate::fleet::{Replica, alice, at_once, chat, now, spend_while, tokens, used};
use crate::server::{Asked as _, Server};

const LIMIT: u64 = 30_000;

/// The fate of the store in the middle.
#[derive(Clone, Copy)]
enum Fault {
    Forgets,
    IsKilled,
    IsStopped,
}

async fn strike(fault: Fault, server: &mut Server, fleet: &[Arc<Replica>; 3]) {
    match fault {
        Fault::Forgets => server.flush(),
        Fault::IsKilled => {
            server.kill();
            lost(fleet).await;
            server.restart();
        }
        Fault::IsStopped => {
            server.signal("STOP");
            // It answers calls that were given up after those that were made since.
            lost(fleet).await;
            server.signal("CONT");
        }
    }
}

async fn lost<const N: usize>(fleet: &[Arc<Replica>; N]) {
    for replica in fleet {
        replica.until(|status| status.connection != StoreConnection::Connected).await;
    }
}

/// Lets 24 callers spend at three replicas while the store fails. All is spent, and nothing twice.
async fn spend_through(fault: Fault) {
    let mut server = Server::start();
    let settings = StoreSettings { settle: Duration::from_secs(4), ..server.settings() };
    let fleet = Replica::fleet::<3>(&settings, &tokens(LIMIT, None)).await;
    let spent = watch::Sender::new(0);
    let mut watched = spent.subscribe();
    let failing = async {
        watched.wait_for(|spent| *spent > LIMIT / 3).await.unwrap();
        strike(fault, &mut server, &fleet).await;
    };
    tokio::join!(spend_while(&fleet, 24, &spent), failing);
    let spent = *spent.borrow();
    assert!(spent <= LIMIT, "{spent} were used");
    assert!(spent > LIMIT * 8 / 10, "only {spent} were used");
    assert_eq!(fleet.iter().map(|replica| replica.used()).sum::<u64>(), spent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_forgets_all_gives_nothing_out_twice() {
    spend_through(Fault::Forgets).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_killed_and_comes_back_empty_gives_nothing_out_twice() {
    spend_through(Fault::IsKilled).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_stopped_in_the_middle_gives_nothing_out_twice() {
    spend_through(Fault::IsStopped).await;
}

/// Two replicas that have lost their store after each has asked once.
async fn without_store(quota: &Quota) -> (Server, [Arc<Replica>; 2]) {
    let mut server = Server::start();
    let fleet = Replica::fleet::<2>(&at_once(server.settings()), quota).await;
    for replica in &fleet {
        replica.ask(chat(1, 99)).await.unwrap().settle(used(1, 99));
    }
    server.kill();
    lost(&fleet).await;
    (server, fleet)
}

/// Spends what can be had without waiting, a hundred tokens at a time.
fn spend_now(replica: &Replica) -> (u64, NotAdmitted) {
    let hundred = Estimate { output: Wanted::Exactly(99), ..chat(1, 0) };
    for spent in 0.. {
        let result = replica.ask(hundred).now_or_never();
        match result.unwrap_or_else(|| panic!("it waits for a store that is away")) {
            Ok(admission) => admission.settle(used(1, 99)),
            Err(refused) => return (spent * 100, refused),
        }
    }
    unreachable!("there is a limit")
}

#[tokio::test]
async fn refuse_spends_what_is_granted_and_no_more() {
    let (mut server, fleet) = without_store(&tokens(100_000, None)).await;
    let mut all = 200;
    for replica in &fleet {
        let (spent, refused) = spend_now(replica);
        assert!(matches!(refused, NotAdmitted::StoreLost(_)), "{refused:?}");
        assert!((10_000..30_000).contains(&spent), "{spent} were granted");
        all += spent;
    }
    // The store comes back empty, and hears of all that was used meanwhile.
    server.restart();
    for replica in &fleet {
        replica.connected().await;
    }
    fleet[0].until_held(&server, &fleet[0], "tokens").await;
    fleet[0].until_held(&server, &fleet[1], "tokens").await;
    let Err(NotAdmitted::Exceeded(exceeded)) = fleet[0].ask(chat(100_000, 0)).await else {
        panic!("there is room")
    };
    assert_eq!(exceeded.allowance.used, all);
}

#[tokio::test]
async fn local_counts_up_to_a_share_of_the_limit() {
    let (_server, fleet) = without_store(&tokens(2_000, Some(OnStoreLoss::Local))).await;
    for replica in fleet {
        let (spent, refused) = spend_now(&replica);
        assert_eq!((spent, replica.used()), (900, 1_000));
        let NotAdmitted::Exceeded(exceeded) = refused else { panic!("{refused:?}") };
        assert_eq!(exceeded.allowance.limit, 1_000);
    }
}

#[tokio::test]
async fn ignore_counts_up_to_the_whole_limit() {
    let (_server, fleet) = without_store(&tokens(2_000, Some(OnStoreLoss::Ignore))).await;
    for replica in fleet {
        assert_eq!(spend_now(&replica).0, 1_900);
    }
}

#[tokio::test]
async fn a_store_that_never_answered_is_away_from_the_beginning() {
    let mut server = Server::start();
    server.kill();
    let replica = Replica::unconnected(at_once(server.settings()), tokens(100, None));
    let refused = replica.ask(chat(1, 1)).now_or_never().unwrap().unwrap_err();
    assert!(matches!(refused, NotAdmitted::StoreLost(_)));
    let sync = replica.quotas.admit(&[alice()], &chat(1, 1), now()).unwrap_err();
    assert_eq!(sync, refused);
    server.restart();
    replica.ask_until_admitted(chat(1, 1)).await.settle(used(1, 1));
}
