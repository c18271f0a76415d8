//! Facts that are not known, which nobody guesses.

use stockade_policy_sdk::prelude::*;
use stockade_policy_sdk::{Denial, Presence};

use super::{facts, holds, verdict};

fn with(presence: Presence) -> Request {
    Request::builder().operation(Operation::Pull).model("qwen3:8b").presence(presence).build()
}

#[test]
fn a_condition_on_it_neither_holds_nor_fails() {
    let mut silent = facts();
    (silent.bytes, silent.parameters, silent.family) = (None, None, None);
    for presence in [Presence::Unknown, Presence::Missing, Presence::Installed(silent)] {
        let request = with(presence);
        for condition in [
            "model.bytes > 20 GB",
            "model.bytes <= 20 GB",
            "not model.bytes > 20 GB",
            "any model.parameters < 8B",
            "model.family != qwen3",
            "model.family is missing",
            "operation = pull and model.bytes > 20 GB",
            "operation = push or model.bytes > 20 GB",
        ] {
            assert_eq!(holds(condition, &request), None, "{condition}: {request:?}");
        }
        assert_eq!(holds("operation = push and model.bytes > 20 GB", &request), Some(false));
        assert_eq!(holds("model.bytes > 20 GB or operation = pull", &request), Some(true));
    }
    assert_eq!(holds("model.installed", &with(Presence::Unknown)), None);
    assert_eq!(holds("model.loaded", &with(Presence::Unknown)), None);
    assert_eq!(holds("model.installed or model.loaded", &with(Presence::Missing)), Some(false));
}

#[test]
fn the_settings_say_what_follows() {
    let settings = |unknown: &str| {
        format!(
            r#"{{ {unknown} "rules": [
                {{ "when": "operation = pull and model.bytes > 20 GB", "then": "deny" }},
                {{ "when": "operation = pull", "then": "allow" }}] }}"#
        )
    };
    let note = "rule 1 needs model.bytes, which is not known";
    let unknown = with(Presence::Missing);
    assert_eq!(verdict(&settings(""), &unknown), Verdict::abstain_because(note));
    let denied = Denial::new("model.bytes is not known").note(note);
    assert_eq!(verdict(&settings(r#""unknown": "deny","#), &unknown), denied.into());
    assert_eq!(verdict(&settings(""), &with(Presence::Installed(facts()))), Verdict::allow());
    let chat = Request::builder().model("qwen3").build();
    assert_eq!(verdict(&settings(""), &chat), Verdict::abstain(), "another operation");
}
