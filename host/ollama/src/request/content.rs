//! The texts and tools in a body, whichever API it speaks.
//!
//! Texts for the model are found where Ollama reads them; anything else yields nothing. Arguments
//! of calls that a model made before are no texts, and neither are descriptions of tools.
//!
//! Source: Ollama `api/types.go` (`Message.UnmarshalJSON`), `openai/openai.go`,
//! `openai/responses.go` (`FromResponsesRequest`), `anthropic/anthropic.go` (`convertMessage`).

use stockade_core::{Content, Text};

use super::body::JsonBody;
use super::{Body, CanonicalRequest, tools};
use crate::json::{Kind as JsonKind, Value};
use crate::shape::{Field, Kind, Shape};

const USER: &str = "user";
const ASSISTANT: &str = "assistant";
const TOOL: &str = "tool";

impl CanonicalRequest {
    /// Finds the texts and the names of the tools in the body, in their order. Empty texts are
    /// left out.
    pub fn content(&self) -> Content {
        self.found(true)
    }

    /// Finds the names of the tools, and how much text there is, and keeps no text.
    pub fn outline(&self) -> Content {
        self.found(false)
    }

    fn found(&self, keeps_texts: bool) -> Content {
        let mut found = Found { content: Content::default(), keeps_texts };
        match &self.body {
            Body::Json(body) => found.body(body),
            Body::Form(form) => {
                let prompts = form.texts().filter(|(name, _)| *name == "prompt");
                prompts.for_each(|(name, text)| found.push(name, text));
            }
            Body::Empty | Body::Stream => {}
        }
        found.content
    }
}

struct Found {
    content: Content,
    keeps_texts: bool,
}

impl Found {
    fn body(&mut self, body: &JsonBody) {
        for (_, field, value) in body.members() {
            if let Some(field) = field {
                self.field(field, value);
            }
        }
    }

    fn field(&mut self, field: &'static Field, value: Value<'_>) {
        match (field.name, field.kind) {
            ("system" | "instructions", _) => self.texts(Text::SYSTEM, value),
            ("prompt" | "suffix" | "template" | "query" | "url", _) => {
                self.texts(field.name, value);
            }
            ("messages", _) | ("input", Kind::Nested(_)) => self.messages(value),
            ("input", _) => self.texts(field.name, value),
            (_, Kind::Tools(shape)) => self.tools(shape, value),
            _ => {}
        }
    }

    fn push(&mut self, role: &str, text: &str) {
        if text.is_empty() {
            return;
        }
        self.content.prompt.add(role, text);
        if self.keeps_texts {
            self.content.texts.push(Text { role: role.to_owned(), text: text.to_owned() });
        }
    }

    /// Messages, or what stands for one: a text alone is the user's.
    fn messages(&mut self, value: Value<'_>) {
        match value.kind() {
            JsonKind::Object => self.message(value),
            JsonKind::Array => value.elements().for_each(|element| self.messages(element)),
            _ => self.texts(USER, value),
        }
    }

    fn message(&mut self, message: Value<'_>) {
        let role = role_of(message);
        for (key, value) in message.members() {
            match key.as_text().as_deref() {
                Some("content" | "thinking" | "reasoning" | "encrypted_content" | "summary") => {
                    self.texts(&role, value);
                }
                Some("output") => self.texts(TOOL, value),
                _ => {}
            }
        }
    }

    /// A text, a part of a message, or a list of them.
    fn texts(&mut self, role: &str, value: Value<'_>) {
        if let Some(text) = value.as_text() {
            self.push(role, &text);
        }
        value.elements().for_each(|element| self.texts(role, element));
        let is_result =
            |kind: Value<'_>| kind.as_text().is_some_and(|kind| kind.ends_with("tool_result"));
        let result = value.kind() == JsonKind::Object && value.get("type").is_some_and(is_result);
        let role = if result { TOOL } else { role };
        for (key, value) in value.members() {
            if matches!(key.as_text().as_deref(), Some("text" | "thinking" | "content")) {
                self.texts(role, value);
            }
        }
    }

    fn tools(&mut self, shape: &'static Shape, list: Value<'_>) {
        for tool in list.elements() {
            self.content.tools.extend(tools::name(shape, tool).map(std::borrow::Cow::into_owned));
            if let Some(inner) = tool.get("tools") {
                self.tools(shape, inner);
            }
        }
    }
}

/// The role of a message, in lower case as Ollama reads it.
fn role_of(message: Value<'_>) -> String {
    let text = |name| message.get(name).and_then(Value::as_text).filter(|text| !text.is_empty());
    if let Some(role) = text("role") {
        let role = role.to_lowercase();
        return if role == "developer" { Text::SYSTEM.to_owned() } else { role };
    }
    let role = match text("type").as_deref() {
        Some("function_call_output") => TOOL,
        Some("function_call" | "reasoning") => ASSISTANT,
        _ => USER,
    };
    role.to_owned()
}
