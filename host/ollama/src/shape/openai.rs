//! `OpenAI`'s API, as far as Ollama reads it.

use stockade_core::ModelRole;

use super::{Field, Kind, Shape, any, field};

const MODEL: Field = field("model", Kind::Model(ModelRole::Use));
const STREAM: Field = field("stream", Kind::Stream);
const STREAM_OPTIONS: Field = field("stream_options", Kind::Nested(&STREAM_OPTIONS_SHAPE));
const MAX_TOKENS: Field = field("max_tokens", Kind::Output);
const MAX_COMPLETION_TOKENS: Field = field("max_completion_tokens", Kind::OutputAlias);
const DEBUG_RENDER: Field = field("_debug_render_only", Kind::DebugRender);

static STREAM_OPTIONS_SHAPE: Shape =
    Shape { name: "StreamOptions", fields: &[field("include_usage", Kind::IncludeUsage)] };

pub(crate) static CHAT: Shape = Shape {
    name: "ChatCompletionRequest",
    fields: &[
        MODEL,
        field("messages", Kind::Nested(&MESSAGE)),
        STREAM,
        STREAM_OPTIONS,
        MAX_TOKENS,
        MAX_COMPLETION_TOKENS,
        any("seed"),
        any("stop"),
        any("temperature"),
        any("frequency_penalty"),
        any("presence_penalty"),
        any("top_p"),
        field("response_format", Kind::Nested(&RESPONSE_FORMAT)),
        field("tools", Kind::Tools(&super::native::TOOL)),
        field("reasoning", Kind::Nested(&REASONING)),
        field("reasoning_effort", Kind::Effort),
        any("logprobs"),
        any("top_logprobs"),
        DEBUG_RENDER,
    ],
};

static MESSAGE: Shape = Shape {
    name: "Message",
    fields: &[
        any("role"),
        field("content", Kind::Nested(&PART)),
        any("reasoning"),
        field("tool_calls", Kind::Nested(&TOOL_CALL)),
        any("name"),
        any("tool_call_id"),
    ],
};

/// Ollama reads a part into a map, which is stricter than a struct.
static PART: Shape = Shape {
    name: "content part",
    fields: &[field("type", Kind::PartType), any("text"), any("image_url"), any("input_audio")],
};

static TOOL_CALL: Shape = Shape {
    name: "ToolCall",
    fields: &[
        any("id"),
        any("index"),
        any("type"),
        field("function", Kind::Nested(&CALLED_FUNCTION)),
    ],
};

static CALLED_FUNCTION: Shape =
    Shape { name: "ToolCall function", fields: &[any("name"), any("arguments")] };

static RESPONSE_FORMAT: Shape = Shape {
    name: "ResponseFormat",
    fields: &[field("type", Kind::FormatType), field("json_schema", Kind::Nested(&JSON_SCHEMA))],
};

static JSON_SCHEMA: Shape = Shape { name: "JsonSchema", fields: &[any("schema")] };

static REASONING: Shape = Shape {
    name: "Reasoning",
    fields: &[field("effort", Kind::Think), any("generate_summary"), any("summary")],
};

pub(crate) static COMPLETION: Shape = Shape {
    name: "CompletionRequest",
    fields: &[
        MODEL,
        field("prompt", Kind::Prompt),
        any("frequency_penalty"),
        MAX_TOKENS,
        any("presence_penalty"),
        any("seed"),
        any("stop"),
        STREAM,
        STREAM_OPTIONS,
        any("temperature"),
        any("top_p"),
        any("suffix"),
        any("logprobs"),
        DEBUG_RENDER,
    ],
};

pub(crate) static EMBED: Shape = Shape {
    name: "EmbedRequest",
    fields: &[MODEL, any("input"), any("dimensions"), any("encoding_format")],
};

pub(crate) static RESPONSES: Shape = Shape {
    name: "ResponsesRequest",
    fields: &[
        MODEL,
        any("background"),
        any("conversation"),
        any("include"),
        field("input", Kind::Nested(&RESPONSES_ITEM)),
        any("instructions"),
        field("max_output_tokens", Kind::Output),
        field("reasoning", Kind::Nested(&REASONING)),
        any("temperature"),
        field("text", Kind::Nested(&RESPONSES_TEXT)),
        any("top_p"),
        any("truncation"),
        field("tools", Kind::Tools(&RESPONSES_TOOL)),
        STREAM,
    ],
};

/// A message, a call, its output or a piece of reasoning: Ollama chooses by `type`.
static RESPONSES_ITEM: Shape = Shape {
    name: "ResponsesInput",
    fields: &[
        any("id"),
        any("type"),
        any("role"),
        field("content", Kind::Nested(&RESPONSES_PART)),
        any("call_id"),
        any("name"),
        any("arguments"),
        field("output", Kind::Nested(&RESPONSES_PART)),
        field("summary", Kind::Nested(&RESPONSES_PART)),
        any("encrypted_content"),
    ],
};

static RESPONSES_PART: Shape = Shape {
    name: "ResponsesContent",
    fields: &[
        field("type", Kind::PartType),
        any("text"),
        any("detail"),
        any("file_id"),
        any("image_url"),
        any("file_data"),
        any("file_url"),
        any("filename"),
    ],
};

static RESPONSES_TEXT: Shape = Shape {
    name: "ResponsesText",
    fields: &[field("format", Kind::Nested(&RESPONSES_TEXT_FORMAT))],
};

static RESPONSES_TEXT_FORMAT: Shape = Shape {
    name: "ResponsesTextFormat",
    fields: &[field("type", Kind::FormatType), any("name"), any("schema"), any("strict")],
};

static RESPONSES_TOOL: Shape = Shape {
    name: "ResponsesTool",
    fields: &[
        field("type", Kind::ToolType),
        any("name"),
        any("description"),
        any("strict"),
        any("parameters"),
        field("tools", Kind::Tools(&RESPONSES_TOOL)),
    ],
};
