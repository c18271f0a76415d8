//! The request, as a policy sees it.

use std::cell::Cell;

use crate::bindings::stockade::policy::types as wit;
use crate::input::Inputs;
use crate::{
    AccessClass, Blob, Caller, Client, Credential, Dialect, Input, Model, Operation, Parameters,
    Presence, Prompt, Text, Time, Usage, builder::RequestBuilder,
};

/// One request, as the host understood it.
///
/// Everything a policy may judge is in here: there is no clock, no file and no network to
/// ask. All accessors are cheap; nothing is copied.
///
/// An accessor that names an [`Input`] panics, and so refuses the request, in a policy that does
/// not declare it: what is withheld must never be taken for nothing.
#[derive(Clone, Debug)]
pub struct Request {
    operation: Operation,
    told: wit::Request,
    /// The inputs that the policy which reads it declares.
    declared: Cell<Inputs>,
}

/// Reads a fact that is there only if it was declared.
macro_rules! declared {
    ($self:ident, $field:ident, $input:ident) => {
        match &$self.told.$field {
            Some(fact) if $self.declared.get().has(Input::$input) => fact,
            _ => Input::$input.undeclared(),
        }
    };
}

impl Request {
    /// Describes a request for a test.
    pub fn builder() -> RequestBuilder {
        RequestBuilder::default()
    }

    /// Takes a request of the host for a policy that declares these inputs.
    pub(crate) fn told(told: wit::Request, declared: &[Input]) -> Self {
        let operation = Operation::from(told.operation.as_str());
        Self { operation, told, declared: Cell::new(Inputs::of(declared)) }
    }

    /// Shows the request to a policy with these inputs, which is one of several in a module.
    #[doc(hidden)]
    pub fn shown<T>(&self, declared: &[Input], look: impl FnOnce(&Self) -> T) -> T {
        let before = self.declared.replace(Inputs::of(declared));
        let found = look(self);
        self.declared.set(before);
        found
    }

    /// Returns the operation that is asked for.
    pub fn operation(&self) -> &Operation {
        &self.operation
    }

    /// The kind of thing that the operation does. The host knows it for operations that
    /// are newer than this SDK too.
    pub fn access(&self) -> AccessClass {
        self.told.access
    }

    /// The API that the caller speaks.
    pub fn dialect(&self) -> &Dialect {
        &self.told.dialect
    }

    /// Every model that the request names, each with its role. Empty for operations
    /// without a model, such as `list`.
    pub fn models(&self) -> &[Model] {
        &self.told.models
    }

    /// Returns the caller, as proven by the host. [`Input::Caller`].
    #[track_caller]
    pub fn caller(&self) -> &Caller {
        declared!(self, caller, Caller)
    }

    /// The caller's name in the host's configuration. [`Input::Caller`].
    #[track_caller]
    pub fn user(&self) -> &str {
        &self.caller().user
    }

    /// Tells whether the caller belongs to a group. [`Input::Caller`].
    ///
    /// ```
    /// use stockade_policy_sdk::Request;
    ///
    /// let request = Request::builder().user("alice").group("research").build();
    /// assert!(request.is_in_group("research"));
    /// assert!(!request.is_in_group("ops"));
    /// ```
    #[track_caller]
    pub fn is_in_group(&self, group: &str) -> bool {
        self.caller().groups.iter().any(|own| own == group)
    }

    /// Returns what the configuration or the caller's token says about the caller.
    /// [`Input::Caller`].
    #[track_caller]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let named = self.caller().attributes.iter().find(|(key, _)| key == name);
        named.map(|(_, value)| value.as_str())
    }

    /// Returns the credential by which the caller came. [`Input::Credential`].
    #[track_caller]
    pub fn credential(&self) -> &Credential {
        declared!(self, credential, Credential)
    }

    /// Returns what the request's body asks for. [`Input::Parameters`].
    #[track_caller]
    pub fn parameters(&self) -> &Parameters {
        declared!(self, parameters, Parameters)
    }

    /// The names of the tools that the request offers to the model. [`Input::Tools`].
    #[track_caller]
    pub fn tools(&self) -> &[String] {
        declared!(self, tools, Tools)
    }

    /// Tells how much text there is. [`Input::Prompt`].
    #[track_caller]
    pub fn prompt(&self) -> &Prompt {
        declared!(self, prompt, Prompt)
    }

    /// The texts of the request, from whichever API, in their order. [`Input::Texts`].
    #[track_caller]
    pub fn texts(&self) -> &[Text] {
        declared!(self, texts, Texts)
    }

    /// The blobs that the request names, in the order of their digests. [`Input::Blobs`].
    #[track_caller]
    pub fn blobs(&self) -> &[Blob] {
        declared!(self, blobs, Blobs)
    }

    /// Returns where the call comes from. [`Input::Client`].
    #[track_caller]
    pub fn client(&self) -> &Client {
        declared!(self, client, Client)
    }

    /// Returns the time at which the host received the request. [`Input::Time`].
    #[track_caller]
    pub fn time(&self) -> Time {
        *declared!(self, time, Time)
    }

    /// Returns what the caller has used so far, this request not counted. [`Input::Usage`].
    #[track_caller]
    pub fn usage(&self) -> &Usage {
        declared!(self, usage, Usage)
    }

    /// The canonical JSON body; `None` for a request without one. [`Input::Body`].
    #[track_caller]
    pub fn body(&self) -> Option<&str> {
        if !self.declared.get().has(Input::Body) {
            Input::Body.undeclared();
        }
        self.told.body.as_deref()
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

    /// Returns what Ollama tells about the model. [`Input::Catalogue`].
    #[track_caller]
    pub fn presence(&self) -> &Presence {
        self.presence.as_ref().unwrap_or_else(|| Input::Catalogue.undeclared())
    }
}
