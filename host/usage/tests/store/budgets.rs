//! Budgets over replicas that reach their store.

use std::sync::Arc;

use stockade_usage::store::StoreSettings;
use stockade_usage::{Limits, NotAdmitted, Period, Quotas};

use crate::fleet::{Replica, alice, at_once, chat, now, quotas, requests, spend, tokens, used};
use crate::server::{Asked as _, Server};

const LIMIT: u64 = 50_000;

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_callers_at_three_replicas_use_no_more_than_the_budget() {
    let server = Server::start();
    let settings = at_once(server.settings());
    let fleet = Replica::fleet::<3>(&settings, &tokens(LIMIT, None)).await;
    let spent = spend(&fleet, 64).await;
    assert!(spent <= LIMIT, "{spent} were used");
    assert_eq!(fleet.iter().map(|replica| replica.used()).sum::<u64>(), spent);
    assert!(spent > LIMIT * 9 / 10, "only {spent} were used");
}

#[tokio::test]
async fn what_is_used_at_one_replica_is_missing_at_the_others() {
    let server = Server::start();
    let settings = at_once(server.settings());
    let [one, other] = Replica::fleet(&settings, &tokens(100, None)).await;
    one.ask(chat(10, 90)).await.unwrap().settle(used(10, 50));
    // The rest comes back as soon as the store has heard of the end.
    let rest = other.ask_until_capped(chat(10, 90), 30).await;
    let Err(NotAdmitted::Exceeded(exceeded)) = one.ask(chat(1, 1)).await else {
        panic!("there is room")
    };
    assert_eq!((exceeded.allowance.limit, exceeded.allowance.used), (100, 60));
    drop(rest);
    one.ask_until_admitted(chat(1, 1)).await.settle(used(1, 1));
}

#[tokio::test]
async fn plenty_is_spent_without_asking() {
    let server = Server::start();
    let settings = at_once(server.settings());
    let [one, other] = Replica::fleet(&settings, &tokens(1_000_000, None)).await;
    one.ask(chat(10, 90)).await.unwrap().settle(used(10, 90));
    // A quarter of the rest is granted beyond need. The server is not asked for it again.
    server.signal("STOP");
    for _ in 0..1_000 {
        one.quotas.admit(&[alice()], &chat(10, 90), now()).unwrap().settle(used(10, 90));
    }
    server.signal("CONT");
    assert_eq!(one.used(), 100_100);
    other.ask_until_admitted(chat(10, 90)).await.settle(used(10, 90));
}

#[tokio::test]
async fn a_replica_that_ends_gives_back_what_it_did_not_use() {
    let server = Server::start();
    let settings = at_once(server.settings());
    let [one, other] = Replica::fleet(&settings, &tokens(1_000_000, None)).await;
    one.ask(chat(10, 90)).await.unwrap().settle(used(10, 90));
    one.close().await;
    let all = other.ask(chat(0, 1_000_000)).await.unwrap();
    assert_eq!(all.output_cap(), Some(999_900));
}

/// Returns quotas that go on with what was used before.
fn restored(used: &Quotas) -> Arc<Quotas> {
    let after = quotas(used.iter().cloned().collect());
    after.restore(&used.accounts().take_changed(), now());
    after
}

#[tokio::test]
async fn a_replica_that_starts_again_counts_once_what_it_had_used() {
    let server = Server::start();
    let settings = at_once(server.settings());
    let [one, other] = Replica::fleet(&settings, &tokens(100, None)).await;
    one.ask(chat(10, 90)).await.unwrap().settle(used(10, 50));
    other.ask_until_capped(chat(10, 90), 30).await.settle(used(10, 0));
    let (quotas, replicas_before) = (restored(&one.quotas), vec![one.id]);
    one.kill().await;
    let settings = StoreSettings { replicas_before, ..server.settings() };
    let again = Replica::over(at_once(settings), quotas);
    again.connected().await;
    assert_eq!(again.used(), 60);
    assert_eq!(again.ask_until_capped(chat(10, 90), 20).await.output_cap(), Some(20));
    let mut fields: Vec<String> = server.fields("tokens");
    fields.sort();
    let mut replicas = [&again, &other].map(|it| format!("{}.tokens", it.id));
    replicas.sort();
    assert_eq!(fields, replicas);
}

#[tokio::test]
async fn a_limit_that_is_added_knows_what_was_used_before() {
    let server = Server::start();
    let settings = at_once(server.settings());
    let [one, other] = Replica::fleet(&settings, &tokens(1_000, None)).await;
    one.ask(chat(10, 90)).await.unwrap().settle(used(10, 90));
    let mut edited = tokens(1_000, None);
    let mut budgets = edited.limits.budgets().to_vec();
    budgets.push(requests(2));
    edited.limits = Limits::new(None, budgets, None).unwrap();
    let [one, other] = [one, other].map(|it| it.edited(vec![edited.clone()]));
    other.until_held(&server, &one, "requests").await;
    other.ask_until_admitted(chat(1, 1)).await.settle(used(1, 1));
    assert!(matches!(other.ask(chat(1, 1)).await, Err(NotAdmitted::Exceeded(_))));
    assert_eq!(other.quotas.used(&alice(), Period::Month, now()).requests, 1);
}
