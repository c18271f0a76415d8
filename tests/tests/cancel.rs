//! A caller who hangs up cancels the work upstream, at every stage.

use http_body_util::BodyExt as _;
use stockade_simulator::{Ending, Hold};
use stockade_tests::{Connection, World, post, soon};

const HELLO: &str = r#"{"model":"llama3.2:3b","prompt":"Hello"}"#;

#[tokio::test]
async fn before_the_answer_begins() {
    let world = World::start().await;
    let mut gate = world.ollama.hold("/api/generate", Hold::BeforeHeaders);
    let mut connection = Connection::open(world.gateway()).await;
    let request = post("/api/generate", Some(world.key("alice")), HELLO);
    let reached = {
        let answer = connection.begin(request);
        tokio::pin!(answer);
        tokio::select! {
            _ = &mut answer => panic!("there is an answer although Ollama gives none"),
            reached = soon("the request upstream", gate.reached()) => reached,
        }
    };
    assert!(reached);
    connection.hang_up();
    assert_eq!(soon("the cancellation", gate.ending()).await, Ending::Abandoned);
}

#[tokio::test]
async fn between_two_chunks() {
    for (path, body) in [
        ("/api/generate", HELLO),
        ("/v1/completions", r#"{"model":"llama3.2:3b","prompt":"Hello","stream":true}"#),
    ] {
        let world = World::start().await;
        let mut gate = world.ollama.hold(path, Hold::AfterChunks(2));
        let mut connection = Connection::open(world.gateway()).await;
        let mut answer = connection.begin(post(path, Some(world.key("alice")), body)).await;
        let first = soon("the first chunk", answer.body_mut().frame()).await.unwrap().unwrap();
        assert!(!first.into_data().unwrap().is_empty(), "it comes while Ollama still works");
        assert!(soon("the hold", gate.reached()).await);
        drop(answer);
        connection.hang_up();
        assert_eq!(soon("the cancellation", gate.ending()).await, Ending::Abandoned, "{path}");
    }
}
