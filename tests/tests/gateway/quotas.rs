//! Quotas over sockets: what is refused and how, what is charged, and what is left.

use std::sync::Arc;

use http::StatusCode;
use http_body_util::BodyExt as _;
use stockade_core::UserId;
use stockade_simulator::{Fault, Hold};
use stockade_tests::{BINDINGS, Connection, Reply, SetClock, Setup, World, get, post, soon, until};
use stockade_usage::{Amounts, Applicable, Period, Subject};
const HELLO: &str = r#"{"model":"llama3.2:3b","prompt":"Hello"}"#;
const WHOLE: &str = r#"{"model":"llama3.2:3b","prompt":"Hello","stream":false}"#;

async fn world(quotas: &str) -> World {
    World::with(&with(quotas)).await
}

fn with(quotas: &str) -> String {
    format!("time_zone: UTC\nquotas:\n{quotas}\n{BINDINGS}")
}

/// The amounts that alice has used in this hour of the first quota.
fn used(world: &World) -> Amounts {
    let generation = world.server().current().load();
    let subject = Subject::User(UserId::new("alice").unwrap());
    generation.quotas().used(&Applicable { quota: 0, subject }, Period::Hour, now())
}

fn now() -> stockade_core::UnixTime {
    use stockade_core::Clock as _;
    stockade_core::SystemClock.now()
}

async fn generate(world: &World, body: &str) -> Reply {
    world.send(post("/api/generate", Some(world.key("alice")), body)).await
}

