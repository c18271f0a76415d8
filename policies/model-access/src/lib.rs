#![doc = include_str!("../README.md")]

mod settings;
mod web_search;

use stockade_policy_sdk::prelude::*;

pub use settings::{Class, Settings};
pub use web_search::WebSearch;

/// The policy: which models may be used and read.
#[derive(Debug)]
pub struct ModelAccess {
    settings: Settings,
}

#[policy(feature = "component")]
impl Policy for ModelAccess {
    type Settings = Settings;

    const INPUTS: &'static [Input] = &[Input::Parameters];

    fn new(settings: Settings) -> Result<Self, Problem> {
        settings.check()?;
        Ok(Self { settings })
    }

    fn evaluate(&self, request: &Request) -> Verdict {
        if !self.settings.governs(request.operation(), request.access()) {
            return Verdict::abstain();
        }
        let denied = |model: &&Model| self.settings.deny.matches(&model.name);
        if let Some(model) = request.models().iter().find(denied) {
            return Verdict::deny(format!("the model {} is denied", model.short_name()));
        }
        if !self.allows_models(request) {
            return Verdict::abstain();
        }
        let searches = request.parameters().web_search;
        match self.missing(request) {
            Some(note) => Verdict::abstain_because(note),
            None if searches && self.settings.web_search == WebSearch::Dropped => {
                Obligations::new().strip_web_search().into()
            }
            None => Verdict::allow(),
        }
    }
}

impl ModelAccess {
    fn allows_models(&self, request: &Request) -> bool {
        if request.models().is_empty() {
            !self.settings.allow.is_empty() && names_no_model(request.operation())
        } else {
            request.models().iter().all(|model| self.allows(model))
        }
    }

    fn allows(&self, model: &Model) -> bool {
        self.settings.allow.matches(&model.name)
    }

    /// Tells what the request wants besides the models, where that is not allowed.
    fn missing(&self, request: &Request) -> Option<String> {
        let Settings { cloud, web_search, debug_render, .. } = self.settings;
        let parameters = request.parameters();
        let in_cloud = request.models().iter().any(|model| model.cloud);
        let wanted = [
            (
                parameters.web_search && web_search == WebSearch::Refused,
                "tools that search the web",
            ),
            (parameters.debug_render && !debug_render, "rendered prompts"),
            (in_cloud && !cloud, "cloud models"),
        ];
        let missing =
            wanted.into_iter().filter_map(|(is_missing, what)| is_missing.then_some(what));
        let missing: Vec<_> = missing.collect();
        (!missing.is_empty()).then(|| format!("{} are not allowed to you", missing.join(" and ")))
    }
}

/// Operations that are about all models. The host filters what they answer by asking about
/// each model.
fn names_no_model(operation: &Operation) -> bool {
    matches!(
        operation,
        Operation::List | Operation::Running | Operation::Recommend | Operation::Status
    )
}

#[cfg(test)]
mod tests;
