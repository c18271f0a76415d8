//! A request that a policy changes, to be judged again as it is then.

use std::mem;

use stockade_core::{FieldRule, ModelName};

use super::edit::Unfit;
use super::{Body, CanonicalRequest};
use crate::route::PathValue;

impl CanonicalRequest {
    /// Puts another model in the place of the one that the request names, if there is another, and
    /// changes fields as rules want it. Tells whether the request is another one now; what it says
    /// about itself is then what will be forwarded.
    ///
    /// All that is to be left out is left out before anything is written, so that a field of which
    /// both is wanted gets that value.
    ///
    /// # Errors
    /// The reason for the caller, where it cannot be changed so. It is not to be forwarded then.
    pub fn change(
        &mut self,
        model: Option<&ModelName>,
        fields: &[FieldRule],
    ) -> Result<bool, String> {
        let other_fields = self.change_fields(fields).map_err(|unfit| unfit.to_string())?;
        let Some(model) = model else {
            return Ok(other_fields);
        };
        let other_model = !matches!(&self.models[..], [named] if named.name == *model);
        self.replace_model(model)?;
        Ok(other_fields || other_model)
    }

    fn change_fields(&mut self, rules: &[FieldRule]) -> Result<bool, Unfit> {
        let changed = match &mut self.body {
            Body::Json(body) => {
                let limits = body.limits_with(rules.len());
                body.changed(rules)?.map(|changed| (changed, body.shape(), limits))
            }
            Body::Form(form) => return form.change(rules),
            Body::Empty | Body::Stream => None,
        };
        let Some((body, shape, limits)) = changed else {
            return Ok(false);
        };
        let read = Self::understand(self.route, shape, body, &limits)
            .map_err(|error| Unfit::Unreadable(error.to_string()))?;
        let mut foreign = mem::take(&mut self.parameters.foreign_digests);
        // The models stay: no rule is about a field that names one, and one may be replaced.
        (self.operation, self.parameters, self.body) = (read.operation, read.parameters, read.body);
        // It is not in the body whose blobs those are.
        foreign.retain(|digest| self.parameters.digests.contains(digest));
        self.parameters.foreign_digests = foreign;
        Ok(true)
    }

    /// Puts another model in the place of the one that the request names.
    ///
    /// # Errors
    /// The reason for the caller, where the request names several models or none, or its
    /// route has no way to write that one.
    pub fn replace_model(&mut self, by: &ModelName) -> Result<(), String> {
        let [model] = &mut self.models[..] else {
            return Err(several_models(self.models.len()));
        };
        model.name = by.clone();
        if matches!(self.value, PathValue::Model(_)) {
            self.value = PathValue::model(by.clone()).map_err(|reason| {
                format!("a policy replaces the model by one that this route cannot name: {reason}")
            })?;
        }
        Ok(())
    }
}

/// The reason why the model of a request cannot be replaced, for the caller.
pub fn several_models(count: usize) -> String {
    format!("a policy replaces the model, but this request names {count} models")
}