fn header<'r>(reply: &'r Reply, name: &str) -> &'r str {
    reply.headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_request_too_many_is_refused_in_the_words_of_its_api() {
    let clock = Arc::new(SetClock::default());
    let bindings = with("  - { name: few, subjects: everyone, requests: { hour: 1 } }");
    let setup = Setup { bindings: &bindings, clock: Some(&clock), ..Setup::default() };
    let world = World::build(setup).await;
    let key = Some(world.key("alice"));
    let first = world.send(post("/api/generate", key, WHOLE)).await;
    assert_eq!(first.status, 200);
    assert_eq!(
        header(&first, "ratelimit-policy"),
        r#""few-requests-hour";q=1;qu="requests";w=3600"#
    );
    assert_eq!(header(&first, "ratelimit"), r#""few-requests-hour";r=0;t=3600"#);
    clock.advance(60);
    let sentence = "quota few: you have used 1 of 1 requests of this hour; from 01:00 on again";
    let native = world.send(post("/api/generate", key, WHOLE)).await;
    assert_eq!(native.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(native.json()["error"], sentence);
    assert_eq!(header(&native, "retry-after"), "3540");
    assert_eq!(header(&native, "x-should-retry"), "false");
    assert_eq!(header(&native, "ratelimit"), r#""few-requests-hour";r=0;t=3540"#);
    assert_eq!(header(&native, "x-ratelimit-remaining-requests"), "");
    let chat =
        r#"{"model":"llama3.2:3b","max_tokens":9,"messages":[{"role":"user","content":"?"}]}"#;
    let openai = world.send(post("/v1/chat/completions", key, chat)).await;
    assert_eq!(openai.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(openai.json()["error"]["message"], sentence);
    assert_eq!(header(&openai, "x-ratelimit-remaining-requests"), "0");
    assert_eq!(header(&openai, "x-ratelimit-reset-requests"), "59m0s");
    let anthropic = world.send(post("/v1/messages", key, chat)).await;
    assert_eq!(anthropic.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(anthropic.json()["error"]["message"], sentence);
    assert_eq!(header(&anthropic, "anthropic-ratelimit-requests-remaining"), "0");
    assert_eq!(header(&anthropic, "anthropic-ratelimit-requests-reset"), "2027-01-01T01:00:00Z");
    // Others have their own, looking at lists does not count, and in the next hour it works again.
    assert_eq!(world.send(post("/api/generate", Some(world.key("bob")), WHOLE)).await.status, 200);
    assert_eq!(world.send(get("/api/tags", key)).await.status, 200);
    clock.advance(3_540);
    assert_eq!(world.send(post("/api/generate", key, WHOLE)).await.status, 200);
}

#[tokio::test]
async fn many_at_once_never_use_more_than_there_is() {
    const LIMIT: u64 = 3_000;
    let quotas = "  - { name: share, subjects: everyone, tokens: { hour: 3k } }";
    let bindings = with(quotas);
    let world = World::build(Setup { bindings: &bindings, chunks: 120, ..Setup::default() }).await;
    let mut spent = 0;
    loop {
        let replies = (0..64).map(|_| generate(&world, WHOLE));
        let replies = futures_util::future::join_all(replies).await;
        let answered: Vec<_> = replies.iter().filter(|reply| reply.status == 200).collect();
        let tokens = |reply: &&Reply| {
            let answer = reply.json();
            answer["prompt_eval_count"].as_u64().unwrap() + answer["eval_count"].as_u64().unwrap()
        };
        spent += answered.iter().map(tokens).sum::<u64>();
        let refused = replies.iter().filter(|reply| reply.status == 429).count();
        assert_eq!(refused + answered.len(), 64);
        if answered.is_empty() {
            break;
        }
    }
    let used = used(&world);
    assert_eq!(used.input + used.output, spent, "what Ollama said was charged, and nothing else");
    assert!(spent <= LIMIT, "{spent}");
    assert!(spent > LIMIT - 500, "nearly all of it could be used: {spent}");
}

#[tokio::test]
async fn an_answer_is_no_longer_than_what_is_left() {
    let quotas = "  - { name: share, subjects: everyone, output_tokens: { hour: 7 } }";
    for (path, body, cap) in [
        ("/api/generate", WHOLE, "options"),
        (
            "/v1/chat/completions",
            r#"{"model":"llama3.2:3b","messages":[{"role":"user","content":"?"}]}"#,
            "max_tokens",
        ),
        (
            "/v1/messages",
            r#"{"model":"llama3.2:3b","max_tokens":99,"messages":[{"role":"user","content":"?"}]}"#,
            "max_tokens",
        ),
    ] {
        let world = world(quotas).await;
        let reply = world.send(post(path, Some(world.key("alice")), body)).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let sent: serde_json::Value =
            serde_json::from_slice(&world.ollama.requests()[0].body).unwrap();
        let written = if cap == "options" { &sent["options"]["num_predict"] } else { &sent[cap] };
        assert_eq!(*written, 7, "{path}");
        assert_eq!(used(&world).output, 7, "{path}");
        let refused = world.send(post(path, Some(world.key("alice")), body)).await;
        assert_eq!(refused.status, 429, "{path}");
    }
}

#[tokio::test]
async fn a_stream_that_its_caller_cuts_is_charged_what_was_seen_and_the_prompt() {
    let world = world("  - { name: share, subjects: everyone, tokens: { hour: 50k } }").await;
    let _gate = world.ollama.hold("/api/generate", Hold::AfterChunks(5));
    let mut connection = Connection::open(world.gateway()).await;
    let request = post("/api/generate", Some(world.key("alice")), HELLO);
    let mut answer = connection.begin(request).await;
    let mut lines = 0;
    while lines < 5 {
        let frame = soon("a chunk", answer.body_mut().frame()).await.unwrap().unwrap();
        let data = frame.into_data().unwrap();
        lines += data.split(|byte| *byte == b'\n').count() - 1;
    }
    drop(answer);
    connection.hang_up();
    until("the charge", || used(&world).requests == 1).await;
    let used = used(&world);
    assert_eq!(used.output, 5);
    assert!((1..=HELLO.len() as u64).contains(&used.input), "{used:?}");
}

#[tokio::test]
async fn an_answer_without_a_stream_that_is_cut_is_charged_as_its_model_answers() {
    let world = world("  - { name: share, subjects: everyone, tokens: { hour: 50k } }").await;
    for (body, streams) in [(WHOLE, false), (HELLO, true)] {
        let before = used(&world);
        let mut gate = world.ollama.hold("/api/generate", Hold::BeforeHeaders);
        let mut connection = Connection::open(world.gateway()).await;
        {
            let request = post("/api/generate", Some(world.key("alice")), body);
            let mut answer = std::pin::pin!(connection.begin(request));
            tokio::select! {
                _ = &mut answer => panic!("there is an answer although Ollama gives none"),
                reached = soon("the request", gate.reached()) => assert!(reached),
            }
        }
        connection.hang_up();
        until("the charge", || used(&world).requests > before.requests).await;
        let used = used(&world);
        assert!(used.input > before.input && used.gpu_ms > before.gpu_ms, "{used:?}");
        // A stream that has not begun has no answer yet.
        assert_eq!(used.output > before.output, !streams, "{used:?}");
    }
}

#[tokio::test]
async fn what_ollama_refuses_is_not_charged() {
    let world = world("  - { name: share, subjects: everyone, tokens: { hour: 50k } }").await;
    world.ollama.fail("/api/generate", Fault::Busy);
    assert_eq!(generate(&world, WHOLE).await.status, 503);
    let missing = r#"{"model":"llama3.2:missing","prompt":"Hello"}"#;
    assert_eq!(generate(&world, missing).await.status, 404);
    assert_eq!(used(&world), Amounts::default());
    assert_eq!(generate(&world, WHOLE).await.status, 200);
    assert_eq!(used(&world).requests, 1);
}

#[tokio::test]
async fn an_edit_keeps_what_was_used() {
    let world = world("  - { name: share, subjects: everyone, requests: { hour: 1 } }").await;
    assert_eq!(generate(&world, WHOLE).await.status, 200);
    assert_eq!(generate(&world, WHOLE).await.status, 429);
    world.edit("hour: 1", "hour: 2").await;
    assert_eq!(generate(&world, WHOLE).await.status, 200);
    assert_eq!(generate(&world, WHOLE).await.status, 429);
    // Another name is another quota.
    world.edit("name: share", "name: other").await;
    assert_eq!(generate(&world, WHOLE).await.status, 200);
}

#[tokio::test]
async fn groups_share_and_keys_have_their_own() {
    let world = world(
        "  - { name: team, subjects: { groups: [research] }, per: group, requests: { hour: 2 } }\n  \
         - { name: all, subjects: everyone, per: together, concurrent: 100, requests: { hour: 3 } }",
    )
    .await;
    let ask = async |user: &str| {
        let body = r#"{"model":"llama3.2:1b","prompt":"Hello"}"#;
        world.send(post("/api/generate", Some(world.key(user)), body)).await
    };
    assert_eq!(ask("alice").await.status, 200);
    assert_eq!(ask("bob").await.status, 200);
    let refused = ask("alice").await;
    assert_eq!(refused.status, 429);
    let error = refused.json()["error"].as_str().unwrap().to_owned();
    assert!(
        error.starts_with("quota team: the group research has used 2 of 2 requests"),
        "{error}"
    );
    assert_eq!(ask("kim").await.status, 200);
    let refused = ask("kim").await.json()["error"].as_str().unwrap().to_owned();
    assert!(refused.starts_with("quota all: all who share all have used 3 of 3"), "{refused}");
}

#[tokio::test]
async fn a_shadow_quota_only_tells() {
    let world =
        world("  - { name: next, subjects: everyone, requests: { hour: 1 }, on_exceeded: shadow }")
            .await;
    for _ in 0..3 {
        let reply = generate(&world, WHOLE).await;
        assert_eq!((reply.status, header(&reply, "ratelimit")), (StatusCode::OK, ""));
    }
    assert_eq!(used(&world).requests, 3);
}

#[tokio::test]
async fn policies_are_told_what_was_used() {
    let clock = Arc::new(SetClock::default());
    let bindings = format!(
        "{BINDINGS}  - name: budget\n    subjects: everyone\n    policy: usage-budget\n    \
         settings: {{ minute: {{ requests: 2 }}, day: {{ requests: 3 }} }}\n"
    )
    .replace("policies:\n", "policies:\n  usage-budget: { module: builtin/usage-budget }\n");
    let setup = Setup { bindings: &bindings, clock: Some(&clock), ..Setup::default() };
    let world = World::build(setup).await;
    for status in [200, 200, 429, 429] {
        assert_eq!(generate(&world, WHOLE).await.status, status);
    }
    // It is the caller's, and so is the answer that is remembered of other policies.
    assert_eq!(world.send(post("/api/generate", Some(world.key("bob")), WHOLE)).await.status, 200);
    // The minute is over, and what is refused does not count.
    clock.advance(70);
    for (status, window) in [(200, ""), (429, "this day")] {
        let reply = generate(&world, WHOLE).await;
        assert_eq!(reply.status, status);
        assert!(reply.text().contains(window), "{}", reply.text());
    }
}

#[tokio::test]
async fn the_ledger_has_what_was_charged() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().display();
    let world = World::with(&format!("state_directory: {state}\n{BINDINGS}")).await;
    let reply = generate(&world, WHOLE).await.json();
    let denied = r#"{"model":"llama3.3:70b","prompt":"Hello"}"#;
    assert_eq!(generate(&world, denied).await.status, 403);
    world.stop().await;
    let reader =
        stockade_usage::ledger::LedgerReader::open(&directory.path().join("usage.sqlite")).unwrap();
    let by =
        vec![stockade_usage::ledger::Dimension::User, stockade_usage::ledger::Dimension::Model];
    let query = stockade_usage::ledger::ReportQuery { by, ..Default::default() };
    let rows = reader.report(&query, &jiff::tz::TimeZone::UTC).unwrap();
    let row = |model: &str| rows.iter().find(|row| row.model.as_deref() == Some(model)).unwrap();
    let counts = row("llama3.2:3b").counts;
    assert_eq!((counts.requests, counts.refused, counts.gpu_ms, counts.load_ms), (1, 0, 4, 1));
    assert_eq!(counts.input, reply["prompt_eval_count"].as_u64().unwrap());
    assert_eq!(counts.output, reply["eval_count"].as_u64().unwrap());
    // Names that callers invent make no rows.
    assert!(rows.iter().all(|row| row.model.as_deref() != Some("llama3.3:70b")), "{rows:?}");
    assert_eq!((row("").counts.requests, row("").counts.refused), (0, 1));
}

#[tokio::test]
async fn a_pull_ends_where_nothing_is_left() {
    let quotas = "  - { name: disk, subjects: everyone, pulled: { day: 1KiB } }";
    let world = world(quotas).await;
    let ask = || post("/api/pull", Some(world.key("bob")), r#"{"model":"tiny"}"#);
    let cut = world.send(ask()).await;
    assert_eq!(cut.status, 200);
    let last = cut.text().lines().last().unwrap().to_owned();
    assert!(last.contains("the pull needs more bytes than a quota has left"), "{last}");
    let refused = world.send(ask()).await;
    assert_eq!(refused.status, 429);
    let error = refused.json()["error"].as_str().unwrap().to_owned();
    assert!(error.starts_with("quota disk: you have used "), "{error}");
    assert!(error.contains("of 1.0 KiB of pulled models of this day"), "{error}");
}

#[tokio::test]
async fn a_pull_without_progress_is_counted_too() {
    let world = world("  - { name: disk, subjects: everyone, pulled: { day: 10GiB } }").await;
    let ask = |model: &str| {
        let body = format!(r#"{{"model":"{model}","stream":false}}"#);
        post("/api/pull", Some(world.key("bob")), &body)
    };
    let reply = world.send(ask("tiny")).await;
    assert_eq!((reply.status, reply.text().as_str()), (StatusCode::OK, r#"{"status":"success"}"#));
    let sent: serde_json::Value = serde_json::from_slice(&world.ollama.requests()[0].body).unwrap();
    assert_eq!(sent["stream"], true, "the gateway reads the progress");
    let me = world.send(get("/-/me", Some(world.key("bob")))).await.json();
    let used = me["quotas"][0]["used"].as_u64().unwrap();
    assert!(used > 0, "{me}");
    world.edit("10GiB", &format!("{}", used + 1)).await;
    let cut = world.send(ask("other")).await;
    assert_eq!(cut.status, 429, "{}", cut.text());
    assert!(cut.text().contains("the pull needs more bytes than a quota has left"));
    let left = world.send(get("/-/me", Some(world.key("bob")))).await.json();
    assert_eq!((&me["user"], &left["quotas"][0]["left"]), (&"bob".into(), &0.into()));
}

#[tokio::test]
async fn callers_see_what_is_theirs() {
    let world = world("  - { name: share, subjects: everyone, tokens: { hour: 50k } }").await;
    assert_eq!(generate(&world, WHOLE).await.status, 200);
    let me = world.send(get("/-/me", Some(world.key("alice")))).await.json();
    assert_eq!((&me["user"], &me["credential"]), (&"alice".into(), &"alice-key".into()));
    let share = &me["quotas"][0];
    let used = used(&world);
    assert_eq!(share["used"], used.input + used.output);
    assert_eq!((&share["of"], &share["per"]), (&"tokens".into(), &"hour".into()));
    assert_eq!(world.send(get("/-/me", None)).await.status, 401);
    assert_eq!(world.send(post("/-/me", Some(world.key("alice")), "")).await.status, 405);
    assert_eq!(world.ollama.requests().len(), 1, "Ollama is not asked for it");
}
