//! The facts that a condition may speak of.

use std::fmt;

use stockade_policy_sdk::{Input, Operation};

/// A fact about a request, by its name: `model.bytes`, `attributes.team`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    pub(crate) field: Field,
    /// The last part of the name, where it is the operator's own: of an attribute, a label, a role.
    pub(crate) key: Option<String>,
}

/// The type of a fact, and so of what it can be compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Truth,
    Count,
    /// A number of parameters: `8B`.
    Parameters,
    Bytes,
    Seconds,
    /// A time of day.
    Minute,
    /// One of these words.
    Word(&'static [&'static str]),
    Text,
    Model,
    /// Several texts: names, or the texts of the request.
    List,
    Address,
}

macro_rules! fields {
    ($($name:literal $field:ident $kind:expr, $input:expr;)*) => {
        /// A fact, or a family of them that is told apart by a key.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Field {
            $($field,)*
            Usage { of_model: bool, window: usize, what: usize },
        }

        /// Every fact with a name of its own; the name of a family ends with a dot.
        const FIELDS: &[(&str, Field)] = &[$(($name, Field::$field),)*];

        impl Field {
            const fn row(self) -> (&'static str, Kind, Option<Input>) {
                match self {
                    $(Self::$field => ($name, $kind, $input),)*
                    Self::Usage { .. } => ("usage.", Kind::Count, Some(Input::Usage)),
                }
            }
        }
    };
}

