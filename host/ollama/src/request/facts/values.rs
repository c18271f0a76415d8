//! The values of fields, each for itself.

use crate::json::{Kind as JsonKind, Value};
use crate::shape::Kind;

pub(super) fn fits(kind: Kind, value: Value<'_>) -> bool {
    match kind {
        Kind::Model(_)
        | Kind::ModelAlias
        | Kind::Prompt
        | Kind::PartType
        | Kind::ToolType
        | Kind::ThinkingType
        | Kind::Effort
        | Kind::FormatType
        | Kind::RemoteHost => value.is_string(),
        Kind::Stream | Kind::IncludeUsage | Kind::DebugRender | Kind::Insecure => {
            value.as_bool().is_some()
        }
        Kind::Think => value.is_string() || value.as_bool().is_some(),
        Kind::KeepAlive => value.is_string() || value.kind() == JsonKind::Number,
        Kind::Context | Kind::Output | Kind::OutputAlias => {
            value.as_number().is_some_and(|number| number.as_i64().is_some())
        }
        Kind::Input => value.is_string() || value.kind() == JsonKind::Array,
        Kind::Conversation(_) | Kind::Images | Kind::Questions | Kind::Tools(_) => {
            value.kind() == JsonKind::Array
        }
        Kind::Digests | Kind::Options(_) => value.kind() == JsonKind::Object,
        Kind::Any | Kind::Ignored | Kind::Format | Kind::RunnerOption | Kind::Nested(_) => true,
    }
}

pub(super) fn count(list: Value<'_>) -> u32 {
    u32::try_from(list.elements().count()).unwrap_or(u32::MAX)
}

/// `OpenAI`'s `image_url` and `input_image`, Anthropic's `image`.
pub(super) fn is_image(part_type: Value<'_>) -> bool {
    part_type.as_text().is_some_and(|text| matches!(&*text, "image_url" | "input_image" | "image"))
}

pub(super) fn non_empty(value: Value<'_>) -> Option<String> {
    value.as_text().filter(|text| !text.is_empty()).map(std::borrow::Cow::into_owned)
}

/// The number that lets a model produce more; zero and less let it produce without end.
pub(super) fn wider(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    match (one, other) {
        (Some(one), Some(other)) if one > 0 && other > 0 => Some(one.max(other)),
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// The longest level of thinking, in bytes. Ollama's own are shorter.
const LONGEST_LEVEL: usize = 32;

/// Returns what a value says about thinking, and how much that counts beside what another field
/// says; `None` where it is too long.
///
/// Source: Ollama `openai/openai.go` (`FromChatRequest`), `anthropic/anthropic.go`
/// (`FromMessagesRequest`).
pub(super) fn thinking(kind: Kind, value: Value<'_>) -> Option<(u8, String)> {
    if let Some(flag) = value.as_bool() {
        return Some((2, flag.to_string()));
    }
    let text = value.as_text().unwrap_or_default();
    let level = text.trim().to_ascii_lowercase();
    let said = match (kind, &*level) {
        (Kind::ThinkingType, "enabled") => (2, "true".to_owned()),
        (Kind::ThinkingType, "disabled") => (2, "false".to_owned()),
        (Kind::ThinkingType, _) => (0, level),
        (_, "none") => (if matches!(kind, Kind::Effort) { 1 } else { 2 }, "false".to_owned()),
        (Kind::Effort, _) => (1, level),
        (_, _) => (2, level),
    };
    (text.len() <= LONGEST_LEVEL).then_some(said)
}

/// Returns what a value says about the format of the answer.
pub(super) fn format(kind: Kind, value: Value<'_>) -> Option<String> {
    if value.kind() == JsonKind::Object {
        return Some("schema".to_owned());
    }
    let text = value.as_text()?;
    let word = match (kind, &*text.trim().to_ascii_lowercase()) {
        (Kind::Format, "json") | (Kind::FormatType, "json_object") => "json",
        (Kind::FormatType, "json_schema") => "schema",
        _ => return None,
    };
    Some(word.to_owned())
}
