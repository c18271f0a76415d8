//! The models that a body names.

use stockade_core::{ModelName, ModelRef, ModelRole};

use super::Walk;
use crate::json::{JsonError, Problem, Value};
use crate::shape::{Field, Kind, Shape};

impl<'a> Walk<'a> {
    /// An empty name is an absent one: Ollama's own client sends both spellings, one of
    /// them empty.
    pub(super) fn model(
        &mut self,
        field: &'static Field,
        value: Value<'a>,
    ) -> Result<(), JsonError> {
        let spelling = value.as_text().unwrap_or_default();
        if spelling.is_empty() {
            return Ok(());
        }
        let name = ModelName::parse(&spelling).map_err(|invalid| {
            let reason = invalid.to_string();
            let field = field.name;
            self.error(Problem::Value { field, reason }, value)
        })?;
        match field.kind {
            Kind::Model(role) => self.facts.models.push(ModelRef { name, role }),
            _ => self.alias = Some((name, value)),
        }
        Ok(())
    }

    /// Each field that names a model must name one, except the base of a new one.
    pub(super) fn require_models(&mut self, shape: &'static Shape) -> Result<(), JsonError> {
        if let Some((name, at)) = self.alias.take() {
            self.merge_alias(shape, name, at)?;
        }
        for field in shape.fields {
            let Kind::Model(role) = field.kind else {
                continue;
            };
            let named = self.facts.models.iter().any(|model| model.role == role);
            if !named && role != ModelRole::Base {
                let (field, reason) = (field.name, "a model name is required".to_owned());
                let root = self.document.root();
                return Err(self.error(Problem::Value { field, reason }, root));
            }
        }
        Ok(())
    }

    fn merge_alias(
        &mut self,
        shape: &'static Shape,
        name: ModelName,
        at: Value<'a>,
    ) -> Result<(), JsonError> {
        let Some(Kind::Model(role)) = shape.field("model").map(|field| field.kind) else {
            return Ok(());
        };
        match self.facts.models.iter().find(|model| model.role == role) {
            Some(model) if model.name == name => Ok(()),
            Some(_) => {
                let reason = "another model than the field model names; send model only".to_owned();
                Err(self.error(Problem::Value { field: "name", reason }, at))
            }
            None => {
                self.facts.models.insert(0, ModelRef { name, role });
                Ok(())
            }
        }
    }
}
