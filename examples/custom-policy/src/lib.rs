//! Refuses requests that offer tools to a model, except from certain groups.

use stockade_policy_sdk::prelude::*;

/// The settings that may be written under `settings:` of a binding.
#[settings]
pub struct Settings {
    /// Groups whose members may offer tools.
    groups: Vec<String>,
}

/// The policy with the settings of one binding.
pub struct NoTools {
    settings: Settings,
}

#[policy]
impl Policy for NoTools {
    type Settings = Settings;

    /// The inputs that the policy reads; everything else is withheld from it.
    const INPUTS: &'static [Input] = &[Input::Caller, Input::Parameters];

    fn new(settings: Settings) -> Result<Self, Problem> {
        if settings.groups.iter().any(String::is_empty) {
            return Err(Problem::at("groups", "contains an empty name"));
        }
        Ok(Self { settings })
    }

    fn evaluate(&self, request: &Request) -> Verdict {
        let exempt = self.settings.groups.iter().any(|group| request.is_in_group(group));
        if exempt || request.parameters().tools == 0 {
            return Verdict::abstain();
        }
        Verdict::deny("tools are not allowed for you; leave out the field `tools`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(group: &str, tools: u32) -> Verdict {
        let policy = Harness::<NoTools>::new(r#"{ "groups": ["ops"] }"#).unwrap();
        let request = Request::builder().group(group).parameters(|sent| sent.tools = tools);
        policy.evaluate(&request.build())
    }

    #[test]
    fn tools_are_for_the_named_groups() {
        assert!(matches!(ask("research", 1), Verdict::Deny(_)));
        assert_eq!(ask("ops", 1), Verdict::abstain());
    }

    #[test]
    fn about_other_requests_it_says_nothing() {
        assert_eq!(ask("research", 0), Verdict::abstain());
    }

    #[test]
    fn a_misspelled_setting_is_an_error() {
        let problem = Harness::<NoTools>::new(r#"{ "group": ["ops"] }"#).unwrap_err();
        assert!(problem.to_string().contains("group"), "{problem}");
    }
}
