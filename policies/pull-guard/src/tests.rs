use super::PullGuard;
use stockade_policy_sdk::RequestBuilder;
use stockade_policy_sdk::prelude::*;

const LIBRARY: &str = r#"{ "groups": ["ops"], "sources": ["registry.ollama.ai/library/*"] }"#;
const EVERYTHING: &str = r#"{
    "groups": ["ops"], "users": ["carol"],
    "operations": ["pull", "push", "create", "copy", "delete", "unload", "pin",
                   "upload-blob", "check-blob"],
    "sources": ["library/*"], "targets": ["team/*"]
}"#;

fn policy(settings: &str) -> Harness<PullGuard> {
    Harness::new(settings).unwrap()
}

fn by_ops(operation: &str) -> RequestBuilder {
    Request::builder().user("olga").group("ops").operation(operation)
}

fn reason(verdict: Verdict) -> String {
    match verdict {
        Verdict::Deny(denial) => denial.reason,
        other => panic!("{other:?} is no denial"),
    }
}

#[test]
fn members_may_pull_from_the_sources() {
    let policy = policy(LIBRARY);
    let verdict = |model: &str| policy.evaluate(&by_ops("pull").model(model).build());
    assert_eq!(verdict("llama3.2:3b"), Verdict::allow());
    assert_eq!(verdict("REGISTRY.ollama.ai/Library/Qwen3"), Verdict::allow());
    for model in ["someone/llama3.2", "hf.co/bartowski/x", "registry.ollama.ai:443/library/x"] {
        let reason = reason(verdict(model));
        assert!(reason.ends_with("is not allowed: it is not among the sources"), "{reason}");
    }
}

#[test]
fn callers_are_found_in_any_order_of_the_settings() {
    let policy = policy(
        r#"{ "groups": ["ops", "admins", "lab"], "users": ["zoe", "carol"], "sources": ["*"] }"#,
    );
    let asks = |user: &str, group: &str| {
        let request = Request::builder().user(user).group(group).operation("pull");
        policy.evaluate(&request.model("llama3.2:3b").build()) == Verdict::allow()
    };
    for (user, group) in [("x", "ops"), ("x", "admins"), ("x", "lab"), ("zoe", "x"), ("carol", "x")]
    {
        assert!(asks(user, group), "{user} of {group}");
    }
    assert!(!asks("ops", "zoe"));
}

#[test]
fn everybody_else_is_refused_whatever_other_policies_say() {
    let request = Request::builder().user("alice").group("research").operation("pull");
    let request = request.model("llama3.2:3b").build();
    assert_eq!(
        reason(policy(LIBRARY).evaluate(&request)),
        "pull is reserved to certain users and groups"
    );
}

#[test]
fn users_can_be_named_too() {
    let policy = policy(EVERYTHING);
    let request = |user| Request::builder().user(user).operation("delete").model("team/x").build();
    assert_eq!(policy.evaluate(&request("carol")), Verdict::allow());
    assert!(matches!(policy.evaluate(&request("ops")), Verdict::Deny(_)));
}

#[test]
fn what_it_does_not_guard_is_none_of_its_business() {
    let policy = policy(LIBRARY);
    for operation in Operation::NAMES.iter().copied().chain(["dream"]) {
        if operation != "pull" {
            let request = by_ops(operation).model("llama3.2").build();
            assert_eq!(policy.evaluate(&request), Verdict::abstain(), "{operation}");
        }
    }
}

#[test]
fn plain_http_is_never_allowed() {
    let policy = policy(EVERYTHING);
    for (operation, model) in [("pull", "llama3.2"), ("push", "team/x")] {
        let request = by_ops(operation).model(model);
        assert_eq!(policy.evaluate(&request.clone().build()), Verdict::allow());
        let insecure = request.parameters(|asked| asked.insecure = true).build();
        assert_eq!(
            reason(policy.evaluate(&insecure)),
            format!("{operation} over plain HTTP (`insecure`) is never allowed")
        );
    }
}

#[test]
fn what_is_written_must_be_among_the_targets() {
    let policy = policy(EVERYTHING);
    for operation in ["push", "create", "delete", "unload", "pin"] {
        let verdict = |model: &str| policy.evaluate(&by_ops(operation).model(model).build());
        assert_eq!(verdict("team/x"), Verdict::allow(), "{operation}");
        assert_eq!(
            reason(verdict("llama3.2")),
            format!("{operation} of llama3.2:latest is not allowed: it is not among the targets")
        );
    }
}

#[test]
fn a_copy_and_a_build_are_judged_by_both_ends() {
    let policy = policy(EVERYTHING);
    let cases = [
        ("copy", ModelRole::Source, ModelRole::Destination),
        ("create", ModelRole::Base, ModelRole::Target),
    ];
    for (operation, from, to) in cases {
        let verdict = |source: &str, target: &str| {
            let request =
                by_ops(operation).model_as(from.clone(), source).model_as(to.clone(), target);
            policy.evaluate(&request.build())
        };
        assert_eq!(verdict("llama3.2", "team/x"), Verdict::allow(), "{operation}");
        let refused = reason(verdict("team/secret", "team/x"));
        assert!(refused.contains("team/secret:latest is not allowed"), "{refused}");
        let refused = reason(verdict("llama3.2", "qwen3"));
        assert!(refused.contains("qwen3:latest is not allowed"), "{refused}");
    }
}

