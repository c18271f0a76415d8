//! Requests for tests.

use crate::bindings::stockade::policy::types as wit;
use crate::{
    AccessClass, Blob, Caller, Client, Counter, Credential, Dialect, Input, Model, ModelRole,
    Operation, Parameters, Presence, Prompt, ProofKind, Request, Text, Time, Transport, Usage,
    Windows,
};

/// Describes a request for a test. What is left out is ordinary: a chat in Ollama's own
/// API, by the user `alice` with an API key, over plain HTTP from this machine, at noon on
/// Monday, 5 January 2026.
///
/// ```
/// use stockade_policy_sdk::{AccessClass, Operation, Request};
///
/// let request = Request::builder()
///     .user("bob")
///     .group("research")
///     .operation(Operation::Pull)
///     .model("llama3.2:3b")
///     .parameters(|parameters| parameters.insecure = true)
///     .build();
/// assert_eq!(request.access(), AccessClass::Manage);
/// assert_eq!(request.models()[0].name, "registry.ollama.ai/library/llama3.2:3b");
/// ```
#[derive(Clone, Debug)]
pub struct RequestBuilder {
    operation: Operation,
    access: Option<AccessClass>,
    dialect: Dialect,
    models: Vec<(Option<ModelRole>, String)>,
    presence: Presence,
    caller: Caller,
    credential: Credential,
    parameters: Parameters,
    tools: Vec<String>,
    texts: Vec<Text>,
    blobs: Vec<Blob>,
    client: Client,
    time: Time,
    usage: Usage,
    body: Option<String>,
}

impl RequestBuilder {
    /// The caller's name.
    #[must_use]
    pub fn user(mut self, name: &str) -> Self {
        name.clone_into(&mut self.caller.user);
        self
    }

    /// One more group of the caller.
    #[must_use]
    pub fn group(mut self, name: &str) -> Self {
        self.caller.groups.push(name.to_owned());
        self.caller.groups.sort();
        self
    }

    /// Sets how the caller proved who it is.
    #[must_use]
    pub fn proof(mut self, proof: ProofKind) -> Self {
        self.credential.proof = proof;
        self
    }

    /// Sets which of the user's credentials was used.
    #[must_use]
    pub fn credential_id(mut self, id: &str) -> Self {
        self.credential.id = Some(id.to_owned());
        self
    }

    /// One more attribute of the caller.
    #[must_use]
    pub fn attribute(mut self, name: &str, value: &str) -> Self {
        let attribute = (name.to_owned(), value.to_owned());
        self.caller.attributes.push(attribute);
        self
    }

    /// Sets what is asked for: an [`Operation`], or a name that the SDK need not know.
    #[must_use]
    pub fn operation(mut self, operation: impl Into<Operation>) -> Self {
        self.operation = operation.into();
        self
    }

    /// The kind of thing that the operation does. Only needed for an operation that the
    /// SDK does not know, which is `manage` otherwise.
    #[must_use]
    pub fn access(mut self, access: AccessClass) -> Self {
        self.access = Some(access);
        self
    }

    /// The API that the caller speaks.
    #[must_use]
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// One more model, as a caller spells it. Its role follows from the operation:
    /// `target` for `pull`, `push`, `create` and `delete`, otherwise `use`.
    #[must_use]
    pub fn model(mut self, name: &str) -> Self {
        self.models.push((None, name.to_owned()));
        self
    }

    /// One more model in a certain role.
    #[must_use]
    pub fn model_as(mut self, role: ModelRole, name: &str) -> Self {
        self.models.push((Some(role), name.to_owned()));
        self
    }

    /// Sets what Ollama tells about every model; unknown, if left out.
    #[must_use]
    pub fn presence(mut self, presence: Presence) -> Self {
        self.presence = presence;
        self
    }

    /// One more tool, by its name.
    #[must_use]
    pub fn tool(mut self, name: &str) -> Self {
        self.tools.push(name.to_owned());
        self.parameters.tools += 1;
        self
    }

    /// One more text: `system`, `user`, …
    #[must_use]
    pub fn text(mut self, role: &str, text: &str) -> Self {
        self.texts.push(Text { role: role.to_owned(), text: text.to_owned() });
        self
    }

    /// One more blob that the request names: its digest, and whether the caller has sent it.
    #[must_use]
    pub fn blob(mut self, digest: &str, uploaded: bool) -> Self {
        self.blobs.push(Blob { digest: digest.to_owned(), uploaded });
        self
    }

