//! Anthropic's API, as far as Ollama reads it.

use stockade_core::ModelRole;

use super::{Kind, Shape, any, field};

pub(crate) static MESSAGES: Shape = Shape {
    name: "MessagesRequest",
    fields: &[
        field("model", Kind::Model(ModelRole::Use)),
        field("max_tokens", Kind::Output),
        field("messages", Kind::Nested(&MESSAGE)),
        field("system", Kind::Nested(&BLOCK)),
        field("stream", Kind::Stream),
        any("temperature"),
        any("top_p"),
        any("top_k"),
        any("stop_sequences"),
        field("tools", Kind::Tools(&TOOL)),
        field("tool_choice", Kind::Nested(&TOOL_CHOICE)),
        field("thinking", Kind::Nested(&THINKING)),
        field("metadata", Kind::Nested(&METADATA)),
        field("output_config", Kind::Nested(&OUTPUT_CONFIG)),
    ],
};

static MESSAGE: Shape =
    Shape { name: "MessageParam", fields: &[any("role"), field("content", Kind::Nested(&BLOCK))] };

/// The content of a tool's result is made of blocks again.
static BLOCK: Shape = Shape {
    name: "ContentBlock",
    fields: &[
        field("type", Kind::PartType),
        any("text"),
        any("citations"),
        field("source", Kind::Nested(&IMAGE_SOURCE)),
        any("id"),
        any("name"),
        any("input"),
        any("tool_use_id"),
        field("content", Kind::Nested(&BLOCK)),
        any("is_error"),
        any("thinking"),
        any("signature"),
    ],
};

static IMAGE_SOURCE: Shape = Shape {
    name: "ImageSource",
    fields: &[any("type"), any("media_type"), any("data"), any("url")],
};

static TOOL: Shape = Shape {
    name: "Tool",
    fields: &[
        field("type", Kind::ToolType),
        any("name"),
        any("description"),
        any("input_schema"),
        any("max_uses"),
    ],
};

static TOOL_CHOICE: Shape = Shape {
    name: "ToolChoice",
    fields: &[any("type"), any("name"), any("disable_parallel_tool_use")],
};

static THINKING: Shape = Shape {
    name: "ThinkingConfig",
    fields: &[field("type", Kind::ThinkingType), any("budget_tokens")],
};

static METADATA: Shape = Shape { name: "Metadata", fields: &[any("user_id")] };

static OUTPUT_CONFIG: Shape =
    Shape { name: "OutputConfig", fields: &[field("effort", Kind::Effort)] };
