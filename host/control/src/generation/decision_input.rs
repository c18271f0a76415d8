//! Everything that a decision depends on, as one value that can be kept: what is supposed, and what
//! a record tells of a request.

use stockade_authn::{ImpossibleCaller, Scope, SupposedCaller};
use stockade_core::record::{Caller, RecordedInput, RequestRecord};
use stockade_core::{
    Catalogue, Client, Content, LocalTime, PolicyInput, Principal, ProofKind, Usage,
};
use stockade_engine::Inputs;

use super::{Asker, Decision, Generation, Hypothetical, Judged};

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
        let request = Hypothetical {
            operation,
            models: record.models.to_vec(),
            dialect: facts.api,
            parameters: facts.parameters.clone(),
            content: facts.content(),
        };
        let principal = self.recorded_caller(&record.caller, attributes)?;
        let (scope, labels) = self.recorded_terms(&record.caller);
        Ok(DecisionInput {
            scope,
            labels,
            client: facts.client(),
            listener: facts.listener.clone(),
            catalogue: facts.catalogue(),
            usage: facts.usage,
            ..DecisionInput::new(principal, request, self.at(facts.time()))
        })
    }

    /// Returns the caller of a record as this configuration knows it.
    fn recorded_caller(
        &self,
        caller: &Caller<'_>,
        attributes: &[(String, String)],
    ) -> Result<Principal, NotJudgeable> {
        let user = caller.user.as_deref().ok_or(NotJudgeable::Undecided)?.clone();
        // A front end's token says nothing of the user for whom it speaks.
        let own = caller.proof.filter(|_| caller.front_end.is_none());
        let mut supposed = SupposedCaller::new(user);
        if own == Some(ProofKind::Jwt) {
            supposed.proof = own;
            if let Some(credential) = caller.credential.as_deref() {
                let authenticator = &self.authenticator;
                supposed.groups = authenticator.groups_of_issuer(credential, &caller.groups);
                supposed.attributes =
                    authenticator.attributes_of_issuer(credential, &caller.attributes);
            }
        }
        let is_new = |name: &String| attributes.iter().all(|(other, _)| other != name);
        supposed.attributes.retain(|(name, _)| is_new(name));
        supposed.attributes.extend_from_slice(attributes);
        let mut principal = self.authenticator.suppose(&supposed)?;
        if let Some(proof) = caller.proof {
            principal.proof = proof;
        }
        principal.credential = caller.credential.as_deref().cloned();
        Ok(principal)
    }

    /// Returns scope and labels of a recorded credential: those that this configuration gives to the
    /// key of this name, if it has one.
    fn recorded_terms(&self, caller: &Caller<'_>) -> (Scope, Vec<(String, String)>) {
        let keys = &self.config.api_keys;
        let key = keys.iter().find(|key| Some(&key.id) == caller.credential.as_deref());
        match key {
            Some(key) => (key.terms.scope.clone(), key.terms.labels.clone()),
            None => (Scope::default(), caller.credential_labels.to_vec()),
        }
    }
}
