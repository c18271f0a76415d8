//! Everything that a decision depends on, as one value that can be kept: what is supposed, and what
//! a record tells of a request.

use stockade_authn::{ImpossibleCaller, Scope, SupposedCaller};
use stockade_config::{Binding, ModuleLocation};
use stockade_core::record::{Caller, RecordedInput, RequestRecord};
use stockade_core::{
    Catalogue, Client, Content, LocalTime, ModelRef, Operation, PolicyInput, PolicyName, Principal,
    ProofKind, Usage,
};
use stockade_engine::Inputs;

use super::bindings::Declared;
use super::{Asker, Decision, Generation, Hypothetical, Judged};
use crate::shipped;

/// A caller and a request, with all that a decision about it depends on.
#[derive(Clone, Debug)]
pub struct DecisionInput {
    /// The caller.
    pub principal: Principal,
    /// The scope of the caller's credential.
    pub scope: Scope,
    /// The labels of that credential.
    pub labels: Vec<(String, String)>,
    /// The origin of the call.
    pub client: Client,
    /// The name of the listener, if it has one.
    pub listener: Option<String>,
    /// The time, as a generation's zone shows it.
    pub time: LocalTime,
    /// The models that are installed, as far as that is known.
    pub catalogue: Catalogue,
    /// The usage of the caller before; `None` for what the generation's accounts say.
    pub usage: Option<Usage>,
    /// The request.
    pub request: Hypothetical,
}

impl DecisionInput {
    /// A request of a caller on this machine, with a credential that is not narrowed.
    pub fn new(principal: Principal, request: Hypothetical, time: LocalTime) -> Self {
        Self {
            principal,
            scope: Scope::default(),
            labels: Vec::new(),
            client: Client::LOCAL,
            listener: None,
            time,
            catalogue: Catalogue::default(),
            usage: None,
            request,
        }
    }

    /// Returns the caller as decisions see it.
    pub fn asker(&self) -> Asker<'_> {
        Asker {
            principal: &self.principal,
            scope: &self.scope,
            labels: &self.labels,
            client: self.client,
            listener: self.listener.as_deref(),
            time: self.time,
            catalogue: &self.catalogue,
            usage: self.usage.as_ref(),
        }
    }

    /// Returns the decision of a generation. Blocks while policies are asked.
    pub fn decide(&self, generation: &Generation) -> Decision<Hypothetical> {
        generation.decide_blocking(self.asker(), self.request.clone())
    }
}

/// A caller of recorded requests, as a configuration knows it.
#[derive(Clone, Debug)]
pub(crate) struct RecordedCaller {
    /// The caller.
    pub(crate) principal: Principal,
    /// The scope of its credential.
    pub(crate) scope: Scope,
    /// The labels of its credential.
    pub(crate) labels: Vec<(String, String)>,
}

/// The reason why a recorded request cannot be judged again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotJudgeable {
    /// Nobody was asked about it, so there is nothing to ask again.
    #[error("no policy was asked about it")]
    Undecided,
    /// Its caller cannot come by this configuration.
    #[error(transparent)]
    Impossible(#[from] ImpossibleCaller),
}

impl Generation {
    /// Returns the facts of a request for its record. Of its content an outline is enough.
    pub fn facts(
        &self,
        asker: Asker<'_>,
        request: &impl Judged,
        outline: &Content,
    ) -> RecordedInput {
        let input = PolicyInput { content: Some(outline), ..self.input(asker, request) };
        let usage = self.inputs().has(Inputs::USAGE).then_some(input.usage);
        RecordedInput { usage, ..RecordedInput::of(&input) }
    }

    /// Returns the input of a decision of the past, for this generation to decide. Users, groups and
    /// the scopes of keys are those of its own configuration. `attributes` are told of a caller with a
    /// JWT besides the recorded ones.
    ///
    /// # Errors
    /// Where nobody was asked about it, or its caller cannot come.
    pub fn recorded(
        &self,
        record: &RequestRecord<'_>,
        attributes: &[(String, String)],
    ) -> Result<DecisionInput, NotJudgeable> {
        let (Some(operation), Some(facts)) = (record.operation, record.decision_input.as_deref())
        else {
            return Err(NotJudgeable::Undecided);
        };
        let caller = self.recorded_caller(&record.caller, attributes)?;
        Ok(self.recorded_request(&caller, (operation, record.models.to_vec()), facts))
    }

