//! A request that is judged without being sent.

use std::fmt;

use stockade_authn::Scope;
use stockade_core::{
    Client, Content, Dialect, LocalTime, ModelName, ModelRef, ModelRole, Operation, Parameters,
    Principal, ProofKind, SystemClock,
};

use stockade_control::generation::{Asker, Decision, Generation, Hypothetical};
use stockade_engine::Inputs;

/// Everything that a decision depends on.
pub(crate) struct Question {
    pub(crate) principal: Principal,
    pub(crate) operation: Operation,
    pub(crate) models: Vec<ModelRef>,
    pub(crate) dialect: Dialect,
    pub(crate) parameters: Parameters,
    pub(crate) client: Client,
    pub(crate) time: LocalTime,
    /// The scope of the credential.
    pub(crate) scope: Scope,
    /// The labels of the credential.
    pub(crate) labels: Vec<(String, String)>,
    /// The name of the listener.
    pub(crate) listener: Option<String>,
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
        Self {
            principal,
            operation,
            models: model.into_iter().map(|name| ModelRef { name: name.clone(), role }).collect(),
            dialect: Dialect::Native,
            parameters: Parameters::default(),
            client: Client::LOCAL,
            time: generation.local_time(&SystemClock),
            scope: Scope::default(),
            labels: Vec::new(),
            listener: None,
        }
    }

    /// Tells whether a token may have said more of the caller than is known here.
    pub(crate) fn misses_attributes(&self) -> bool {
        self.principal.proof == ProofKind::Jwt
    }

    /// Returns the decision of the gateway, and the answer of each binding.
    pub(crate) fn decide(&self, generation: &Generation) -> Decision<Hypothetical> {
        let request = Hypothetical {
            operation: self.operation,
            models: self.models.clone(),
            dialect: self.dialect,
            parameters: self.parameters.clone(),
            content: Content::default(),
        };
        let asker = Asker {
            labels: &self.labels,
            listener: self.listener.as_deref(),
            client: self.client,
            ..Asker::supposed(&self.principal, &self.scope, self.time)
        };
        generation.decide_blocking(asker, request)
    }

    /// Names the quotas that it would count in.
    pub(crate) fn quotas(&self, generation: &Generation) -> Vec<String> {
        let applying = generation.applying(&self.principal, self.operation, &self.models);
        let rules = &generation.config.quotas;
        let counted = applying.iter().filter_map(|applicable| rules.get(applicable.quota));
        let mut names: Vec<_> = counted.map(|rule| rule.quota.name.to_string()).collect();
        names.dedup();
        names
    }

    /// Tells whether Ollama would pull a model for it that is not installed.
    pub(crate) fn may_pull(&self) -> bool {
        self.operation == Operation::Create && self.parameters.remote_host.is_none()
    }

    /// Names the inputs that policies declare and that nobody supposes here.
    pub(crate) fn unsupposed(&self, generation: &Generation) -> Option<String> {
        let declared = generation.inputs();
        let missing = Inputs::EACH.into_iter().filter(|(_, input)| {
            declared.has(*input) && UNSUPPOSED.has(*input) && !self.models.is_empty()
        });
        let missing: Vec<_> = missing.map(|(word, _)| word).collect();
        (!missing.is_empty()).then(|| missing.join(", "))
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.principal.user.as_str(), self.operation)?;
        self.models.iter().try_for_each(|model| write!(f, " {}", model.name))
    }
}
