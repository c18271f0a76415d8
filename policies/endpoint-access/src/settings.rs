//! The settings that an operator may write.

use stockade_policy_sdk::prelude::*;

/// The operations and APIs that may be used.
#[settings]
#[derive(Debug)]
pub struct Settings {
    /// Operations that are allowed. Only those that name no model of this host: `list`,
    /// `running`, `recommend`, `status`, `whoami`, `sign-out`, `web-search`, `web-fetch`.
    #[serde(default)]
    pub allow: Vec<Operation>,
    /// Every operation that is not in this list is refused.
    pub only: Option<Vec<Operation>>,
    /// Operations that are refused, whatever another binding allows.
    #[serde(default)]
    pub deny: Vec<Operation>,
    /// Every request in another API is refused.
    pub apis: Option<Vec<Api>>,
}

/// An API that the gateway speaks.
#[settings]
#[serde(rename_all = "lowercase")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// Ollama's own, `/api/…`.
    Native,
    /// That of OpenAI, `/v1/…`.
    OpenAi,
    /// That of Anthropic, `/v1/messages`.
    Anthropic,
}

impl Api {
    /// `None` for one that is newer than this policy.
    const fn of(dialect: &Dialect) -> Option<Self> {
        match dialect {
            Dialect::Native => Some(Self::Native),
            Dialect::Openai => Some(Self::OpenAi),
            Dialect::Anthropic => Some(Self::Anthropic),
            Dialect::Other(_) => None,
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Native => "Ollama's own API",
            Self::OpenAi => "the OpenAI API",
            Self::Anthropic => "the Anthropic API",
        }
    }
}

impl Settings {
    pub(crate) fn speaks(&self, dialect: &Dialect) -> bool {
        let listed = |apis: &Vec<Api>| Api::of(dialect).is_some_and(|api| apis.contains(&api));
        self.apis.as_ref().is_none_or(listed)
    }

    pub(crate) fn permits(&self, operation: &Operation) -> bool {
        !self.deny.contains(operation)
            && self.only.as_ref().is_none_or(|only| only.contains(operation))
    }

    /// The APIs that may be used, for a person.
    pub(crate) fn apis(&self) -> String {
        let titles = self.apis.iter().flatten().map(|api| api.title());
        titles.collect::<Vec<_>>().join(" or ")
    }

    /// Refuses settings that could never do what their author means.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        let silent = self.allow.is_empty() && self.deny.is_empty();
        if silent && self.only.is_none() && self.apis.is_none() {
            return Err(Problem::new("says nothing; write `allow`, `only`, `deny` or `apis`"));
        }
        let mut problems = Vec::new();
        if self.only.as_ref().is_some_and(Vec::is_empty) {
            problems.push(Problem::at("only", "lists no operation, so that nothing could be done"));
        }
        if self.apis.as_ref().is_some_and(Vec::is_empty) {
            problems.push(Problem::at("apis", "lists no API, so that nothing could be done"));
        }
        problems.extend(self.allow.iter().enumerate().filter_map(|(index, operation)| {
            let message = self.wrong_allow(operation)?;
            Some(Problem::at(format!("allow[{index}]"), message))
        }));
        Problem::all(problems)
    }

    fn wrong_allow(&self, operation: &Operation) -> Option<String> {
        if let Some(other) = who_allows(operation) {
            return Some(format!("`{operation}` is about models; allow it with `{other}`"));
        }
        (!self.permits(operation))
            .then(|| format!("`{operation}` is refused by `deny` or `only` of the same binding"))
    }
}

/// The policy that allows an operation for certain models. An allow without a look at the
/// model would open every model of the host.
fn who_allows(operation: &Operation) -> Option<&'static str> {
    match operation {
        Operation::List
        | Operation::Running
        | Operation::Recommend
        | Operation::Status
        | Operation::WhoAmI
        | Operation::SignOut
        | Operation::WebSearch
        | Operation::WebFetch => None,
        _ if operation.access() == Some(AccessClass::Manage) => Some("pull-guard"),
        _ => Some("model-access"),
    }
}
