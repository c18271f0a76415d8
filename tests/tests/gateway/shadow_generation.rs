//! A whole candidate beside the generation in force: it judges real requests, and has no effect.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use stockade_control::replay::ChangeKind;
use stockade_control::shadow_generation::{CandidateStatus, CannotPromote, ShadowGeneration};
use stockade_tests::{World, post, until};

const HELLO: &str = r#"{"model":"llama3.2:3b","prompt":"Hello"}"#;

fn place(world: &World) -> Arc<ShadowGeneration> {
    world.server().shadow_generation().unwrap().clone()
}

fn status(world: &World) -> CandidateStatus {
    place(world).status().candidate.unwrap()
}

/// Writes the configuration in force into a candidate, with one text in the place of another.
fn write(world: &World, from: &str, to: &str) -> PathBuf {
    let text = std::fs::read_to_string(world.config()).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    let path = world.directory().join("next.yaml");
    std::fs::write(&path, text.replace(from, to)).unwrap();
    path
}

/// Compiles and puts a candidate, where that does not hold up the gateway.
async fn put(world: &World, path: &Path) -> Result<(), String> {
    let (place, path) = (place(world), path.to_owned());
    let put = tokio::task::spawn_blocking(move || place.put(&path));
    put.await.unwrap().map_err(|errors| format!("{errors:?}"))
}

async fn promote(world: &World, force: bool) -> Result<(), CannotPromote> {
    let place = place(world);
    tokio::task::spawn_blocking(move || place.promote(force)).await.unwrap().map(|_| ())
}

async fn ask(world: &World, status: u16) {
    let answer = world.send(post("/api/generate", Some(world.key("alice")), HELLO)).await;
    assert_eq!(answer.status, status);
}

async fn judged(world: &World, count: u64) {
    until("requests are judged", || status(world).report.judged == count).await;
}

#[tokio::test]
async fn a_candidate_judges_real_requests_and_has_no_effect() {
    let world = World::start().await;
    assert_eq!(place(&world).status().candidate, None);
    let path = write(&world, "llama3.2", "other");
    put(&world, &path).await.unwrap();
    for _ in 0..3 {
        ask(&world, 200).await;
    }
    judged(&world, 3).await;
    let found = status(&world);
    assert_eq!((found.report.refusals, found.generation, found.failed), (3, 1, 0));
    let row = &found.report.changes[0];
    assert_eq!((row.change, row.user.as_str(), row.requests), (ChangeKind::Refusal, "alice", 3));

    // Its files are followed, and the report begins anew.
    write(&world, "llama3.2", "llama3.2");
    until("the candidate is another", || status(&world).digest != found.digest).await;
    ask(&world, 200).await;
    judged(&world, 1).await;
    assert!(status(&world).report.changes_nothing());

    // One that does not load disturbs nobody, and the one before it judges on.
    std::fs::write(&path, "bindings: [nonsense").unwrap();
    until("the fault is told", || status(&world).rejected.is_some()).await;
    ask(&world, 200).await;
    judged(&world, 2).await;
    assert!(put(&world, &world.directory().join("missing.yaml")).await.is_err());
    assert!(place(&world).off());
    assert!(!place(&world).off());
}

#[tokio::test]
async fn the_configuration_names_a_candidate() {
    let world = World::start().await;
    write(&world, "llama3.2", "other");
    let edit = |from: &'static str, to: &'static str| world.edit(from, to);
    edit("tokens: { secrets", "shadow: { config: next.yaml }\ntokens: { secrets").await;
    until("it is loaded", || place(&world).status().candidate.is_some()).await;
    ask(&world, 200).await;
    judged(&world, 1).await;
    assert_eq!(status(&world).report.refusals, 1);
    edit("shadow: { config: next.yaml }\n", "").await;
    until("it is gone", || place(&world).status().candidate.is_none()).await;
    // One that does not load is told, and tried again.
    std::fs::remove_file(world.directory().join("next.yaml")).unwrap();
    edit("tokens: { secrets", "shadow: { config: next.yaml }\ntokens: { secrets").await;
    until("the fault is told", || place(&world).status().failed.is_some()).await;
    ask(&world, 200).await;
}

#[tokio::test]
async fn a_candidate_is_promoted() {
    let world = World::start().await;
    assert!(matches!(promote(&world, false).await, Err(CannotPromote::Nobody)));
    let path = write(&world, "llama3.2", "other");
    let before = std::fs::read_to_string(world.config()).unwrap();
    let candidate = std::fs::read_to_string(&path).unwrap();
    put(&world, &path).await.unwrap();
    promote(&world, false).await.unwrap();
    until("it is in force", || world.server().current().load().number == 2).await;
    ask(&world, 403).await;
    assert_eq!(std::fs::read_to_string(world.config()).unwrap(), candidate);
    let kept = world.config().with_extension("yaml.before-promote");
    assert_eq!(std::fs::read_to_string(kept).unwrap(), before);
    assert!(matches!(promote(&world, false).await, Err(CannotPromote::Same(_))));
}

#[tokio::test]
async fn what_would_surprise_is_not_promoted() {
    let world = World::start().await;
    let path = write(&world, "llama3.2", "other");
    put(&world, &path).await.unwrap();
    // The candidate lacks what was changed meanwhile.
    world.edit("tokens: { secrets", "x-note: changed\ntokens: { secrets").await;
    assert!(matches!(promote(&world, false).await, Err(CannotPromote::LiveChanged(_))));
    // A file that is not what was judged.
    let text = std::fs::read_to_string(&path).unwrap();
    place(&world).off();
    put(&world, &path).await.unwrap();
    std::fs::write(&path, "bindings: [nonsense").unwrap();
    assert!(matches!(promote(&world, true).await, Err(CannotPromote::Edited(_))));
    // One that names its files from elsewhere.
    let elsewhere = tempfile::tempdir().unwrap();
    let far = elsewhere.path().join("next.yaml");
    let secret = format!("file: {}", world.directory().join("token").display());
    std::fs::write(&far, text.replace("file: token", &secret)).unwrap();
    put(&world, &far).await.unwrap();
    assert!(matches!(promote(&world, true).await, Err(CannotPromote::Elsewhere { .. })));
}
