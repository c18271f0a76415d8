//! A released contract never changes: policies that people have built for it must still run.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;
use std::process::Command;

const CONTRACT: &str = "policy-sdk/wit/policy.wit";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Returns the words of git; `None` where it has nothing to say.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).current_dir(root()).output().ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

fn version(contract: &str) -> &str {
    let package = contract.lines().find_map(|line| line.strip_prefix("package stockade:policy@"));
    package.unwrap().trim_end_matches(';')
}

/// Names the released contract of the same version that is another one.
fn changed<'a>(
    now: &str,
    released: impl IntoIterator<Item = (&'a str, String)>,
) -> Option<&'a str> {
    let mut same = released.into_iter().filter(|(_, then)| version(then) == version(now));
    same.find(|(_, then)| then != now).map(|(tag, _)| tag)
}

#[test]
fn the_contract_of_a_release_is_never_changed() {
    let now = std::fs::read_to_string(root().join(CONTRACT)).unwrap();
    let tags = git(&["tag", "--list", "v*"]).unwrap_or_default();
    let of = |tag| Some((tag, git(&["show", &format!("{tag}:{CONTRACT}")])?));
    let tag = changed(&now, tags.lines().filter_map(of));
    assert_eq!(tag, None, "{CONTRACT} has been released: give it another version instead");
}

#[test]
fn a_change_is_found_where_the_version_is_the_same() {
    let text = |version: &str, rest: &str| format!("package stockade:policy@{version};\n{rest}");
    let now = text("1.0.0", "a");
    assert_eq!(changed(&now, [("v1", text("1.0.0", "a"))]), None);
    assert_eq!(changed(&now, [("v0", text("0.9.0", "b"))]), None);
    let released = [("v0", text("0.9.0", "b")), ("v1", text("1.0.0", "b"))];
    assert_eq!(changed(&now, released), Some("v1"));
}
