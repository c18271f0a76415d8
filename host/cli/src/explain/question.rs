//! A request that is judged without being sent.

use std::fmt;

use stockade_control::generation::{Decision, DecisionInput, Generation, Hypothetical};
use stockade_core::{
    Content, Dialect, ModelName, ModelRef, ModelRole, Operation, Parameters, Principal, SystemClock,
};
use stockade_engine::Inputs;

/// Everything that a decision depends on, and what of it nobody knows.
pub(crate) struct Question {
    pub(crate) input: DecisionInput,
    /// The inputs of policies of which nothing is known.
    pub(crate) unknown: Inputs,
}

/// Facts that stand in a body, what Ollama would tell, and what was used: a question that nobody
/// sent has none.
const UNSUPPOSED: Inputs = Inputs::BODY
    .and(Inputs::TEXTS)
    .and(Inputs::PROMPT)
    .and(Inputs::TOOLS)
    .and(Inputs::CATALOGUE)
    .and(Inputs::USAGE);

impl Question {
    /// Returns a question of somebody in Ollama's own API, on this machine, now.
    pub(crate) fn new(
        generation: &Generation,
        principal: Principal,
        operation: Operation,
        model: Option<&ModelName>,
    ) -> Self {
        let role = ModelRole::of(operation);
        let request = Hypothetical {
            operation,
            models: model.into_iter().map(|name| ModelRef { name: name.clone(), role }).collect(),
            dialect: Dialect::Native,
            parameters: Parameters::default(),
            content: Content::default(),
        };
        let time = generation.local_time(&SystemClock);
        Self { input: DecisionInput::new(principal, request, time), unknown: UNSUPPOSED }
    }

    /// Returns the decision of the gateway, and the answer of each binding.
    pub(crate) fn decide(&self, generation: &Generation) -> Decision<Hypothetical> {
        self.input.decide(generation)
    }

    /// Names the quotas that it would count in.
    pub(crate) fn quotas(&self, generation: &Generation) -> Vec<String> {
        let DecisionInput { principal, request, .. } = &self.input;
        let applying = generation.applying(principal, request.operation, &request.models);
        let rules = &generation.config.quotas;
        let counted = applying.iter().filter_map(|applicable| rules.get(applicable.quota));
        let mut names: Vec<_> = counted.map(|rule| rule.quota.name.to_string()).collect();
        names.dedup();
        names
    }

    /// Tells whether Ollama would pull a model for it that is not installed.
    pub(crate) fn may_pull(&self) -> bool {
        let request = &self.input.request;
        request.operation == Operation::Create && request.parameters.remote_host.is_none()
    }

    /// Names the inputs that policies declare and of which nothing is known here.
    pub(crate) fn unsupposed(&self, generation: &Generation) -> Option<String> {
        let declared = generation.inputs();
        let names_models = !self.input.request.models.is_empty();
        let missing = Inputs::EACH
            .into_iter()
            .filter(|(_, input)| declared.has(*input) && self.unknown.has(*input) && names_models);
        let missing: Vec<_> = missing.map(|(word, _)| word).collect();
        (!missing.is_empty()).then(|| missing.join(", "))
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DecisionInput { principal, request, .. } = &self.input;
        write!(f, "{} {}", principal.user.as_str(), request.operation)?;
        request.models.iter().try_for_each(|model| write!(f, " {}", model.name))
    }
}
