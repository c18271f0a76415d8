//! Uses every part of the contract. Built once for each released version of it and then
//! never again: the modules stand in `host/engine/tests/contracts/`.
//!
//! Where a binding's settings say `oblige`, it allows with one obligation of each kind;
//! otherwise it denies, and the reason is what it was told: 900 characters of it, `from` a place.

use stockade_policy_sdk::prelude::*;
use stockade_policy_sdk::Input;

#[settings]
struct Settings {
    #[serde(default)]
    oblige: bool,
    #[serde(default)]
    from: usize,
}

struct Contract(Settings);

#[policy]
impl Policy for Contract {
    type Settings = Settings;

    const INPUTS: &'static [Input] = &[Input::Body];

    fn new(settings: Settings) -> Result<Self, Problem> {
        info!("configured");
        Ok(Self(settings))
    }

    fn evaluate(&self, request: &Request) -> Verdict {
        if request.models().is_empty() {
            return Verdict::abstain();
        }
        if !self.0.oblige {
            let told = format!("{request:?}");
            return Verdict::deny(told.chars().skip(self.0.from).take(900).collect::<String>());
        }
        Obligations::new()
            .replace_model("llama3.2:1b")
            .cap(LimitedParameter::Context, 4096)
            .cap_or_insert(LimitedParameter::Output, 256)
            .cap(LimitedParameter::KeepAlive, 60)
            .forbid_field("suffix")
            .label("tier", "small")
            .into()
    }
}
