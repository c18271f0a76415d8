//! Uses every part of the contract. Built once for each released version of it and then
//! never again: the modules stand in `host/engine/tests/contracts/`.
//!
//! The settings say which verdict it gives. A `deny` tells what it was told: 900 characters of it,
//! `from` a place.

use stockade_policy_sdk::prelude::*;
use stockade_policy_sdk::{Denial, Limit};

#[settings]
struct Settings {
    verdict: Kind,
    #[serde(default)]
    from: usize,
}

#[settings]
#[serde(rename_all = "lowercase")]
enum Kind {
    Allow,
    Restrict,
    Deny,
    Abstain,
}

struct Contract(Settings);

#[policy]
impl Policy for Contract {
    type Settings = Settings;

    const INPUTS: &'static [Input] = Input::ALL;

    fn new(settings: Settings) -> Result<Self, Problem> {
        info!("configured");
        Ok(Self(settings))
    }

    fn evaluate(&self, request: &Request) -> Verdict {
        match self.0.verdict {
            Kind::Allow => obligations().into(),
            Kind::Restrict => Verdict::restrict(obligations()),
            Kind::Abstain => Verdict::abstain_because("it was asked to"),
            Kind::Deny => {
                let told = format!("{request:?}");
                let told: String = told.chars().skip(self.0.from).take(900).collect();
                Denial::new(told)
                    .note("told")
                    .until(request.time().unix_seconds + 60)
                    .into()
            }
        }
    }

    fn valid_until(&self, request: &Request) -> Option<u64> {
        Some(request.time().unix_seconds + 30)
    }
}

fn obligations() -> Obligations {
    Obligations::new()
        .replace_model("llama3.2:1b")
        .cap(LimitedParameter::Context, 4096)
        .cap_or_insert(LimitedParameter::Output, 256)
        .limit(Limit {
            parameter: LimitedParameter::KeepAlive,
            minimum: Some(10),
            maximum: Some(60),
            insert: Some(30),
        })
        .cap(LimitedParameter::Other("options.num_batch".to_owned()), 512)
        .forbid_field("suffix")
        .strip_field("options.num_gpu")
        .insert_field("think", "false")
        .strip_web_search()
        .strip_tools("shell")
        .label("tier", "small")
        .priority("low")
        .host_group("fast")
}
