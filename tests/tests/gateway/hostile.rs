//! A policy that misbehaves harms its own request and nothing else.

use stockade_tests::{World, post};

const HELLO: &str = r#"{"model":"llama3.2:3b","prompt":"Hello","stream":false}"#;

/// alice's policy misbehaves, bob's does not; both are the same module.
fn bindings(behaviour: &str) -> String {
    format!(
        "policies:\n  odd: {{ module: {odd:?}, deadline: 20ms, memory: 2MiB }}\n\
         bindings:\n\
         \x20 - {{ name: bad, subjects: {{ users: [alice] }}, policy: odd, settings: {{ behaviour: {behaviour} }} }}\n\
         \x20 - {{ name: good, subjects: {{ users: [bob] }}, policy: odd, settings: {{ behaviour: allow }} }}\n",
        odd = stockade_tests::ODD,
    )
}

async fn status(world: &World, user: &str) -> u16 {
    world.send(post("/api/generate", Some(world.key(user)), HELLO)).await.status.as_u16()
}

async fn harms_only_itself(behaviour: &str) {
    let world = World::with(&bindings(behaviour)).await;
    for _ in 0..3 {
        let reply = world.send(post("/api/generate", Some(world.key("alice")), HELLO)).await;
        assert_eq!(reply.status, 500, "{behaviour}: {}", reply.text());
        let text = reply.text();
        assert!(!text.contains(".rs") && !text.contains("disco"), "only the operator sees: {text}");
        assert_eq!(status(&world, "bob").await, 200, "{behaviour}");
    }
    assert_eq!(world.ollama.requests().len(), 3);
}

macro_rules! hostile {
    ($($name:ident: $behaviour:literal,)*) => {
        $(#[tokio::test]
        async fn $name() {
            harms_only_itself($behaviour).await;
        })*
    };
}

hostile! {
    a_loop: "loop",
    a_panic: "{ panic: at the disco }",
    a_trap: "trap",
    endless_allocation: "allocate",
    endless_recursion: "recurse",
    an_answer_that_is_no_text: "invalid-reason",
    too_many_labels: "{ many-labels: 100000 }",
    no_model_name: "{ replace-model: 'not a name' }",
}

#[tokio::test]
async fn a_huge_reason_does_not_reach_the_caller() {
    let world = World::with(&bindings("{ huge-reason: 1000000 }")).await;
    let reply = world.send(post("/api/generate", Some(world.key("alice")), HELLO)).await;
    assert!([403, 500].contains(&reply.status.as_u16()), "{}", reply.status);
    assert!(reply.body.len() < 4096, "{} bytes", reply.body.len());
    assert_eq!(status(&world, "bob").await, 200);
}

#[tokio::test]
async fn no_state_survives_a_decision() {
    for (behaviour, expected) in [("count-calls", "1"), ("leak", "clean")] {
        let world = World::with(&bindings(behaviour)).await;
        for _ in 0..5 {
            let reply = world.send(post("/api/generate", Some(world.key("alice")), HELLO)).await;
            assert_eq!(reply.json()["error"], expected, "{behaviour}");
        }
    }
}

#[tokio::test]
async fn loops_of_one_caller_do_not_hold_up_another() {
    let world = World::with(&bindings("loop")).await;
    let (a, b, c) =
        tokio::join!(status(&world, "alice"), status(&world, "bob"), status(&world, "alice"),);
    assert_eq!((a, b, c), (500, 200, 500));
}
