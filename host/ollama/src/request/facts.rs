//! The facts in a body, read along its shape.

mod models;
mod values;

use stockade_core::{ModelName, ModelRef, ModelRole, Parameters};

use super::bounds::{self, MOST_IMAGES, MOST_TOOLS, Named, QUESTIONS};
use super::keep_alive;
use super::tools::is_web_search;
use crate::json::{Document, JsonError, Kind as JsonKind, Number, Problem, Value};
use crate::route::canonical_digest;
use crate::shape::fold::fold;
use crate::shape::{Field, Kind, Shape};
use crate::work;
use values::{count, fits, is_image, non_empty, wider};

/// The facts in a body that count for the gateway.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) models: Vec<ModelRef>,
    pub(super) parameters: Parameters,
    /// The caller's wish about streaming.
    pub(super) stream: Option<bool>,
    /// True if the caller asks for the usage at the end of a stream.
    pub(super) include_usage: bool,
    /// True if the request has nothing that a model could answer.
    pub(super) only_loads: bool,
    /// The bytes of images, and of the objects around them.
    pub(super) image_bytes: usize,
}

impl Facts {
    /// Reads a body of a shape.
    ///
    /// # Errors
    /// A field that matters has a value that it cannot have, a key is not a field but
    /// Ollama would take it for one, or a model is missing.
    pub(super) fn read(document: &Document, shape: &'static Shape) -> Result<Self, JsonError> {
        let mut walk = Walk {
            document,
            facts: Self::default(),
            alias: None,
            input: false,
            think: None,
            named: Named::default(),
        };
        walk.object(shape, document.root())?;
        walk.require_models(shape)?;
        walk.sort_digests();
        let mut facts = walk.facts;
        facts.parameters.think = walk.think.map(|(_, said)| said);
        facts.parameters.runner_options.sort_unstable();
        facts.only_loads = !walk.input && shape.fields.iter().any(is_input);
        Ok(facts)
    }
}

const fn is_input(field: &Field) -> bool {
    matches!(field.kind, Kind::Prompt | Kind::Input | Kind::Conversation(_))
}

struct Walk<'a> {
    document: &'a Document,
    facts: Facts,
    /// The model under its older name, and where.
    alias: Option<(ModelName, Value<'a>)>,
    /// True if there is something to answer.
    input: bool,
    /// A word about thinking, and its weight.
    think: Option<(u8, String)>,
    /// The number of things named so far.
    named: Named,
}

impl<'a> Walk<'a> {
    fn object(&mut self, shape: &'static Shape, object: Value<'a>) -> Result<(), JsonError> {
        self.named.object().map_err(|problem| self.error(problem, object))?;
        let mut unknown = Vec::new();
        for (key, value) in object.members() {
            let name = key.as_text().unwrap_or_default();
            if key.kind() == JsonKind::EscapedString {
                return Err(self.error(Problem::EscapedKey(name.into_owned()), key));
            }
            if let Some(field) = shape.field(&name) {
                if matches!(field.kind, Kind::PartType) && is_image(value) {
                    self.facts.image_bytes += object.raw().len();
                }
                self.field(field, value)?;
                continue;
            }
            if shape.names_blobs() {
                self.digests_anywhere(value);
            }
            unknown.push((fold(&name).into_owned(), key));
        }
        self.refuse_folding(shape, unknown)
    }

