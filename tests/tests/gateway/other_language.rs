//! A policy that no SDK had a hand in, from its text to a refused request.

use std::path::{Path, PathBuf};

use stockade_tests::{World, get, guest, post};

fn example(name: &str) -> String {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/webassembly-policy");
    std::fs::read_to_string(directory.join(name)).unwrap()
}

fn install(world: &World, text: &str) -> PathBuf {
    let module = world.directory().join("no_giants.wasm");
    std::fs::write(&module, guest::from_text(text, "1.0.0")).unwrap();
    module
}

async fn status(world: &World, user: &str, model: &str) -> (u16, String) {
    let body = format!(r#"{{"model":"{model}","prompt":"Hi","stream":false}}"#);
    let reply = world.send(post("/api/generate", Some(world.key(user)), &body)).await;
    (reply.status.as_u16(), reply.text())
}

#[tokio::test]
async fn a_policy_written_by_hand_is_bound_by_yaml_and_live() {
    let world = World::start().await;
    let text = example("no_giants.wat");
    install(&world, &text);
    let after = world.rebind(&example("policies.yaml")).await;
    assert!(after.rejected.is_none(), "{:?}", after.rejected);
    let (code, said) = status(&world, "alice", "llama3.3:70b").await;
    assert_eq!(code, 403);
    assert!(said.contains("models of this size are not for you"), "{said}");
    assert_eq!(status(&world, "alice", "llama3.2:3b").await.0, 200);
    assert_eq!(status(&world, "bob", "llama3.3:70b").await.0, 200, "bob is in ops");
    let list = world.send(get("/api/tags", Some(world.key("alice")))).await;
    assert!(list.text().contains("qwen3:8b") && !list.text().contains("70b"), "{}", list.text());

    // The changed text of the policy is live as soon as the module is.
    let kinder = text.replace("not for you", "for others");
    assert_eq!(kinder.len() + 1, text.len());
    let kinder = kinder.replace("(i32.const 35)", "(i32.const 34)");
    world.change(|| drop(install(&world, &kinder))).await;
    let (code, said) = status(&world, "alice", "llama3.3:70b").await;
    assert!(code == 403 && said.contains("are for others"), "{code} {said}");
}

/// One instance answers for several bindings, each with its own settings.
#[tokio::test]
async fn each_binding_has_its_settings() {
    let world = World::start().await;
    install(&world, &example("no_giants.wat"));
    let more = example("policies.yaml")
        + "  - { name: no small ones for alice, subjects: { users: [alice] }, policy: no-giants, settings: \":3b\" }\n"
        + "  - { name: no eights for bob, subjects: { users: [bob] }, policy: no-giants, settings: \"8b\" }\n";
    assert!(world.rebind(&more).await.rejected.is_none());
    for (user, model, expected) in [
        ("alice", "llama3.3:70b", 403),
        ("alice", "llama3.2:3b", 403),
        ("alice", "qwen3:8b", 200),
        ("bob", "llama3.3:70b", 200),
        ("bob", "qwen3:8b", 403),
    ] {
        assert_eq!(status(&world, user, model).await.0, expected, "{user} {model}");
    }
}

#[tokio::test]
async fn it_says_what_is_wrong_with_its_settings_and_where() {
    let world = World::start().await;
    install(&world, &example("no_giants.wat"));
    let yaml = example("policies.yaml");
    for wrong in ["[70b]", "\"\"", "70", "\"a\\\\b\""] {
        let after = world.rebind(&yaml.replace("\":70b\"", wrong)).await;
        let errors = after.rejected.expect(wrong).to_string();
        assert!(errors.contains("write the end of a model's name"), "{wrong}: {errors}");
        assert!(
            errors.contains("stockade.yaml:") && errors.contains("nobody runs the largest"),
            "{errors}"
        );
    }
}
