//! A fair turn before Ollama, over sockets.

use std::pin::pin;

use http_body_util::BodyExt as _;
use stockade_simulator::{Fault, Hold};
use stockade_tests::{BINDINGS, Connection, Reply, Setup, World, post, soon, until};

const WHOLE: &str = r#"{"model":"llama3.2:1b","prompt":"Hello","stream":false}"#;

async fn world(queue: &str) -> World {
    World::build(Setup { upstream: queue, ..Setup::default() }).await
}

async fn generate(world: &World, user: &str) -> Reply {
    world.send(post("/api/generate", Some(world.key(user)), WHOLE)).await
}

fn waiting(world: &World) -> Vec<String> {
    let waiting = world.server().metering().queue().waiting;
    waiting.into_iter().map(|turn| turn.user.to_string()).collect()
}

#[tokio::test]
async fn one_request_of_one_user_waits_for_one_turn_of_another() {
    let world = world(", slots: 1, queue: { length: 300, per_user: 250 }").await;
    let mut gate = world.ollama.hold("/api/generate", Hold::BeforeHeaders);
    let first = tokio::join!(generate(&world, "alice"), async {
        assert!(soon("the first", gate.reached()).await);
        let many = futures_util::future::join_all((0..20).map(|_| generate(&world, "alice")));
        let one = async {
            until("alice's queue", || waiting(&world).len() == 20).await;
            let answered = generate(&world, "kim");
            let mut answered = pin!(answered);
            tokio::select! {
                biased;
                _ = &mut answered => panic!("there is only one slot"),
                () = until("kim's place", || waiting(&world).len() == 21) => {}
            }
            assert_eq!(waiting(&world)[0], "kim", "she has had no turn yet");
            let _ending = gate.release();
            let reply = answered.await;
            (reply, waiting(&world).len())
        };
        let (_, (kim, left)) = tokio::join!(many, one);
        assert!(left >= 18, "she waited for one turn, and {left} still wait");
        let told = kim.headers.get("stockade-queue").unwrap().to_str().unwrap().to_owned();
        assert!(told.starts_with("position=1, expected="), "{told}");
    });
    assert_eq!(first.0.status, 200);
    assert!(first.0.headers.get("stockade-queue").is_none(), "it had not to wait");
    assert!(world.server().metering().queue().running.is_empty());
}

#[tokio::test]
async fn whoever_hangs_up_leaves_the_queue_and_is_charged_nothing() {
    let world = World::build(Setup {
        bindings: &format!(
            "quotas:\n  - {{ name: q, subjects: everyone, requests: {{ day: 9 }} }}\n{BINDINGS}"
        ),
        upstream: ", slots: 1",
        ..Setup::default()
    })
    .await;
    let mut gate = world.ollama.hold("/api/generate", Hold::BeforeHeaders);
    let first = generate(&world, "alice");
    let second = async {
        assert!(soon("the first", gate.reached()).await);
        let mut connection = Connection::open(world.gateway()).await;
        let asked = connection.begin(post("/api/generate", Some(world.key("kim")), WHOLE));
        tokio::select! {
            _ = asked => panic!("there is only one slot"),
            () = until("kim's place", || waiting(&world) == ["kim"]) => {}
        }
        connection.hang_up();
        until("her leaving", || waiting(&world).is_empty()).await;
        drop(gate.release());
    };
    let (reply, ()) = tokio::join!(first, second);
    assert_eq!(reply.status, 200);
    let reply = generate(&world, "kim").await;
    let left = reply.headers.get("ratelimit").unwrap().to_str().unwrap();
    assert!(left.starts_with(r#""q-requests-day";r=8;"#), "one of nine is under way: {left}");
    assert_eq!(world.ollama.requests().len(), 2);
}

#[tokio::test]
async fn a_stream_holds_its_turn_to_its_end() {
    let world = world(", slots: 1").await;
    let mut gate = world.ollama.hold("/api/generate", Hold::AfterChunks(2));
    let mut connection = Connection::open(world.gateway()).await;
    let body = r#"{"model":"llama3.2:1b","prompt":"Hello"}"#;
    let answer = connection.begin(post("/api/generate", Some(world.key("alice")), body)).await;
    assert!(soon("two chunks", gate.reached()).await);
    let mut other = pin!(generate(&world, "kim"));
    tokio::select! {
        _ = &mut other => panic!("there is only one slot"),
        () = until("kim's place", || waiting(&world) == ["kim"]) => {}
    }
    let ending = gate.release();
    let all = soon("the end of the stream", answer.into_body().collect()).await;
    assert!(all.unwrap().to_bytes().ends_with(b"}\n"));
    ending.await;
    assert_eq!(soon("kim's turn", other).await.status, 200);
}

#[tokio::test]
async fn a_queue_has_ends() {
    let world = world(", slots: 1, queue: { length: 2, per_user: 1, wait: 100ms }").await;
    let mut gate = world.ollama.hold("/api/generate", Hold::BeforeHeaders);
    let first = generate(&world, "alice");
    let others = async {
        assert!(soon("the first", gate.reached()).await);
        let mut own = pin!(generate(&world, "alice"));
        tokio::select! {
            _ = &mut own => panic!("there is only one slot"),
            () = until("alice's place", || waiting(&world) == ["alice"]) => {}
        }
        let refused = generate(&world, "alice").await;
        assert_eq!(refused.status, 429);
        let error = refused.json()["error"].as_str().unwrap().to_owned();
        assert_eq!(
            error,
            "Ollama is busy: 1 of your requests are waiting already, and no more may"
        );
        assert!(refused.headers.contains_key("retry-after"));
        // Nobody gets a turn meanwhile.
        let late = soon("the end of waiting", own).await;
        assert_eq!(late.status, 503);
        let error = late.json()["error"].as_str().unwrap().to_owned();
        assert!(error.starts_with("Ollama is busy: no turn within"), "{error}");
        drop(gate.release());
    };
    let (reply, ()) = tokio::join!(first, others);
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn a_request_for_which_ollama_is_busy_waits_again() {
    let world = world(", slots: 2").await;
    world.ollama.fail("/api/generate", Fault::Busy);
    let reply = generate(&world, "alice").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(world.ollama.requests().len(), 2, "it was sent again, for nothing had run");
    world.ollama.fail("/api/generate", Fault::RunnerFailed);
    assert_eq!(generate(&world, "alice").await.status, 500);
    assert_eq!(world.ollama.requests().len(), 3, "what has run is never sent again");
    assert!(world.server().metering().queue().running.is_empty());
}

#[tokio::test]
async fn bounds_change_while_it_runs() {
    let world = world(", slots: 1").await;
    let mut gate = world.ollama.hold("/api/generate", Hold::BeforeHeaders);
    let first = generate(&world, "alice");
    let second = async {
        assert!(soon("the first", gate.reached()).await);
        world.edit("slots: 1", "slots: 2").await;
        assert_eq!(generate(&world, "kim").await.status, 200);
        drop(gate.release());
    };
    let (reply, ()) = tokio::join!(first, second);
    assert_eq!(reply.status, 200);
}
