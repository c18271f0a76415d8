//! A change is live without a restart, or it is rejected whole.

use stockade_tests::{BINDINGS, Connection, FORBIDDEN_IMPORT, ODD, World, post, soon};

const LARGE: &str = r#"{"model":"llama3.3:70b","prompt":"Hello","stream":false}"#;

async fn status(world: &World, user: &str) -> u16 {
    world.send(post("/api/generate", Some(world.key(user)), LARGE)).await.status.as_u16()
}

#[tokio::test]
async fn an_edited_binding_is_live() {
    let world = World::start().await;
    assert_eq!(status(&world, "alice").await, 403);
    let after = world.rebind(&BINDINGS.replace("qwen3:8b", "llama3.3:70b")).await;
    assert_eq!((after.generation, after.rejected.is_none()), (2, true));
    assert_eq!(status(&world, "alice").await, 200);
    world.rebind(BINDINGS).await;
    assert_eq!(status(&world, "alice").await, 403);
}

#[tokio::test]
async fn a_broken_file_changes_nothing_and_says_why() {
    let world = World::start().await;
    let broken = [
        ("bindings: [", "YAML"),
        ("bindngs: []", "bindngs"),
        (&BINDINGS.replace("policy: pull-guard", "policy: pul-guard"), "pull-guard"),
        (&BINDINGS.replace("allow:", "alow:"), "alow"),
        (&BINDINGS.replace("builtin/pull-guard", "missing.wasm"), "missing.wasm"),
    ];
    for (bindings, expected) in broken {
        let after = world.rebind(bindings).await;
        assert_eq!(after.generation, 1);
        let errors = after.rejected.expect("the candidate is rejected");
        let text: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert!(text.iter().any(|error| error.contains(expected)), "{expected}: {text:?}");
        assert!(text.iter().all(|error| error.contains("stockade.yaml")), "{text:?}");
        assert_eq!(status(&world, "alice").await, 403);
    }
    let after = world.rebind(&BINDINGS.replace("qwen3:8b", "llama3.3:70b")).await;
    assert!(after.rejected.is_none());
    assert_eq!(status(&world, "alice").await, 200);
}

#[tokio::test]
async fn a_failing_test_rejects_the_change() {
    let world = World::start().await;
    let tested = format!(
        "{}tests:\n  - {{ user: kim, operation: chat, model: \"llama3.3:70b\", expect: deny }}\n",
        BINDINGS.replace("allow: [\"llama3.2:1b\"]", "allow: [\"*\"]")
    );
    let after = world.rebind(&tested).await;
    let errors = after.rejected.expect("the candidate is rejected");
    assert!(errors.iter().any(|error| error.to_string().contains("expects deny")), "{errors:?}");
    assert_eq!(status(&world, "kim").await, 403);
}

const FROM_FILE: &str = r"
policies:
  judge: { module: judge.wasm }
bindings:
  - { name: all, subjects: everyone, policy: judge, settings: { behaviour: allow } }
";

#[tokio::test]
async fn a_recompiled_policy_is_live_and_a_broken_one_is_not() {
    let world = World::start().await;
    let judge = world.directory().join("judge.wasm");
    std::fs::copy(ODD, &judge).unwrap();
    assert!(world.rebind(FROM_FILE).await.rejected.is_none());
    assert_eq!(status(&world, "alice").await, 200);
    let after = world.change(|| std::fs::write(&judge, b"not wasm").unwrap()).await;
    assert!(after.rejected.is_some());
    assert_eq!(status(&world, "alice").await, 200);
    let copy = || assert!(std::fs::copy(FORBIDDEN_IMPORT, &judge).unwrap() > 0);
    let forbidden = world.change(copy).await;
    let errors = forbidden.rejected.expect("a forbidden import is rejected");
    assert!(errors.iter().any(|error| error.to_string().contains("import")), "{errors:?}");
    // A compiler renames its output into place.
    let next = world.directory().join("next.wasm");
    std::fs::copy(ODD, &next).unwrap();
    let after = world.change(|| std::fs::rename(&next, &judge).unwrap()).await;
    assert!(after.rejected.is_none());
    assert_eq!(status(&world, "alice").await, 200);
}

