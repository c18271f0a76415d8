//! Fields of a form that are left out, forbidden or written.

use bytes::Bytes;
use stockade_core::FieldRule;

use super::Form;
use crate::request::edit::{Demand, Unfit};
use crate::shape::fold::fold;

impl Form {
    /// Changes fields as rules want it; tells whether anything is another now.
    ///
    /// # Errors
    /// A field is forbidden, or a form cannot be changed so.
    pub(in crate::request) fn change(&mut self, rules: &[FieldRule]) -> Result<bool, Unfit> {
        let before = self.texts.clone();
        for rule in rules {
            self.check_rule(rule)?;
            if let FieldRule::Strip(path) = rule {
                self.texts.retain(|(name, _)| fold(name) != fold(path.as_str()));
            }
        }
        for rule in rules {
            if let FieldRule::Insert(path, json) = rule
                && !self.has(path.as_str())
            {
                self.texts.extend(scalar_text(json).map(|text| (path.to_string(), text)));
            }
        }
        Ok(self.texts != before)
    }

    fn check_rule(&self, rule: &FieldRule) -> Result<(), Unfit> {
        let (path, fits) = match rule {
            FieldRule::Forbid(path) if self.has(path.as_str()) => {
                return Err(Unfit::Forbidden(path.to_string()));
            }
            FieldRule::Forbid(path) => (path, true),
            FieldRule::Strip(path) => (path, fold(path.as_str()) != "file"),
            FieldRule::Insert(path, _) => (path, can_be_written(path.as_str())),
            // A form offers no tools.
            FieldRule::StripTools(_) => return Ok(()),
        };
        Demand::of_rule(rule, None)?;
        if fits { Ok(()) } else { Err(Unfit::NotInForm(path.to_string())) }
    }

    fn has(&self, name: &str) -> bool {
        let name = fold(name);
        matches!(&*name, "model" | "file") || self.texts.iter().any(|(text, _)| fold(text) == name)
    }
}

/// Tells whether a name needs no escape, and no reader takes it for another.
fn can_be_written(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || b"_[]".contains(&byte);
    fold(name) != "file" && name.bytes().all(plain)
}

/// A scalar as a form has it; nothing where that is null.
fn scalar_text(json: &str) -> Option<Bytes> {
    match serde_json::from_str(json).ok()? {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text.into()),
        other => Some(other.to_string().into()),
    }
}