const ACCESS: &[&str] = &["inference", "read", "manage", "account", "web"];
const APIS: &[&str] = &["native", "openai", "anthropic"];
const PROOFS: &[&str] = &["api-key", "basic", "mtls", "token", "jwt", "ollama-key", "anonymous"];
const ROLES: &[&str] = &["use", "target", "source", "base", "destination"];
const TRANSPORTS: &[&str] = &["plain", "tls", "mutual-tls"];
const FORMATS: &[&str] = &["json", "schema"];
const DAYS: &[&str] = &["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

fields! {
    "operation" Operation Kind::Word(Operation::NAMES), None;
    "access" Access Kind::Word(ACCESS), None;
    "api" Api Kind::Word(APIS), None;
    "user" User Kind::Text, Some(Input::Caller);
    "groups" Groups Kind::List, Some(Input::Caller);
    "attributes." Attribute Kind::Text, Some(Input::Caller);
    "credential.proof" Proof Kind::Word(PROOFS), Some(Input::Credential);
    "credential.id" CredentialId Kind::Text, Some(Input::Credential);
    "credential.labels." CredentialLabel Kind::Text, Some(Input::Credential);
    "model.name" ModelName Kind::Model, None;
    "model.role" ModelRole Kind::Word(ROLES), None;
    "model.cloud" ModelCloud Kind::Truth, None;
    "model.installed" ModelInstalled Kind::Truth, Some(Input::Catalogue);
    "model.loaded" ModelLoaded Kind::Truth, Some(Input::Catalogue);
    "model.bytes" ModelBytes Kind::Bytes, Some(Input::Catalogue);
    "model.parameters" ModelParameters Kind::Parameters, Some(Input::Catalogue);
    "model.family" ModelFamily Kind::Text, Some(Input::Catalogue);
    "model.quantization" ModelQuantization Kind::Text, Some(Input::Catalogue);
    "parameters.streaming" Streaming Kind::Truth, Some(Input::Parameters);
    "parameters.context" Context Kind::Count, Some(Input::Parameters);
    "parameters.output" Output Kind::Count, Some(Input::Parameters);
    "parameters.keep_alive" KeepAlive Kind::Seconds, Some(Input::Parameters);
    "parameters.images" Images Kind::Count, Some(Input::Parameters);
    "parameters.tools" ToolCount Kind::Count, Some(Input::Parameters);
    "parameters.web_search" WebSearch Kind::Truth, Some(Input::Parameters);
    "parameters.debug_render" DebugRender Kind::Truth, Some(Input::Parameters);
    "parameters.insecure" Insecure Kind::Truth, Some(Input::Parameters);
    "parameters.remote_host" RemoteHost Kind::Text, Some(Input::Parameters);
    "parameters.think" Think Kind::Text, Some(Input::Parameters);
    "parameters.format" Format Kind::Word(FORMATS), Some(Input::Parameters);
    "parameters.runner_options" RunnerOptions Kind::List, Some(Input::Parameters);
    "tools" Tools Kind::List, Some(Input::Tools);
    "client.address" Address Kind::Address, Some(Input::Client);
    "client.transport" Transport Kind::Word(TRANSPORTS), Some(Input::Client);
    "client.listener" Listener Kind::Text, Some(Input::Client);
    "time.hour" Hour Kind::Count, Some(Input::Time);
    "time.of_day" TimeOfDay Kind::Minute, Some(Input::Time);
    "time.weekday" Weekday Kind::Word(DAYS), Some(Input::Time);
    "prompt.bytes" PromptBytes Kind::Bytes, Some(Input::Prompt);
    "prompt.system" PromptSystem Kind::Truth, Some(Input::Prompt);
    "texts" Texts Kind::List, Some(Input::Texts);
    "texts." TextsOf Kind::List, Some(Input::Texts);
}

const WINDOWS: [&str; 4] = ["minute", "hour", "day", "month"];
const COUNTED: [&str; 3] = ["requests", "tokens", "gpu_seconds"];

impl Field {
    pub(crate) const fn kind(self) -> Kind {
        self.row().1
    }

    /// Returns the input to which it belongs; none for what every policy is told.
    pub(crate) const fn input(self) -> Option<Input> {
        self.row().2
    }

    /// Tells whether each model of the request has one.
    pub(crate) fn is_of_model(self) -> bool {
        self.row().0.starts_with("model.")
    }
}

impl Fact {
    /// Finds a fact by its name.
    ///
    /// # Errors
    /// That there is none, with the name that is meant.
    pub(crate) fn named(name: &str) -> Result<Self, String> {
        if let Some(field) = usage(name) {
            return Ok(Self { field, key: None });
        }
        let own = |(known, field): &(&str, Field)| match name.strip_prefix(known)? {
            "" if !known.ends_with('.') => Some(Self { field: *field, key: None }),
            key if known.ends_with('.') && !key.is_empty() => {
                Some(Self { field: *field, key: Some(key.to_owned()) })
            }
            _ => None,
        };
        FIELDS.iter().find_map(own).ok_or_else(|| unknown(name))
    }
}

fn usage(name: &str) -> Option<Field> {
    let rest = name.strip_prefix("usage.")?;
    let (of_model, rest) = match rest.strip_prefix("model.") {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let (window, what) = rest.split_once('.')?;
    let window = WINDOWS.iter().position(|known| *known == window)?;
    let what = COUNTED.iter().position(|known| *known == what)?;
    Some(Field::Usage { of_model, window, what })
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Field::Usage { of_model, window, what } = self.field {
            let of_model = if of_model { "model." } else { "" };
            return write!(f, "usage.{of_model}{}.{}", WINDOWS[window], COUNTED[what]);
        }
        f.write_str(self.field.row().0)?;
        f.write_str(self.key.as_deref().unwrap_or_default())
    }
}

fn unknown(name: &str) -> String {
    let help = match name {
        "group" => "did you mean `groups contains …`?".to_owned(),
        "model" => "did you mean `model.name`?".to_owned(),
        "time" => "did you mean `time.of_day`?".to_owned(),
        name if name.starts_with("usage.") => "write it like `usage.day.tokens`".to_owned(),
        name => match closest(name) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "text stands in quotes, and behind what it is compared with".to_owned(),
        },
    };
    format!("there is no fact `{name}`; {help}")
}

/// The fact whose name differs in at most a third of its letters.
fn closest(name: &str) -> Option<&'static str> {
    let names = FIELDS.iter().map(|(known, _)| *known).filter(|known| !known.ends_with('.'));
    let last = |known: &'static str| known.rsplit_once('.').map_or(known, |(_, last)| last);
    let by_last = names.clone().find(|known| last(known).eq_ignore_ascii_case(name));
    by_last.or_else(|| {
        let far = names.map(|known| (distance(name, known), known)).min();
        far.filter(|(distance, known)| *distance * 3 <= known.len()).map(|(_, known)| known)
    })
}

/// The number of letters to change, add or leave out.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.bytes().enumerate() {
            let changed = diagonal + usize::from(!a.eq_ignore_ascii_case(&b));
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}
