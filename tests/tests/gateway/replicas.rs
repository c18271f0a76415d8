//! Several gateways that share quotas over one store.

use stockade_core::UserId;
use stockade_tests::{BINDINGS, Setup, Valkey, World, post, until};
use stockade_usage::store::StoreConnection;
use stockade_usage::{Applicable, Period, Subject};

const WHOLE: &str = r#"{"model":"llama3.2:3b","prompt":"Hello","stream":false}"#;

/// Three gateways with the same quotas, each before an Ollama of its own.
async fn replicas(store: &Valkey, quotas: &str) -> Vec<World> {
    let store = store.url();
    configured(&format!(
        "usage: {{ store: {{ url: \"{store}\", settle: 2s }} }}\nquotas:\n{quotas}\n{BINDINGS}"
    ))
    .await
}

/// Three gateways with the same configuration, once their store grants something.
async fn configured(bindings: &str) -> Vec<World> {
    let setup = Setup { bindings, chunks: 60, ..Setup::default() };
    let (one, two, three) =
        tokio::join!(World::build(setup), World::build(setup), World::build(setup));
    let worlds = vec![one, two, three];
    for world in &worlds {
        until("the store", || {
            let status = world.server().metering().store_status().unwrap();
            status.connection == StoreConnection::Connected && !status.is_settling
        })
        .await;
    }
    worlds
}

async fn ask(world: &World) -> u16 {
    world.send(post("/api/generate", Some(world.key("alice")), WHOLE)).await.status.as_u16()
}

fn used(world: &World) -> u64 {
    use stockade_core::Clock as _;
    let generation = world.server().current().load();
    let subject = Subject::User(UserId::new("alice").unwrap());
    let now = stockade_core::SystemClock.now();
    let applicable = Applicable { quota: 0, subject };
    let used = generation.quotas().used(&applicable, Period::Day, now);
    used.input + used.output
}

#[tokio::test]
async fn three_gateways_use_no_more_than_one() {
    const LIMIT: u64 = 2_000;
    let store = Valkey::start();
    let worlds =
        replicas(&store, "  - { name: share, subjects: everyone, tokens: { day: 2k } }").await;
    let mut served = 0;
    loop {
        let all = (0..30).map(|number| ask(&worlds[number % 3]));
        let all = futures_util::future::join_all(all).await;
        let good = all.iter().filter(|status| **status == 200).count();
        assert!(all.iter().all(|status| [200, 429].contains(status)), "{all:?}");
        served += good;
        if good == 0 {
            break;
        }
    }
    let spent: u64 = worlds.iter().map(used).sum();
    assert!(spent <= LIMIT, "{spent} by {served} requests");
    // What one was granted and has not used goes back to the others after a while only.
    assert!(served >= 3, "{spent} by {served} requests");
}

#[tokio::test]
async fn without_the_store_only_what_is_held_is_spent() {
    let mut store = Valkey::start();
    let worlds = replicas(
        &store,
        "  - { name: share, subjects: everyone, requests: { day: 50 }, on_store_loss: refuse }",
    )
    .await;
    assert_eq!(ask(&worlds[0]).await, 200);
    store.kill();
    let mut served = 1;
    let refused = loop {
        let reply =
            worlds[0].send(post("/api/generate", Some(worlds[0].key("alice")), WHOLE)).await;
        if reply.status != 200 {
            break reply;
        }
        served += 1;
    };
    assert!(served <= 50, "{served}");
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.headers.contains_key("retry-after"));
    // Another replica, which holds nothing, serves nothing.
    assert_eq!(ask(&worlds[1]).await, 503);
}

/// The example's quotas and store, with the address of a store that runs here.
#[tokio::test]
async fn the_example_is_shared_by_three() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let example = std::fs::read_to_string(path.join("../examples/replicas/stockade.yaml")).unwrap();
    let store = Valkey::start();
    let (_, rest) = example.split_once("\npolicies:").unwrap();
    let bindings = format!("policies:{rest}")
        .replace("${STORE_URL:-valkey://127.0.0.1:6379}", &store.url())
        .replace("requests: { minute: 60, burst: 20 }", "requests: { day: 6 }");
    let worlds = configured(&bindings).await;
    let mut served = 0;
    for number in 0..12 {
        served += usize::from(ask(&worlds[number % 3]).await == 200);
    }
    assert_eq!(served, 6, "six in a day, whichever gateway is asked");
}
