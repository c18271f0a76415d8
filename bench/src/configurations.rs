//! Configurations of any size. In each of them the caller has the key of the benchmarks, and
//! may use the one model.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::peers::KEY;

/// The caller in every configuration.
pub const USER: &str = "alice";

const PERMITTED: &str = "\"llama3.2:*\"";

/// The caller's line among the users.
fn caller() -> String {
    let digest = hex::encode(Sha256::digest(KEY));
    format!("  {USER}: {{ keys: [{{ id: bench, sha256: \"sha256:{digest}\" }}] }}\n")
}

/// One binding whose settings name `groups` groups, the caller's last.
pub fn one_binding(groups: usize) -> String {
    let names: Vec<String> = (0..groups).map(|number| format!("group-{number:05}")).collect();
    let own = names.last().map_or("", String::as_str);
    format!(
        "users:\n  {USER}: {{ groups: [{own}] }}\ngroups: [{all}]\npolicies:\n  pull-guard: {{ \
         module: builtin/pull-guard, remember: false }}\nbindings:\n  - name: pulls\n    subjects: everyone\n    \
         policy: pull-guard\n    settings: {{ groups: [{all}], sources: \
         [\"registry.ollama.ai/library/*\"] }}\n",
        all = names.join(", ")
    )
}

/// As many bindings with settings of their own, of which `own` apply to the caller.
pub fn many_bindings(bindings: usize, own: usize) -> String {
    let mut text = format!("users:\n{}  other: {{}}\n", caller());
    text.push_str(
        "policies:\n  model-access: { module: builtin/model-access, remember: false }\nbindings:\n",
    );
    for number in 0..bindings {
        // The caller's stand far from each other.
        let user = if number * own % bindings < own { USER } else { "other" };
        bind(&mut text, number, &format!("{{ users: [{user}] }}"), "model-access");
    }
    text
}

/// The module of a policy of the user's own, as [`own_policies`] names it.
pub const OWN: &str = "own.wasm";

/// As many policies of the user's own, each of them bound to the caller.
pub fn own_policies(policies: usize) -> String {
    let mut text = format!("users:\n{}policies:\n", caller());
    for number in 0..policies {
        let _ = writeln!(text, "  policy-{number}: {{ module: {OWN}, remember: false }}");
    }
    text.push_str("bindings:\n");
    for number in 0..policies {
        bind(&mut text, number, &format!("{{ users: [{USER}] }}"), &format!("policy-{number}"));
    }
    text
}

/// As many users with a key each, the caller among them.
pub fn many_users(users: usize) -> String {
    let mut text = "users:\n".to_owned();
    for number in 1..users {
        if number == users / 2 {
            text.push_str(&caller());
        }
        let digest = hex::encode(Sha256::digest(format!("the key of user {number}")));
        let _ = writeln!(
            text,
            "  user-{number}: {{ keys: [{{ id: key-{number}, sha256: \"{digest}\" }}] }}"
        );
    }
    if users < 3 {
        text.push_str(&caller());
    }
    text.push_str(
        "policies:\n  model-access: { module: builtin/model-access, remember: false }\nbindings:\n",
    );
    bind(&mut text, 0, "everyone", "model-access");
    text
}

/// The shipped policies that an ordinary configuration binds to everybody.
const SHIPPED: [(&str, &str); 5] = [
    ("model-access", "{ allow: [\"llama3.2:*\", \"team/*\"] }"),
    ("pull-guard", "{ groups: [ops], sources: [\"registry.ollama.ai/library/*\"] }"),
    ("request-caps", "{ context: 8192, output: 1024, images: 4 }"),
    ("endpoint-access", "{ deny: [web-search] }"),
    ("working-hours", "{ hours: [{ from: \"00:00\", to: \"24:00\" }] }"),
];

/// Five shipped policies, all of which apply to the caller.
pub fn five_policies() -> String {
    shipped_and(0)
}

/// Five shipped policies, and one of them under five more names, so that there are ten.
pub fn ten_policies() -> String {
    shipped_and(5)
}

fn shipped_and(more: usize) -> String {
    let mut text = format!("users:\n{}groups: [ops]\npolicies:\n", caller());
    for (name, _) in SHIPPED {
        let _ = writeln!(text, "  {name}: {{ module: builtin/{name}, remember: false }}");
    }
    for number in 0..more {
        let _ = writeln!(
            text,
            "  policy-{number}: {{ module: builtin/model-access, remember: false }}"
        );
    }
    text.push_str("bindings:\n");
    for (name, settings) in SHIPPED {
        let _ = writeln!(
            text,
            "  - {{ name: {name}, subjects: everyone, policy: {name}, settings: {settings} }}"
        );
    }
    for number in 0..more {
        bind(&mut text, number, "everyone", &format!("policy-{number}"));
    }
    text
}

fn bind(text: &mut String, number: usize, subjects: &str, policy: &str) {
    let _ = writeln!(
        text,
        "  - name: binding {number}\n    subjects: {subjects}\n    policy: {policy}\n    \
         settings: {{ allow: [{PERMITTED}, \"team-{number}/*\"] }}"
    );
}

/// The same, with verdicts remembered for as long as they are true. Without this every decision has a
/// fresh sandbox: that is what the goals speak of.
pub fn remembering(text: &str) -> String {
    text.replace(", remember: false", "")
}

/// The configuration of a gateway that listens: see
/// [`Gateway::configured`](crate::peers::Gateway::configured).
pub fn served(text: &str) -> String {
    let listens = "listen: @LISTEN@\nupstream: { url: \"http://@UPSTREAM@\" }\nlog: { format: \
                   json }\n";
    format!("{listens}{text}")
}
