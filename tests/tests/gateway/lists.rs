//! Lists and calls cannot disagree: a model is shown if and only if its caller may use it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use stockade_tests::{MODELS, USERS, World, get, post};

/// Uses of a model, each as a call.
const USES: [(&str, &str, &str); 4] = [
    ("chat", "/api/chat", "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"stream\":false"),
    ("generate", "/api/generate", "\"prompt\":\"Hi\",\"stream\":false"),
    ("embed", "/api/embed", "\"input\":\"Hi\""),
    ("show", "/api/show", "\"verbose\":false"),
];

/// A binding of `model-access`: for whom, which models, which not, and for what.
fn binding() -> impl Strategy<Value = String> {
    let subject = prop::sample::select(vec![
        "everyone",
        "{ groups: [research] }",
        "{ users: [bob] }",
        "{ everyone: true, except: { users: [kim] } }",
    ]);
    let pattern = prop::sample::select(vec!["llama3.2:*", "*:8b", "*", "llama3.3:70b", "*:1b"]);
    let patterns = |range| prop::collection::vec(pattern.clone(), range);
    let operation = prop::sample::subsequence(vec!["chat", "generate", "embed", "show"], 1..4);
    (subject, patterns(1..3), patterns(0..2), operation).prop_map(
        |(subject, allow, deny, operations)| {
            let quoted = |names: &[&str]| {
                let names: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
                names.join(", ")
            };
            format!(
                "subjects: {subject}, policy: model-access, settings: {{ allow: [{}], deny: [{}], \
             operations: [{}] }}",
                quoted(&allow),
                quoted(&deny),
                operations.join(", ")
            )
        },
    )
}

/// Everybody may ask for lists; what is in them is another question.
const LISTING: &str = r#"
policies:
  model-access: { module: builtin/model-access }
bindings:
  - name: lists
    subjects: everyone
    policy: model-access
    settings: { allow: ["no:model"], operations: [list, running, recommend] }
"#;

fn bindings() -> impl Strategy<Value = String> {
    prop::collection::vec(binding(), 1..4).prop_map(|bindings| {
        let mut yaml = LISTING.to_owned();
        for (number, binding) in bindings.iter().enumerate() {
            writeln!(yaml, "  - {{ name: b{number}, {binding} }}").unwrap();
        }
        yaml
    })
}

async fn usable(world: &World, user: &str) -> BTreeSet<String> {
    let mut usable = BTreeSet::new();
    for model in MODELS {
        for (_, path, rest) in USES {
            let body = format!("{{\"model\":\"{model}\",{rest}}}");
            let status = world.send(post(path, Some(world.key(user)), &body)).await.status;
            assert!([200, 403].contains(&status.as_u16()), "{path} {body}: {status}");
            if status == 200 {
                usable.insert(model.to_owned());
            }
        }
    }
    usable
}

async fn listed(world: &World, user: &str, path: &str) -> BTreeSet<String> {
    let reply = world.send(get(path, Some(world.key(user)))).await;
    assert_eq!(reply.status, 200, "{path}");
    let json = reply.json();
    let list = ["models", "data", "recommendations"].map(|name| json[name].as_array());
    let names = list.into_iter().flatten().flatten().map(|entry| {
        let name = ["name", "id", "model"].map(|field| entry[field].as_str());
        name.into_iter().flatten().next().unwrap().to_owned()
    });
    names.collect()
}

#[tokio::test]
async fn a_model_is_shown_if_and_only_if_it_is_usable() {
    let world = World::start().await;
    let mut runner = TestRunner::deterministic();
    let mut sizes = BTreeSet::new();
    for _ in 0..8 {
        let yaml = bindings().new_tree(&mut runner).unwrap().current();
        let status = world.rebind(&yaml).await;
        assert!(status.rejected.is_none(), "{yaml}: {status:?}");
        for (user, _) in USERS {
            let usable = usable(&world, user).await;
            sizes.insert(usable.len());
            for path in ["/api/tags", "/v1/models"] {
                assert_eq!(listed(&world, user, path).await, usable, "{user} {path}\n{yaml}");
            }
            let recommended = listed(&world, user, "/api/experimental/model-recommendations").await;
            let known: BTreeSet<_> = MODELS.map(str::to_owned).into();
            assert!(recommended.intersection(&known).all(|name| usable.contains(name)), "{yaml}");
            let running = listed(&world, user, "/api/ps").await;
            assert!(running.is_subset(&usable), "{user} {running:?}\n{yaml}");
            for model in MODELS {
                let path = format!("/v1/models/{model}");
                let shown = world.send(get(&path, Some(world.key(user)))).await.status == 200;
                assert!(!shown || usable.contains(model), "{user} {model}\n{yaml}");
            }
        }
    }
    assert!(sizes.len() > 2, "the cases differ: {sizes:?}");
}
