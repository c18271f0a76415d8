//! Ollama's own API.

use stockade_core::ModelRole;

use super::{Field, Kind, Shape, any, field};

const MODEL: Field = field("model", Kind::Model(ModelRole::Use));
const TARGET: Field = field("model", Kind::Model(ModelRole::Target));
const ALIAS: Field = field("name", Kind::ModelAlias);
/// Inference reads `model` only; `name` would be a second opinion on the model.
const IGNORED_NAME: Field = field("name", Kind::Ignored);
const STREAM: Field = field("stream", Kind::Stream);
const KEEP_ALIVE: Field = field("keep_alive", Kind::KeepAlive);
/// The options of a route, with those that make Ollama load the model anew.
macro_rules! options {
    ($($own:expr),*) => {
        field(
            "options",
            Kind::Options(&[
                $($own,)*
                field("num_batch", Kind::RunnerOption),
                field("num_gpu", Kind::RunnerOption),
                field("main_gpu", Kind::RunnerOption),
                field("use_mmap", Kind::RunnerOption),
                field("num_thread", Kind::RunnerOption),
                field("draft_num_predict", Kind::RunnerOption),
            ]),
        )
    };
}

const OPTIONS: Field =
    options!(field("num_ctx", Kind::Context), field("num_predict", Kind::Output));
/// Nothing is produced that could be limited.
const EMBED_OPTIONS: Field = options!(field("num_ctx", Kind::Context));
const FORMAT: Field = field("format", Kind::Format);
const THINK: Field = field("think", Kind::Think);
const TOOLS: Field = field("tools", Kind::Tools(&TOOL));
const DEBUG_RENDER: Field = field("_debug_render_only", Kind::DebugRender);

pub(crate) static GENERATE: Shape = Shape {
    name: "GenerateRequest",
    fields: &[
        MODEL,
        IGNORED_NAME,
        field("prompt", Kind::Prompt),
        any("suffix"),
        any("system"),
        any("template"),
        any("context"),
        STREAM,
        any("raw"),
        FORMAT,
        KEEP_ALIVE,
        field("images", Kind::Images),
        OPTIONS,
        THINK,
        any("truncate"),
        any("shift"),
        DEBUG_RENDER,
        any("logprobs"),
        any("top_logprobs"),
    ],
};

pub(crate) static CHAT: Shape = Shape {
    name: "ChatRequest",
    fields: &[
        MODEL,
        IGNORED_NAME,
        field("messages", Kind::Conversation(&MESSAGE)),
        STREAM,
        FORMAT,
        KEEP_ALIVE,
        TOOLS,
        OPTIONS,
        THINK,
        any("truncate"),
        any("shift"),
        DEBUG_RENDER,
        any("logprobs"),
        any("top_logprobs"),
    ],
};

pub(crate) static MESSAGE: Shape = Shape {
    name: "Message",
    fields: &[
        any("role"),
        any("content"),
        any("thinking"),
        field("images", Kind::Images),
        field("tool_calls", Kind::Nested(&TOOL_CALL)),
        any("tool_name"),
        any("tool_call_id"),
    ],
};

static TOOL_CALL: Shape = Shape {
    name: "ToolCall",
    fields: &[any("id"), field("function", Kind::Nested(&CALLED_FUNCTION))],
};

static CALLED_FUNCTION: Shape =
    Shape { name: "ToolCallFunction", fields: &[any("index"), any("name"), any("arguments")] };

pub(crate) static TOOL: Shape = Shape {
    name: "Tool",
    fields: &[
        field("type", Kind::ToolType),
        any("items"),
        field("function", Kind::Nested(&TOOL_FUNCTION)),
    ],
};

static TOOL_FUNCTION: Shape =
    Shape { name: "ToolFunction", fields: &[any("name"), any("description"), any("parameters")] };

pub(crate) static EMBED: Shape = Shape {
    name: "EmbedRequest",
    fields: &[
        MODEL,
        IGNORED_NAME,
        field("input", Kind::Input),
        KEEP_ALIVE,
        any("truncate"),
        any("dimensions"),
        EMBED_OPTIONS,
    ],
};

pub(crate) static EMBEDDINGS: Shape = Shape {
    name: "EmbeddingRequest",
    fields: &[MODEL, IGNORED_NAME, field("prompt", Kind::Prompt), KEEP_ALIVE, EMBED_OPTIONS],
};

/// Since Ollama 0.35. It stands under `/v1`, and is Ollama's own all the same.
pub(crate) static DECIDE: Shape = Shape {
    name: "SystemOneRequest",
    fields: &[
        MODEL,
        IGNORED_NAME,
        any("state"),
        field("images", Kind::Images),
        field("questions", Kind::Questions),
        KEEP_ALIVE,
    ],
};

pub(crate) static SHOW: Shape = Shape {
    name: "ShowRequest",
    fields: &[MODEL, ALIAS, any("system"), any("template"), any("verbose"), any("options")],
};

/// `PullRequest` and `PushRequest` are the same.
pub(crate) static TRANSFER: Shape = Shape {
    name: "PullRequest",
    fields: &[
        TARGET,
        ALIAS,
        field("insecure", Kind::Insecure),
        any("username"),
        any("password"),
        STREAM,
    ],
};

pub(crate) static CREATE: Shape = Shape {
    name: "CreateRequest",
    fields: &[
        TARGET,
        ALIAS,
        STREAM,
        any("quantize"),
        any("quantization"),
        any("draft_quantize"),
        field("from", Kind::Model(ModelRole::Base)),
        field("remote_host", Kind::RemoteHost),
        field("files", Kind::Digests),
        field("draft_files", Kind::Digests),
        field("adapters", Kind::Digests),
        any("template"),
        any("license"),
        any("system"),
        any("parameters"),
        field("messages", Kind::Nested(&MESSAGE)),
        any("renderer"),
        any("parser"),
        any("requires"),
        any("info"),
        // Up to Ollama 0.5.4 these named models, files and blobs in a text of their own.
        field("modelfile", Kind::Ignored),
        field("path", Kind::Ignored),
    ],
};

pub(crate) static COPY: Shape = Shape {
    name: "CopyRequest",
    fields: &[
        field("source", Kind::Model(ModelRole::Source)),
        field("destination", Kind::Model(ModelRole::Destination)),
    ],
};

pub(crate) static DELETE: Shape = Shape { name: "DeleteRequest", fields: &[TARGET, ALIAS] };

pub(crate) static WEB_SEARCH: Shape =
    Shape { name: "WebSearchRequest", fields: &[any("query"), any("max_results")] };

pub(crate) static WEB_FETCH: Shape = Shape { name: "WebFetchRequest", fields: &[any("url")] };