    fn refuse_folding(
        &self,
        shape: &'static Shape,
        mut unknown: Vec<(String, Value<'a>)>,
    ) -> Result<(), JsonError> {
        let known = unknown.iter().find(|(folded, _)| shape.field(folded).is_some());
        if let Some((folded, key)) = known {
            return Err(self.folds(*key, folded.clone()));
        }
        unknown.sort_by(|one, other| {
            work::step(1);
            one.0.cmp(&other.0)
        });
        let twins = unknown.windows(2).find(|pair| pair[0].0 == pair[1].0);
        match twins {
            Some([one, other]) => {
                let known = one.1.as_text().unwrap_or_default().into_owned();
                Err(self.folds(other.1, known))
            }
            _ => Ok(()),
        }
    }

    fn folds(&self, key: Value<'a>, known: String) -> JsonError {
        let text = key.as_text().unwrap_or_default().into_owned();
        self.error(Problem::Folds { key: text, known }, key)
    }

    fn error(&self, problem: Problem, at: Value<'a>) -> JsonError {
        self.document.error(problem, at)
    }

    fn field(&mut self, field: &'static Field, value: Value<'a>) -> Result<(), JsonError> {
        if value.is_null() && !matches!(field.kind, Kind::Model(role) if role != ModelRole::Base) {
            return Ok(());
        }
        if let Some(expected) = field.kind.expected().filter(|_| !fits(field.kind, value)) {
            let field = field.name;
            return Err(self.error(Problem::Type { field, expected }, value));
        }
        if !field.kind.is_free() && value.had_half() {
            return Err(self.error(Problem::Surrogate, value));
        }
        match field.kind {
            Kind::Model(_) | Kind::ModelAlias => self.model(field, value),
            Kind::KeepAlive => self.keep_alive(field, value),
            Kind::Digests => self.digests(field, value),
            Kind::Conversation(shape) => {
                self.input |= !value.is_empty();
                self.nested(shape, value)
            }
            Kind::Tools(shape) => {
                let tools = &mut self.facts.parameters.tools;
                *tools = tools.saturating_add(count(value));
                self.bounded("tools", self.facts.parameters.tools, MOST_TOOLS, value)?;
                self.nested(shape, value)
            }
            Kind::Questions => self.questions(field, value),
            Kind::Nested(shape) => self.nested(shape, value),
            Kind::Options(fields) => self.options(fields, value),
            Kind::RunnerOption => {
                self.facts.parameters.runner_options.push(field.name.to_owned());
                Ok(())
            }
            Kind::Think | Kind::ThinkingType | Kind::Effort => self.thinking(field, value),
            _ => {
                self.plain(field.kind, value);
                self.bounded("images", self.facts.parameters.images, MOST_IMAGES, value)
            }
        }
    }

    fn bounded(
        &self,
        what: &'static str,
        number: u32,
        most: usize,
        at: Value<'a>,
    ) -> Result<(), JsonError> {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        bounds::check(what, number, most).map_err(|problem| self.error(problem, at))
    }

    fn questions(&self, field: &'static Field, list: Value<'a>) -> Result<(), JsonError> {
        if QUESTIONS.contains(&list.elements().count()) {
            return Ok(());
        }
        let (least, most) = (QUESTIONS.start(), QUESTIONS.end());
        let reason = format!("ask {least} to {most} questions");
        Err(self.error(Problem::Value { field: field.name, reason }, list))
    }

    /// Fields whose value says all.
    fn plain(&mut self, kind: Kind, value: Value<'a>) {
        let parameters = &mut self.facts.parameters;
        let number = || value.as_number().and_then(Number::as_i64);
        let flag = value.as_bool() == Some(true);
        match kind {
            Kind::Prompt | Kind::Input => self.input |= !value.is_empty(),
            Kind::Stream => self.facts.stream = value.as_bool(),
            Kind::IncludeUsage => self.facts.include_usage |= flag,
            Kind::DebugRender => parameters.debug_render |= flag,
            Kind::Insecure => parameters.insecure |= flag,
            Kind::Context => parameters.context = number(),
            Kind::Output | Kind::OutputAlias => {
                parameters.output = wider(parameters.output, number());
            }
            Kind::Images => {
                parameters.images = parameters.images.saturating_add(count(value));
                self.facts.image_bytes += value.raw().len();
            }
            Kind::PartType => parameters.images += u32::from(is_image(value)),
            Kind::ToolType => parameters.web_search |= is_web_search(value),
            Kind::RemoteHost => parameters.remote_host = non_empty(value),
            Kind::Format | Kind::FormatType => {
                parameters.format = values::format(kind, value).or(parameters.format.take());
            }
            _ => {}
        }
    }

    fn nested(&mut self, shape: &'static Shape, value: Value<'a>) -> Result<(), JsonError> {
        match value.kind() {
            JsonKind::Object => self.object(shape, value),
            JsonKind::Array => value.elements().try_for_each(|element| self.nested(shape, element)),
            _ => Ok(()),
        }
    }

    fn options(&mut self, fields: &'static [Field], map: Value<'a>) -> Result<(), JsonError> {
        for (key, value) in map.members() {
            let name = key.as_text().unwrap_or_default();
            if let Some(field) = fields.iter().find(|field| field.name == name) {
                self.field(field, value)?;
            }
        }
        Ok(())
    }

    fn thinking(&mut self, field: &'static Field, value: Value<'a>) -> Result<(), JsonError> {
        if value.is_empty() {
            return Ok(());
        }
        let said = values::thinking(field.kind, value).ok_or_else(|| {
            let reason = "this is longer than any level; send one such as \"high\"".to_owned();
            let field = field.name;
            self.error(Problem::Value { field, reason }, value)
        })?;
        if self.think.as_ref().is_none_or(|(weight, _)| *weight < said.0) {
            self.think = Some(said);
        }
        Ok(())
    }

    fn keep_alive(&mut self, field: &'static Field, value: Value<'a>) -> Result<(), JsonError> {
        let seconds = keep_alive::of_value(value).map_err(|invalid| {
            let reason = invalid.to_string();
            let field = field.name;
            self.error(Problem::Value { field, reason }, value)
        })?;
        self.facts.parameters.keep_alive = Some(seconds);
        Ok(())
    }

    fn digests(&mut self, field: &'static Field, files: Value<'a>) -> Result<(), JsonError> {
        for (_, value) in files.members() {
            self.named.digest().map_err(|problem| self.error(problem, value))?;
            let digest = value.as_text().and_then(|text| canonical_digest(&text));
            let digest = digest.ok_or_else(|| {
                let reason = "each file needs sha256: and 64 hexadecimal digits".to_owned();
                let field = field.name;
                self.error(Problem::Value { field, reason }, value)
            })?;
            self.facts.parameters.digests.push(digest);
        }
        Ok(())
    }

    /// Blobs that are named in a field which is newer than the shape, as a value or a key.
    fn digests_anywhere(&mut self, value: Value<'a>) {
        let digest = |text: Value<'_>| text.as_text().and_then(|text| canonical_digest(&text));
        self.facts.parameters.digests.extend(digest(value));
        for (key, value) in value.members() {
            self.facts.parameters.digests.extend(digest(key));
            self.digests_anywhere(value);
        }
        for value in value.elements() {
            self.digests_anywhere(value);
        }
    }

    /// Each blob once, in the order of their digests.
    fn sort_digests(&mut self) {
        self.facts.parameters.digests.sort_unstable();
        self.facts.parameters.digests.dedup();
    }
}
