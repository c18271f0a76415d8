//! The request, as a policy sees it.

use crate::bindings::stockade::policy::types as wit;
use crate::{
    AccessClass, Client, Dialect, Model, Operation, Parameters, Principal, Time, Usage,
    builder::RequestBuilder,
};

/// One request, as the host understood it.
///
/// Everything a policy may judge is in here: there is no clock, no file and no network to
/// ask. All accessors are cheap; nothing is copied.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    operation: Operation,
    principal: Principal,
    access: AccessClass,
    dialect: Dialect,
    models: Vec<Model>,
    parameters: Parameters,
    client: Client,
    time: Time,
    usage: Usage,
    body: Option<String>,
}

impl Request {
    /// Describes a request for a test.
    pub fn builder() -> RequestBuilder {
        RequestBuilder::default()
    }

    /// Returns the caller, as proven by the host.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The caller's name in the host's configuration.
    pub fn user(&self) -> &str {
        &self.principal.user
    }

    /// Tells whether the caller belongs to a group.
    ///
    /// ```
    /// use stockade_policy_sdk::Request;
    ///
    /// let request = Request::builder().user("alice").group("research").build();
    /// assert!(request.is_in_group("research"));
    /// assert!(!request.is_in_group("ops"));
    /// ```
    pub fn is_in_group(&self, group: &str) -> bool {
        self.principal.groups.iter().any(|own| own == group)
    }

    /// Returns what the configuration or the caller's token says about the caller.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let named = self.principal.attributes.iter().find(|(key, _)| key == name);
        named.map(|(_, value)| value.as_str())
    }

    /// Returns the operation that is asked for.
    pub fn operation(&self) -> &Operation {
        &self.operation
    }

    /// The kind of thing that the operation does. The host knows it for operations that
    /// are newer than this SDK too.
    pub fn access(&self) -> AccessClass {
        self.access
    }

    /// The API that the caller speaks.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Every model that the request names, each with its role. Empty for operations
    /// without a model, such as `list`.
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// Returns what the request's body asks for.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Returns where the call comes from.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns the time at which the host received the request.
    pub fn time(&self) -> Time {
        self.time
    }

    /// Returns what the caller has used so far, this request not counted.
    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    /// The canonical JSON body, if the policy lists [`Input::Body`](crate::Input::Body) in
    /// its [`INPUTS`](crate::Policy::INPUTS).
    pub fn body(&self) -> Option<&str> {
        self.body.as_deref()
    }
}

impl From<wit::Request> for Request {
    fn from(request: wit::Request) -> Self {
        Self {
            operation: request.operation.into(),
            principal: request.principal,
            access: request.access,
            dialect: request.dialect,
            models: request.models,
            parameters: request.parameters,
            client: request.client,
            time: request.time,
            usage: request.usage,
            body: request.body,
        }
    }
}

impl Model {
    /// The name as Ollama prints it: without `registry.ollama.ai` and `library`, always
    /// with the tag. For reasons and log lines; patterns want the complete
    /// [`name`](Model::name).
    ///
    /// ```
    /// use stockade_policy_sdk::Request;
    ///
    /// let request = Request::builder().model("LLAMA3.2").model("hf.co/bartowski/x:Q4").build();
    /// let names: Vec<&str> = request.models().iter().map(|model| model.short_name()).collect();
    /// assert_eq!(names, ["llama3.2:latest", "hf.co/bartowski/x:q4"]);
    /// ```
    pub fn short_name(&self) -> &str {
        let name = self.name.as_str();
        let path = name.strip_prefix("registry.ollama.ai/").unwrap_or(name);
        path.strip_prefix("library/").filter(|_| path != name).unwrap_or(path)
    }
}