#[test]
fn only_blobs_come_without_a_model() {
    let policy = policy(EVERYTHING);
    for operation in ["upload-blob", "check-blob"] {
        assert_eq!(policy.evaluate(&by_ops(operation).build()), Verdict::allow(), "{operation}");
        let stranger = Request::builder().user("alice").operation(operation).build();
        assert!(matches!(policy.evaluate(&stranger), Verdict::Deny(_)), "{operation}");
    }
    assert_eq!(reason(policy.evaluate(&by_ops("delete").build())), "delete needs a model");
}

#[test]
fn cloud_models_need_to_be_wanted() {
    let request = by_ops("pull").model("gpt-oss:20b-cloud").build();
    assert_eq!(
        reason(policy(LIBRARY).evaluate(&request)),
        "pull of gpt-oss:20b-cloud is not allowed: it runs in the cloud"
    );
    let cloud = policy(r#"{ "groups": ["ops"], "sources": ["library/*"], "cloud": true }"#);
    assert_eq!(cloud.evaluate(&request), Verdict::allow());
}

#[test]
fn models_that_run_elsewhere_need_a_named_host() {
    let settings = r#"{ "groups": ["ops"], "operations": ["create"], "targets": ["*"],
                        "remote_hosts": ["gpu.example:11434"] }"#;
    let policy = policy(settings);
    let verdict = |host: &str| {
        let request = by_ops("create").model("team/x");
        let request = request.parameters(|asked| asked.remote_host = Some(host.to_owned()));
        policy.evaluate(&request.build())
    };
    assert_eq!(verdict("GPU.example:11434"), Verdict::allow());
    assert_eq!(
        reason(verdict("elsewhere.example")),
        "a model that runs on elsewhere.example may not be created"
    );
}

#[test]
fn a_model_is_made_of_files_that_its_maker_may_use() {
    let digest = format!("sha256:{}", "0".repeat(64));
    let create = |files: &str, sent: bool| {
        let settings = format!(
            r#"{{ "groups": ["ops"], "operations": ["create", "upload-blob", "check-blob"],
                 "sources": ["library/*"], "targets": ["team/*"]{files} }}"#
        );
        let policy = policy(&settings);
        let verdict = |operation: &str, model: Option<&str>| {
            let request = by_ops(operation);
            let request = model.into_iter().fold(request, RequestBuilder::model);
            policy.evaluate(&request.blob(&digest, sent).build())
        };
        for operation in ["upload-blob", "check-blob"] {
            assert_eq!(verdict(operation, None), Verdict::allow(), "{operation}");
        }
        let without = by_ops("create").model("team/x").build();
        assert_eq!(policy.evaluate(&without), Verdict::allow(), "no file is named");
        verdict("create", Some("team/x"))
    };
    for (files, sent) in [(r#", "files": "none""#, true), (r#", "files": "none""#, false)] {
        let reason = reason(create(files, sent));
        assert!(reason.starts_with("a model may not be made of files"), "{reason}");
    }
    for files in ["", r#", "files": "uploaded""#] {
        assert_eq!(create(files, true), Verdict::allow());
        let reason = reason(create(files, false));
        assert!(reason.starts_with("you have not sent the file sha256:0"), "{reason}");
    }
    for sent in [true, false] {
        assert_eq!(create(r#", "files": "any""#, sent), Verdict::allow());
    }
}

#[test]
fn settings_that_cannot_work_are_explained() {
    let cases = [
        ("{}", "neither `groups` nor `users` names anybody"),
        (r#"{ "groups": ["ops"] }"#, "sources: `pull` needs at least one pattern here"),
        (r#"{ "groups": ["ops", " "], "sources": ["*"] }"#, "groups[1]: is empty"),
        (r#"{ "groups": ["ops"], "source": ["*"] }"#, "source: unknown field `source`"),
        (r#"{ "groups": ["ops"], "sources": ["http://x"] }"#, "sources[0]: \"http://x\": a model"),
        (r#"{ "groups": ["ops"], "operations": [] }"#, "operations: lists no operation"),
        (
            r#"{ "groups": ["ops"], "operations": ["delete", "chat"], "targets": ["*"] }"#,
            "operations[1]: `chat` does not change models",
        ),
        (
            r#"{ "groups": ["ops"], "operations": ["delete"] }"#,
            "targets: `delete` needs at least one pattern here",
        ),
        (r#"{ "groups": ["ops"], "sources": ["*"], "targets": ["*"] }"#, "targets: has no effect"),
        (
            r#"{ "groups": ["ops"], "operations": ["upload-blob"], "sources": ["*"] }"#,
            "sources: has no effect",
        ),
        (
            r#"{ "groups": ["ops"], "sources": ["*"], "remote_hosts": ["x"] }"#,
            "remote_hosts: has no effect",
        ),
        (r#"{ "groups": ["ops"], "sources": ["*"], "files": "any" }"#, "files: has no effect"),
        (
            r#"{ "groups": ["ops"], "operations": ["create"], "targets": ["*"], "files": "mine" }"#,
            "files: unknown variant `mine`",
        ),
    ];
    for (settings, expected) in cases {
        let found = Harness::<PullGuard>::new(settings).unwrap_err().to_string();
        assert!(found.starts_with(expected), "{settings}\n{found}");
    }
}
