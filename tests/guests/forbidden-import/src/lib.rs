//! A policy that wants more than the log: it reads a clock that no host offers.

use stockade_policy_sdk::prelude::*;

wit_bindgen::generate!({
    inline: "
        package guests:clock@1.0.0;
        interface clock { now: func() -> u64; }
        world forbidden-import { import clock; }
    ",
});

struct Late;

/// Nothing to say.
#[settings]
struct Settings {}

#[policy]
impl Policy for Late {
    type Settings = Settings;

    fn new(_: Settings) -> Result<Self, Problem> {
        Ok(Self)
    }

    fn evaluate(&self, _: &Request) -> Verdict {
        if guests::clock::clock::now() > 0 {
            Verdict::allow()
        } else {
            Verdict::abstain()
        }
    }
}
