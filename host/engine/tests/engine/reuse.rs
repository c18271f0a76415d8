//! The artifacts that the next generation of a configuration need not make again.

use stockade_engine::{Artifacts, PolicyLimits, PreparedPolicy};

use crate::guest::{ENGINE, Guest, limits};
use crate::request::{Request, is_allowed};

/// A guest that no other test prepares.
fn guest(name: &str) -> Guest {
    Guest::new().declaring(&format!("(data (i32.const 200) \"{name}\")"))
}

fn settings(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{{\"n\":{n}}}")).collect()
}

fn prepare(guest: &Guest, settings: &[String]) -> PreparedPolicy {
    ENGINE.prepare(&guest.source(), settings, limits()).unwrap()
}

#[test]
fn an_edit_of_one_binding_rebuilds_one_artifact() {
    let guest = guest("edit");
    let mut settings = settings(400);
    let first = prepare(&guest, &settings);
    let Artifacts { built, reused: 0 } = first.artifacts() else {
        panic!("{:?}", first.artifacts());
    };
    assert!(built >= 3, "{built}");

    settings[200] = "{\"n\":0.5}".to_owned();
    let second = prepare(&guest, &settings);
    assert_eq!(second.artifacts(), Artifacts { built: 1, reused: built - 1 });

    // All of both generations go on working while both are in use.
    drop(first);
    let every_tenth: Vec<u32> = (0..400).step_by(10).collect();
    let outcomes = second.evaluate_blocking(&Request::ordinary().input(), &every_tenth).outcomes;
    assert!(outcomes.len() == 40 && outcomes.iter().all(is_allowed));
}

#[test]
fn what_nobody_uses_is_forgotten() {
    let guest = guest("forget");
    let built = |policy: &PreparedPolicy| policy.artifacts().built;
    assert_eq!(built(&prepare(&guest, &settings(1))), 1);
    assert_eq!(built(&prepare(&guest, &settings(1))), 1);
}

#[test]
fn a_deadline_does_not_make_another_artifact_but_memory_does() {
    let guest = guest("limits");
    let kept = prepare(&guest, &settings(1));
    assert_eq!(kept.artifacts().built, 1);
    let with = |limits: PolicyLimits| {
        let policy = ENGINE.prepare(&guest.source(), &settings(1), limits);
        policy.unwrap().artifacts().built
    };
    let deadline = limits().deadline * 2;
    assert_eq!(with(PolicyLimits { deadline, ..limits() }), 0);
    let memory_bytes = limits().memory_bytes / 2;
    assert_eq!(with(PolicyLimits { memory_bytes, ..limits() }), 1);
}
