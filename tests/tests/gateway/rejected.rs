//! A candidate is rejected for everything that is wrong with it, and what was in force stays.

use std::path::Path;

use stockade_tests::{FORBIDDEN_IMPORT, ODD, World, guest, post};

const LARGE: &str = r#"{"model":"llama3.3:70b","prompt":"Hello","stream":false}"#;

async fn status(world: &World) -> u16 {
    world.send(post("/api/generate", Some(world.key("alice")), LARGE)).await.status.as_u16()
}

const POLICY: &str = include_str!("../../../examples/webassembly-policy/no_giants.wat");

fn put(directory: &Path, name: &str, content: &[u8]) {
    std::fs::write(directory.join(name), content).unwrap();
}

/// Every policy here fails in a way of its own, and the text has a mistake too.
const EVERYTHING_WRONG: &str = r#"
policies:
  clock: { module: clock.wasm }
  future: { module: future.wasm }
  pinned: { module: odd.wasm, digest: "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" }
  nonsense: { module: nonsense.wasm }
  trapping: { module: odd.wasm }
  model-access: { module: builtin/model-access }
bindings:
  - { name: one, subjects: everyone, policy: model-access, settings: { alow: ["*"] } }
  - { name: two, subjects: everyone, policy: model-access, settings: { allow: ["://"] } }
  - { name: three, subjects: everyone, policy: trapping, settings: { behaviour: panic-in-configure } }
"#;

/// The reasons that are told, each with its line of the bindings, counted from its first.
const REASONS: [(&str, usize); 7] = [
    ("policy \"clock\" does not load: imports `guests:clock/clock", 3),
    ("policy \"future\" does not load: made for version 2.0.0 of the contract", 4),
    ("the module's digest is sha256:", 5),
    ("policy \"nonsense\" does not load: this is no WebAssembly module: the file is a script", 6),
    ("policy \"trapping\" does not load", 7),
    ("binding \"one\": policy \"model-access\" does not accept", 10),
    ("binding \"two\": policy \"model-access\" does not accept", 11),
];

fn install(directory: &Path) {
    put(directory, "clock.wasm", &std::fs::read(FORBIDDEN_IMPORT).unwrap());
    put(directory, "future.wasm", &guest::from_text(POLICY, "2.0.0"));
    put(directory, "odd.wasm", &std::fs::read(ODD).unwrap());
    put(directory, "nonsense.wasm", b"#!/bin/sh");
}

#[tokio::test]
async fn everything_that_is_wrong_with_policies_is_told_at_once() {
    let world = World::start().await;
    install(world.directory());
    for more in ["", "  - { name: four, subjects: everyone, polcy: odd }\n"] {
        let after = world.rebind(&format!("{EVERYTHING_WRONG}{more}")).await;
        let errors = after.rejected.expect("the candidate is rejected");
        let text = std::fs::read_to_string(world.config()).unwrap();
        let before = text.lines().take_while(|line| *line != "policies:").count();
        for (reason, line) in REASONS {
            let place = format!("stockade.yaml:{}:", before + line - 1);
            let told = |error: &String| error.contains(reason) && error.contains(&place);
            let all: Vec<_> = errors.iter().map(ToString::to_string).collect();
            assert!(all.iter().any(told), "{reason} at {place}: {all:#?}");
        }
        assert_eq!(errors.to_string().contains("polcy"), !more.is_empty());
        assert_eq!((after.generation, status(&world).await), (1, 403));
    }
}

/// One mistake at a time, in a configuration that would open what is closed.
#[tokio::test]
async fn one_mistake_is_enough() {
    let world = World::start().await;
    install(world.directory());
    let open = "\
policies:
  model-access: { module: builtin/model-access }
bindings:
  - { name: all, subjects: everyone, policy: model-access, settings: { allow: [\"*\"] } }
";
    let with_policy = |policy: &str| open.replace("bindings:\n", &format!("{policy}\nbindings:\n"));
    let test = |expect: &str| {
        format!(
            "{open}tests:\n  - {{ user: kim, operation: chat, model: \"qwen3:8b\", expect: {expect} }}\n"
        )
    };
    let candidates = [
        (with_policy("  clock: { module: clock.wasm }"), "imports `guests:clock"),
        (with_policy("  future: { module: future.wasm }"), "version 2.0.0"),
        (
            with_policy(&format!(
                "  pinned: {{ module: odd.wasm, digest: \"sha256:{}\" }}",
                "a".repeat(64)
            )),
            "digest is",
        ),
        (open.replace("allow:", "alow:"), "does not accept"),
        (test("deny"), "expects deny and the answer is allow"),
    ];
    for (candidate, reason) in candidates {
        let after = world.rebind(&candidate).await;
        let errors = after.rejected.expect(reason);
        assert_eq!(errors.iter().count(), 1, "{errors}");
        assert!(errors.to_string().contains(reason), "{reason}: {errors}");
        assert_eq!((after.generation, status(&world).await), (1, 403), "{reason}");
    }
    let after = world.rebind(&test("allow")).await;
    assert_eq!((after.generation, after.rejected.is_none()), (2, true));
    assert_eq!(status(&world).await, 200);
}
