//! The tools that a request offers: their names, and the request without some of them.

use std::borrow::Cow;

use stockade_core::ToolSelector;

use super::object::Object;
use crate::json::{Kind as JsonKind, Value};
use crate::shape::Shape;

/// The rest of a list of tools, or of one tool with tools in it.
#[derive(Debug)]
pub(super) enum Rest {
    /// All of it, as it was.
    All,
    /// This, as JSON.
    Some(Vec<u8>),
    /// Nothing.
    Nothing,
}

/// Returns the name of a tool, as policies are told it. One without a name is one of Ollama's own,
/// called by its type.
pub(super) fn name<'v>(shape: &Shape, tool: Value<'v>) -> Option<Cow<'v, str>> {
    let function = tool.get("function").filter(|_| shape.field("function").is_some());
    let name = function.unwrap_or(tool).get("name").or_else(|| {
        let own = tool.get("type")?;
        (own.as_text()? != "function").then_some(own)
    });
    name.and_then(Value::as_text)
}

/// Tells whether Ollama searches the web for a tool of this type. Anthropic's have a date behind
/// the name: `web_search_20250305`.
pub(super) fn is_web_search(tool_type: Value<'_>) -> bool {
    tool_type.as_text().is_some_and(|text| text.starts_with("web_search"))
}

/// Tools that are left out of those that a request offers.
#[derive(Debug)]
pub(super) struct Unwanted<'a> {
    shape: &'static Shape,
    selectors: Vec<&'a ToolSelector>,
}

impl<'a> Unwanted<'a> {
    /// None so far, among tools of a shape.
    pub(super) const fn new(shape: &'static Shape) -> Self {
        Self { shape, selectors: Vec::new() }
    }

    pub(super) fn add(&mut self, selector: &'a ToolSelector) {
        self.selectors.push(selector);
    }

    /// Returns what is left of a list of tools, those that stand in others included. A tool in
    /// which none is left is none.
    pub(super) fn rest_of(&self, list: Value<'_>) -> Rest {
        let (mut all, mut kept) = (true, Vec::new());
        for tool in list.elements() {
            match self.rest_of_tool(tool) {
                Rest::All => kept.push(Cow::Borrowed(tool.raw())),
                Rest::Some(json) => {
                    all = false;
                    kept.push(Cow::Owned(json));
                }
                Rest::Nothing => all = false,
            }
        }
        match &kept[..] {
            _ if all => Rest::All,
            [] => Rest::Nothing,
            kept => Rest::Some([b"[", &kept.join(&b","[..])[..], b"]"].concat()),
        }
    }

    fn rest_of_tool(&self, tool: Value<'_>) -> Rest {
        if tool.kind() == JsonKind::Array {
            return self.rest_of(tool);
        }
        if self.has(tool) {
            return Rest::Nothing;
        }
        match tool.get("tools").map(|inner| self.rest_of(inner)) {
            None | Some(Rest::All) => Rest::All,
            Some(Rest::Nothing) => Rest::Nothing,
            Some(Rest::Some(json)) => Rest::Some(with_tools(tool, &json)),
        }
    }

    fn has(&self, tool: Value<'_>) -> bool {
        self.selectors.iter().any(|selector| match selector {
            ToolSelector::WebSearch => tool.get("type").is_some_and(is_web_search),
            ToolSelector::Named(wanted) => {
                name(self.shape, tool).is_some_and(|name| name == **wanted)
            }
        })
    }
}

/// A tool with other tools in it.
fn with_tools(tool: Value<'_>, json: &[u8]) -> Vec<u8> {
    let mut out = Object::with_capacity(tool.raw().len());
    for (key, value) in tool.members() {
        let is_tools = key.as_text().is_some_and(|key| key == "tools");
        out.member(key.raw(), if is_tools { json } else { value.raw() });
    }
    out.finish()
}