    /// One more label of the caller's credential.
    #[must_use]
    pub fn credential_label(mut self, name: &str, value: &str) -> Self {
        self.credential.labels.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The name of the listener.
    #[must_use]
    pub fn listener(mut self, name: &str) -> Self {
        self.client.listener = Some(name.to_owned());
        self
    }

    /// Changes what the request's body asks for.
    #[must_use]
    pub fn parameters(mut self, change: impl FnOnce(&mut Parameters)) -> Self {
        change(&mut self.parameters);
        self
    }

    /// The caller's IP address.
    #[must_use]
    pub fn address(mut self, address: &str) -> Self {
        address.clone_into(&mut self.client.address);
        self
    }

    /// Sets how the caller reached the gateway.
    #[must_use]
    pub fn transport(mut self, transport: Transport) -> Self {
        self.client.transport = transport;
        self
    }

    /// The day of the week (1 is Monday, 7 is Sunday) and the time of day, in hours and
    /// minutes of the configured zone.
    #[must_use]
    pub fn weekday_at(mut self, weekday: u8, hour: u16, minute: u16) -> Self {
        self.time.weekday = weekday;
        self.time.minute_of_day = hour * 60 + minute;
        self
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn unix_seconds(mut self, seconds: u64) -> Self {
        self.time.unix_seconds = seconds;
        self
    }

    /// Changes what the caller has used so far.
    #[must_use]
    pub fn usage(mut self, change: impl FnOnce(&mut Usage)) -> Self {
        change(&mut self.usage);
        self
    }

    /// The canonical JSON body, for a policy that asks for it.
    #[must_use]
    pub fn body(mut self, json: &str) -> Self {
        self.body = Some(json.to_owned());
        self
    }

    /// The request.
    ///
    /// # Panics
    /// If a model's name is one that the host would refuse.
    pub fn build(self) -> Request {
        Request::told(self.build_wit(), Input::ALL)
    }

    /// The request as the host would hand it over to a policy that declares every input.
    pub(crate) fn build_wit(self) -> wit::Request {
        let models = self.models.iter().map(|(role, name)| {
            let role = role.clone().unwrap_or_else(|| usual_role(&self.operation));
            describe_model(role, name, self.presence.clone())
        });
        let prompt = Prompt {
            bytes: self.texts.iter().map(|text| text.text.len() as u64).sum(),
            system: self.texts.iter().any(|text| text.role == "system"),
        };
        wit::Request {
            models: models.collect(),
            access: self.access.or(self.operation.access()).unwrap_or(AccessClass::Manage),
            operation: self.operation.as_str().to_owned(),
            dialect: self.dialect,
            caller: Some(self.caller),
            credential: Some(self.credential),
            parameters: Some(self.parameters),
            tools: Some(self.tools),
            prompt: Some(prompt),
            texts: Some(self.texts),
            blobs: Some(self.blobs),
            client: Some(self.client),
            time: Some(self.time),
            usage: Some(self.usage),
            body: self.body,
        }
    }
}

fn usual_role(operation: &Operation) -> ModelRole {
    match operation {
        Operation::Pull | Operation::Push | Operation::Create | Operation::Delete => {
            ModelRole::Target
        }
        _ => ModelRole::Use,
    }
}

#[expect(clippy::panic, reason = "a builder for tests: a wrong name is a wrong test")]
fn describe_model(role: ModelRole, name: &str, presence: Presence) -> Model {
    match stockade_names::complete_name(name) {
        Ok(name) => {
            let cloud = name.ends_with(":cloud") || name.ends_with("-cloud");
            Model { name, role, cloud, presence: Some(presence) }
        }
        Err(error) => panic!("{name:?} is not a model: {error}"),
    }
}

impl Default for RequestBuilder {
    fn default() -> Self {
        Self {
            operation: Operation::Chat,
            access: None,
            dialect: Dialect::Native,
            models: Vec::new(),
            presence: Presence::Unknown,
            caller: Caller { user: "alice".to_owned(), groups: Vec::new(), attributes: Vec::new() },
            credential: Credential { proof: ProofKind::ApiKey, id: None, labels: Vec::new() },
            parameters: Parameters::default(),
            tools: Vec::new(),
            texts: Vec::new(),
            blobs: Vec::new(),
            client: Client {
                address: "127.0.0.1".to_owned(),
                transport: Transport::Plain,
                listener: None,
            },
            time: Time { unix_seconds: 1_767_614_400, weekday: 1, minute_of_day: 12 * 60 },
            usage: Usage::default(),
            body: None,
        }
    }
}

/// A body that says nothing.
impl Default for Parameters {
    fn default() -> Self {
        Self {
            streaming: false,
            context: None,
            output: None,
            keep_alive: None,
            images: 0,
            tools: 0,
            web_search: false,
            debug_render: false,
            insecure: false,
            remote_host: None,
            think: None,
            format: None,
            runner_options: Vec::new(),
        }
    }
}

/// Nothing used yet.
impl Default for Usage {
    fn default() -> Self {
        let none = Counter { requests: 0, tokens: 0, gpu_milliseconds: 0 };
        let windows = Windows { minute: none, hour: none, day: none, month: none };
        Self { total: windows, with_model: windows }
    }
}

#[cfg(test)]
mod tests {
    use crate::{AccessClass, ModelRole, Operation, Request};

    #[test]
    fn the_access_class_follows_the_operation() {
        let access = |operation: &str| Request::builder().operation(operation).build().access();
        assert_eq!(access("embed"), AccessClass::Inference);
        assert_eq!(access("list"), AccessClass::Read);
        assert_eq!(access("whoami"), AccessClass::Account);
        assert_eq!(access("dream"), AccessClass::Manage);
    }

    #[test]
    fn models_are_complete_and_have_a_role() {
        let request = Request::builder()
            .model_as(ModelRole::Base, "GPT-OSS:20b-Cloud")
            .model("x-cloud")
            .operation(Operation::Create)
            .build();
        let [base, target] = request.models() else { panic!("{:?}", request.models()) };
        assert_eq!(base.name, "registry.ollama.ai/library/gpt-oss:20b-cloud");
        assert_eq!((&base.role, base.cloud), (&ModelRole::Base, true));
        assert_eq!(target.name, "registry.ollama.ai/library/x-cloud:latest");
        assert_eq!((&target.role, target.cloud), (&ModelRole::Target, false));
    }

    #[test]
    #[should_panic(expected = "\"a b\" is not a model")]
    fn an_impossible_model_is_a_wrong_test() {
        let _ = Request::builder().model("a b").build();
    }
}
