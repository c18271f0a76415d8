//! Files that a configuration includes are live like itself: those that come, go and
//! change.

use std::path::Path;

use stockade_tests::{World, post};

const LARGE: &str = r#"{"model":"llama3.3:70b","prompt":"Hello","stream":false}"#;

const MAIN: &str = r#"
include: bindings.d/*.yaml
policies:
  model-access: { module: builtin/model-access }
bindings:
  - { name: small, subjects: everyone, policy: model-access, settings: { allow: ["llama3.2:*"] } }
"#;

const TEAM: &str = r#"
bindings:
  - { name: large, subjects: { users: [alice] }, policy: model-access, settings: { allow: ["llama3.3:*"] } }
tests:
  - { user: alice, operation: chat, model: "llama3.3:70b", expect: allow }
"#;

async fn status(world: &World) -> u16 {
    world.send(post("/api/generate", Some(world.key("alice")), LARGE)).await.status.as_u16()
}

fn write(directory: &Path, name: &str, text: &str) {
    std::fs::write(directory.join(name), text).unwrap();
}

#[tokio::test]
async fn files_that_come_change_and_go_are_live() {
    let world = World::start().await;
    let teams = world.directory().join("bindings.d");
    std::fs::create_dir(&teams).unwrap();
    let after = world.rebind(MAIN).await;
    assert!(after.rejected.is_none(), "{:?}", after.rejected);
    assert_eq!(status(&world).await, 403);

    let after = world.change(|| write(&teams, "team.yaml", TEAM)).await;
    assert!(after.rejected.is_none(), "{:?}", after.rejected);
    assert_eq!((after.generation, status(&world).await), (3, 200));

    let narrower =
        TEAM.replace("llama3.3:*", "llama3.3:8b").replace("expect: allow", "expect: deny");
    let after = world.change(|| write(&teams, "team.yaml", &narrower)).await;
    assert_eq!((after.generation, status(&world).await), (4, 403));

    world.change(|| write(&teams, "team.yaml", TEAM)).await;
    assert_eq!(status(&world).await, 200);
    let after = world.change(|| std::fs::remove_file(teams.join("team.yaml")).unwrap()).await;
    assert_eq!((after.generation, status(&world).await), (6, 403));
}

#[tokio::test]
async fn a_broken_included_file_changes_nothing_and_is_named() {
    let world = World::start().await;
    let teams = world.directory().join("bindings.d");
    std::fs::create_dir(&teams).unwrap();
    write(&teams, "team.yaml", TEAM);
    world.rebind(MAIN).await;
    assert_eq!(status(&world).await, 200);
    let broken = TEAM.replace("alice", "alise");
    let after = world.change(|| write(&teams, "other.yaml", &broken)).await;
    let errors = after.rejected.expect("the candidate is rejected");
    let text = errors.to_string();
    assert!(text.contains("other.yaml:3:") && text.contains("[included from "), "{text}");
    assert_eq!((after.generation, status(&world).await), (2, 200));
    let after = world.change(|| std::fs::remove_file(teams.join("other.yaml")).unwrap()).await;
    assert_eq!((after.generation, after.rejected.is_none()), (3, true));
}

/// A directory that is replaced is another one, and has to be watched anew.
#[tokio::test]
async fn a_directory_may_be_replaced() {
    let world = World::start().await;
    let teams = world.directory().join("bindings.d");
    std::fs::create_dir(&teams).unwrap();
    world.rebind(MAIN).await;
    let gone = world.directory().join("gone");
    let after = world.change(|| std::fs::rename(&teams, &gone).unwrap()).await;
    assert!(after.rejected.is_some());
    let new = world.directory().join("new");
    std::fs::create_dir(&new).unwrap();
    let after = world.change(|| std::fs::rename(&new, &teams).unwrap()).await;
    assert!(after.rejected.is_none());
    let after = world.change(|| write(&teams, "team.yaml", TEAM)).await;
    assert!(after.rejected.is_none(), "{:?}", after.rejected);
    assert_eq!(status(&world).await, 200);
    // Both steps at once: there is no moment without the directory.
    let next = world.directory().join("next");
    std::fs::create_dir(&next).unwrap();
    let after = world.change(|| {
        std::fs::rename(&teams, world.directory().join("old")).unwrap();
        std::fs::rename(&next, &teams).unwrap();
    });
    assert!(after.await.rejected.is_none());
    assert_eq!(status(&world).await, 403);
    world.change(|| write(&teams, "team.yaml", TEAM)).await;
    assert_eq!(status(&world).await, 200);
}

/// A `ConfigMap` is a link to a directory of links; an update changes where the first leads.
#[tokio::test]
async fn a_config_map_is_followed() {
    use std::os::unix::fs::symlink;
    let world = World::start().await;
    let map = world.directory().join("bindings.d");
    for (version, text) in [("..1", TEAM), ("..2", "bindings: []\n")] {
        std::fs::create_dir_all(map.join(version)).unwrap();
        write(&map.join(version), "team.yaml", text);
    }
    symlink("..1", map.join("..data")).unwrap();
    symlink("..data/team.yaml", map.join("team.yaml")).unwrap();
    assert!(world.rebind(MAIN).await.rejected.is_none());
    assert_eq!(status(&world).await, 200);
    let update = || {
        symlink("..2", map.join("..data_tmp")).unwrap();
        std::fs::rename(map.join("..data_tmp"), map.join("..data")).unwrap();
    };
    let after = world.change(update).await;
    assert_eq!((after.generation, status(&world).await), (3, 403));
}