    /// Returns the same for a caller of records, who asks for an operation on some models.
    pub(crate) fn recorded_request(
        &self,
        caller: &RecordedCaller,
        (operation, models): (Operation, Vec<ModelRef>),
        facts: &RecordedInput,
    ) -> DecisionInput {
        let request = Hypothetical {
            operation,
            models,
            dialect: facts.api,
            parameters: facts.parameters.clone(),
            content: facts.content(),
        };
        let RecordedCaller { principal, scope, labels } = caller.clone();
        DecisionInput {
            scope,
            labels,
            client: facts.client(),
            listener: facts.listener.clone(),
            catalogue: facts.catalogue(),
            usage: facts.usage,
            ..DecisionInput::new(principal, request, self.at(facts.time()))
        }
    }

    /// Returns the caller of a record as this configuration knows it, with the scope and the labels
    /// that it gives to the key of this name, if it has one.
    ///
    /// # Errors
    /// Where the record names nobody, or no such caller can come.
    pub(crate) fn recorded_caller(
        &self,
        caller: &Caller<'_>,
        attributes: &[(String, String)],
    ) -> Result<RecordedCaller, NotJudgeable> {
        let supposed = self.supposed_caller(caller, attributes).ok_or(NotJudgeable::Undecided)?;
        let mut principal = self.authenticator.suppose(&supposed)?;
        if let Some(proof) = caller.proof {
            principal.proof = proof;
        }
        principal.credential = caller.credential.as_deref().cloned();
        let keys = &self.config.api_keys;
        let key = keys.iter().find(|key| Some(&key.id) == caller.credential.as_deref());
        let (scope, labels) = match key {
            Some(key) => (key.terms.scope.clone(), key.terms.labels.clone()),
            None => (Scope::default(), caller.credential_labels.to_vec()),
        };
        Ok(RecordedCaller { principal, scope, labels })
    }

    /// Returns the caller of a record with what its token said, as far as the issuer still may.
    fn supposed_caller(
        &self,
        caller: &Caller<'_>,
        attributes: &[(String, String)],
    ) -> Option<SupposedCaller> {
        let mut supposed = SupposedCaller::new(caller.user.as_deref()?.clone());
        // A front end's token says nothing of the user for whom it speaks.
        let own = caller.proof.filter(|_| caller.front_end.is_none());
        if own == Some(ProofKind::Jwt) {
            supposed.proof = own;
            if let Some(credential) = caller.credential.as_deref() {
                let by = &self.authenticator;
                supposed.groups = by.groups_of_issuer(credential, &caller.groups);
                supposed.attributes = by.attributes_of_issuer(credential, &caller.attributes);
            }
        }
        let is_old = |(name, _): &(String, String)| attributes.iter().all(|(new, _)| new != name);
        supposed.attributes.retain(is_old);
        supposed.attributes.extend_from_slice(attributes);
        Some(supposed)
    }

    /// Returns the enforced policies that judge a caller, with the inputs that each can look at.
    pub(crate) fn enforced_on(&self, principal: &Principal) -> Vec<(PolicyName, Inputs)> {
        let selection = self.bindings.select(principal);
        let asked = selection.comparable.iter().chain(&selection.passing);
        let each = asked.flat_map(|asked| asked.bindings.iter().zip(&asked.declared));
        let bound = each.map(|(position, declared)| (&self.config.bindings[*position], declared));
        let enforced = bound.filter(|(binding, _)| binding.enforced);
        let looks = |(binding, declared): (&Binding, &Declared)| {
            let narrower = self.shipped_inputs(binding);
            (binding.policy.clone(), narrower.unwrap_or(declared.inputs))
        };
        enforced.map(looks).collect()
    }

    /// Returns the inputs that a shipped policy can look at by the settings of a binding.
    fn shipped_inputs(&self, binding: &Binding) -> Option<Inputs> {
        let mut policies = self.config.policies.iter();
        match &policies.find(|policy| policy.name == binding.policy)?.module {
            ModuleLocation::Builtin(name) => shipped::inputs_with(name, &binding.settings),
            ModuleLocation::File(..) => None,
        }
    }
}