#[tokio::test]
async fn no_request_is_dropped_while_generations_change() {
    let world = World::start().await;
    let open = BINDINGS.replace("qwen3:8b", "llama3.3:70b");
    let mut connection = Connection::open(world.gateway()).await;
    for round in 0..10 {
        let (bindings, expected) =
            if round % 2 == 0 { (open.as_str(), 200) } else { (BINDINGS, 403) };
        let requests = async {
            let mut seen = Vec::new();
            for _ in 0..20 {
                let request = post("/api/generate", Some(world.key("alice")), LARGE);
                seen.push(connection.send(request).await.status.as_u16());
            }
            seen
        };
        let (after, seen) =
            soon("both", async { tokio::join!(world.rebind(bindings), requests) }).await;
        assert!(after.rejected.is_none());
        assert!(seen.iter().all(|status| [200, 403].contains(status)), "{seen:?}");
        assert_eq!(status(&world, "alice").await, expected);
    }
}

#[tokio::test]
async fn a_revoked_key_ends_with_the_generation() {
    let world = World::start().await;
    let config = std::fs::read_to_string(world.config()).unwrap();
    let kim = config.lines().find(|line| line.trim_start().starts_with("kim:")).unwrap();
    let without = config.replace(kim, "  kim: { groups: [children] }");
    assert_eq!(status(&world, "kim").await, 403);
    world.change(|| std::fs::write(world.config(), without).unwrap()).await;
    assert_eq!(status(&world, "kim").await, 401);
}

#[tokio::test]
async fn a_secret_that_others_may_read_is_refused_until_they_may_not() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::start().await;
    let readable = |mode| {
        let path = world.directory().join("token");
        let allow = move || {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        world.change(allow)
    };
    assert!(readable(0o644).await.rejected.is_some());
    let after = readable(0o600).await;
    assert_eq!((after.generation, after.rejected.is_none()), (2, true));
}

/// A policy that never ends reading its settings, so that it compiles until it is stopped.
fn slow(rest: &str) -> String {
    format!(
        "{rest}\n  - {{ name: slow, subjects: everyone, policy: odd, settings: {{ behaviour: loop-in-configure }} }}\n"
    )
    .replace("policies:", &format!("policies:\n  odd: {{ module: \"{ODD}\" }}"))
}

/// Asks until the answer is this one.
async fn until(world: &World, user: &str, wanted: u16) {
    soon("another answer", async { while status(world, user).await != wanted {} }).await;
}

fn without_key(config: &str, user: &str) -> String {
    let line = config.lines().find(|line| line.trim_start().starts_with(&format!("{user}:")));
    config.replace(line.unwrap(), &format!("  {user}: {{ groups: [children] }}"))
}

#[tokio::test]
async fn a_revocation_does_not_wait_for_a_policy_that_compiles() {
    let world = World::start().await;
    let config = std::fs::read_to_string(world.config()).unwrap();
    let mut changes = world.server().current().status();
    std::fs::write(world.config(), slow(&without_key(&config, "kim"))).unwrap();
    until(&world, "kim", 401).await;
    // Nothing else of it is in force.
    assert_eq!(world.server().current().load().number, 1);
    assert_eq!(status(&world, "alice").await, 403);
    // It is rejected in the end, and then what was in force holds again, as it is written.
    let rejected = soon("a rejection", changes.wait_for(|status| status.rejected.is_some())).await;
    drop(rejected);
    assert_eq!(status(&world, "kim").await, 403);
    assert!(
        world.change(|| std::fs::write(world.config(), &config).unwrap()).await.rejected.is_none()
    );
}

#[tokio::test]
async fn what_needs_no_compilation_overtakes_what_does() {
    let world = World::start().await;
    let config = std::fs::read_to_string(world.config()).unwrap();
    std::fs::write(world.config(), slow(&without_key(&config, "kim"))).unwrap();
    until(&world, "kim", 401).await;
    let later = without_key(&config, "alice");
    let after = world.change(|| std::fs::write(world.config(), later).unwrap()).await;
    assert_eq!((after.generation, after.rejected.is_none()), (2, true));
    assert_eq!((status(&world, "kim").await, status(&world, "alice").await), (403, 401));
}
