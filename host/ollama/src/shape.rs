//! The fields that Ollama knows in a body, and the meaning of each to the gateway.
//!
//! Ollama reads bodies into Go structs, and Go matches a key with a field whatever the
//! case of its letters. So an object that Ollama reads into a struct is described by a
//! [`Shape`], and a key that is not a known field, but folds to one, is refused. Objects
//! that Ollama reads into maps (`options`, schemas, arguments) have no shape. A field
//! that is not known here at all is forwarded: it may be new in Ollama.
//!
//! Source: Ollama `api/types.go`, `openai/openai.go`, `openai/responses.go`,
//! `anthropic/anthropic.go`, v0.33.0.

pub(crate) mod anthropic;
pub(crate) mod fold;
pub(crate) mod native;
pub(crate) mod openai;

use stockade_core::ModelRole;

/// The known fields of one kind of object.
#[derive(Debug)]
pub struct Shape {
    /// The name that Ollama gives the object.
    pub name: &'static str,
    /// Its fields, in Ollama's order.
    pub fields: &'static [Field],
}

impl Shape {
    /// The field with exactly this name.
    pub(crate) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The shape of the tools that it offers, where it can offer some.
    pub(crate) fn tools(&self) -> Option<&'static Self> {
        self.fields.iter().find_map(|field| match field.kind {
            Kind::Tools(shape) => Some(shape),
            _ => None,
        })
    }

    /// Tells whether it is the body for a decision model, which Ollama bounds.
    pub(crate) fn asks_questions(&self) -> bool {
        self.fields.iter().any(|field| matches!(field.kind, Kind::Questions))
    }

    /// Tells whether the object names blobs.
    pub(crate) fn names_blobs(&self) -> bool {
        self.fields.iter().any(|field| matches!(field.kind, Kind::Digests))
    }
}

/// A known field.
#[derive(Debug)]
pub struct Field {
    /// Its name, exactly.
    pub name: &'static str,
    /// Its meaning to the gateway.
    pub kind: Kind,
}

/// The meaning of a field to the gateway. A value of another JSON type than the meaning needs is
/// refused; `null` means that the field is absent.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Nothing: it is forwarded as it stands.
    Any,
    /// Nothing to the gateway and nothing to Ollama: it is not forwarded.
    Ignored,
    /// Names a model.
    Model(ModelRole),
    /// The older spelling of `model`.
    ModelAlias,
    /// True if the answer is streamed.
    Stream,
    /// True if a stream ends with the usage.
    IncludeUsage,
    /// The time that the model stays loaded: seconds, or a text such as `"5m"`.
    KeepAlive,
    /// Context length in tokens.
    Context,
    /// Tokens to produce.
    Output,
    /// A field that Ollama does not read but means the same as the [`Output`](Self::Output) field
    /// of the shape; it is forwarded as that where the other is absent.
    OutputAlias,
    /// Text; where it is empty or absent the request only loads the model.
    Prompt,
    /// Text or a list; where it is empty or absent the request only loads the model.
    Input,
    /// Messages; where there are none the request only loads the model.
    Conversation(&'static Shape),
    /// Images.
    Images,
    /// Questions to a decision model.
    Questions,
    /// The type of a part of a message, which can be an image.
    PartType,
    /// Tools offered to the model.
    Tools(&'static Shape),
    /// The type of a tool, which can be a web search.
    ToolType,
    /// True, false, or a level of thinking.
    Think,
    /// The type of thinking, which is on or off.
    ThinkingType,
    /// A level of thinking, where no other field says whether to think.
    Effort,
    /// The format of the answer: a word, or a schema.
    Format,
    /// The type of the format of the answer.
    FormatType,
    /// An option with which Ollama loads the model anew.
    ///
    /// Source: Ollama `server/sched.go` (`needsReload`), `api/types.go` (`Runner`).
    RunnerOption,
    /// True if the rendered prompt is asked for.
    DebugRender,
    /// True if plain HTTP may be used.
    Insecure,
    /// The host on which a model really runs.
    RemoteHost,
    /// File names and the digests of their blobs.
    Digests,
    /// A map; only these keys of it matter, and its keys do not fold.
    Options(&'static [Field]),
    /// An object, or any nesting of lists of objects, of this shape. Whatever else
    /// stands there is forwarded.
    Nested(&'static Shape),
}

impl Kind {
    /// Returns what must stand there, for a message; `None` where anything may.
    pub(crate) const fn expected(self) -> Option<&'static str> {
        Some(match self {
            Self::Any | Self::Ignored | Self::Format | Self::RunnerOption | Self::Nested(_) => {
                return None;
            }
            Self::Model(_)
            | Self::ModelAlias
            | Self::Prompt
            | Self::PartType
            | Self::ToolType
            | Self::ThinkingType
            | Self::Effort
            | Self::FormatType
            | Self::RemoteHost => "a string",
            Self::Think => "true, false or a string such as \"high\"",
            Self::Stream | Self::IncludeUsage | Self::DebugRender | Self::Insecure => {
                "true or false"
            }
            Self::KeepAlive => "a number of seconds or a string such as \"5m\"",
            Self::Context | Self::Output | Self::OutputAlias => "a whole number",
            Self::Input => "a string or an array",
            Self::Conversation(_) | Self::Images | Self::Questions | Self::Tools(_) => "an array",
            Self::Digests | Self::Options(_) => "an object",
        })
    }

    /// Tells whether the field holds text that only the model reads, or anything else in which
    /// nothing is decided by a string.
    pub(crate) const fn is_free(self) -> bool {
        matches!(
            self,
            Self::Any
                | Self::Ignored
                | Self::Prompt
                | Self::Input
                | Self::Conversation(_)
                | Self::Images
                | Self::Questions
                | Self::Tools(_)
                | Self::Format
                | Self::RunnerOption
                | Self::Options(_)
                | Self::Nested(_)
        )
    }

    /// Returns the meaning of the field, for the reference; `None` where that is nothing.
    pub(crate) const fn meaning(self) -> Option<&'static str> {
        Some(match self {
            Self::Any | Self::Nested(_) => return None,
            Self::Ignored => "not forwarded, Ollama ignores it",
            Self::Model(_) => "model",
            Self::ModelAlias => "older spelling of `model`",
            Self::Stream => "stream",
            Self::IncludeUsage => "usage at the end of a stream",
            Self::KeepAlive => "keep-alive",
            Self::Context => "context",
            Self::Output => "output",
            Self::OutputAlias => "output, forwarded as `max_tokens` where that is absent",
            Self::Prompt | Self::Input | Self::Conversation(_) => {
                "where it is empty, the model is only loaded"
            }
            Self::Images | Self::PartType => "images",
            Self::Questions => "1 to 64 questions",
            Self::Tools(_) => "tools",
            Self::ToolType => "web search",
            Self::Think | Self::ThinkingType => "thinking",
            Self::Effort => "thinking, where no other field says it",
            Self::Format | Self::FormatType => "format",
            Self::RunnerOption => "makes Ollama load the model anew",
            Self::DebugRender => "rendered prompt",
            Self::Insecure => "plain HTTP",
            Self::RemoteHost => "remote host",
            Self::Digests => "digests",
            Self::Options(_) => "numbers in it",
        })
    }
}

const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, kind }
}

const fn any(name: &'static str) -> Field {
    field(name, Kind::Any)
}
