#![doc = include_str!("../README.md")]

use stockade_policy_endpoint_access::EndpointAccess;
use stockade_policy_model_access::ModelAccess;
use stockade_policy_pull_guard::PullGuard;
use stockade_policy_request_caps::RequestCaps;
use stockade_policy_sdk::prelude::*;
use stockade_policy_usage_budget::UsageBudget;
use stockade_policy_working_hours::WorkingHours;

macro_rules! policies {
    ($($(#[$doc:meta])* $policy:ident),* $(,)?) => {
        /// The settings of one binding, with the policy that they are for.
        #[settings]
        #[serde(tag = "policy", content = "settings", rename_all = "kebab-case")]
        #[derive(Debug)]
        pub enum Settings {
            $($(#[$doc])* $policy(<$policy as Policy>::Settings),)*
        }

        /// One of the shipped policies.
        #[derive(Debug)]
        pub enum Builtin {
            $($(#[$doc])* $policy($policy),)*
        }

        #[policy]
        impl Policy for Builtin {
            type Settings = Settings;

            const INPUTS: &'static [Input] = &[
                Input::Caller,
                Input::Parameters,
                Input::Blobs,
                Input::Time,
                Input::Usage,
            ];

            fn new(settings: Settings) -> Result<Self, Problem> {
                Ok(match settings {
                    $(Settings::$policy(settings) => {
                        Self::$policy($policy::new(settings).map_err(|problem| problem.under("settings"))?)
                    })*
                })
            }

            fn evaluate(&self, request: &Request) -> Verdict {
                match self {
                    $(Self::$policy(policy) => {
                        request.shown($policy::INPUTS, |request| policy.evaluate(request))
                    })*
                }
            }

            fn valid_until(&self, request: &Request) -> Option<u64> {
                match self {
                    $(Self::$policy(policy) if $policy::INPUTS.contains(&Input::Time) => {
                        request.shown($policy::INPUTS, |request| policy.valid_until(request))
                    })*
                    // What does not know the time is the same at any.
                    _ => Some(u64::MAX),
                }
            }
        }

        #[cfg(test)]
        fn inputs_of_each() -> Vec<Input> {
            [$($policy::INPUTS),*].concat()
        }
    };
}

policies! {
    /// Decides which operations and APIs may be used.
    EndpointAccess,
    /// Decides who may use which models.
    ModelAccess,
    /// Decides who may change models, from where and to where.
    PullGuard,
    /// Bounds one request.
    RequestCaps,
    /// Bounds what a caller uses in a window of time.
    UsageBudget,
    /// Decides at which hours the host may be used.
    WorkingHours,
}

#[cfg(test)]
mod tests {
    use super::{Builtin, inputs_of_each};
    use stockade_policy_sdk::prelude::*;

    #[test]
    fn it_declares_what_its_policies_declare() {
        let each = inputs_of_each();
        for input in Input::ALL {
            assert_eq!(Builtin::INPUTS.contains(input), each.contains(input), "{input}");
        }
    }

    #[test]
    fn a_binding_is_that_of_its_policy() {
        let settings = r#"{ "policy": "model-access", "settings": { "allow": ["llama3.2:*"] } }"#;
        let policy = Harness::<Builtin>::new(settings).unwrap();
        let ask = |model: &str| policy.evaluate(&Request::builder().model(model).build());
        assert_eq!(ask("llama3.2:3b"), Verdict::allow());
        assert_eq!(ask("qwen3:8b"), Verdict::abstain());
        assert_eq!(policy.valid_until(&Request::builder().build()), Some(u64::MAX));

        let hours = r#"{ "policy": "working-hours",
                         "settings": { "hours": [{ "from": "08:00", "to": "18:00" }] } }"#;
        let policy = Harness::<Builtin>::new(hours).unwrap();
        let request = Request::builder().weekday_at(1, 17, 59).unix_seconds(60).build();
        assert_eq!(policy.evaluate(&request), Verdict::abstain());
        assert_eq!(policy.valid_until(&request), Some(120));
    }

    #[test]
    fn problems_have_their_place() {
        let problem = |settings: &str| Harness::<Builtin>::new(settings).unwrap_err().to_string();
        let wrong = r#"{ "policy": "request-caps", "settings": { "output": 0 } }"#;
        assert_eq!(problem(wrong), "settings.output: must be at least 1");
        let unknown = r#"{ "policy": "model-access", "settings": { "alow": [] } }"#;
        assert!(
            problem(unknown).starts_with("settings.alow: unknown field `alow`"),
            "{}",
            problem(unknown)
        );
        let twice =
            r#"{ "policy": "model-access", "settings": { "allow": ["a b"], "deny": ["c d"] } }"#;
        assert!(problem(twice).contains("settings.allow[0]: "), "{}", problem(twice));
        assert!(problem(twice).contains("settings.deny[0]: "), "{}", problem(twice));
    }
}
