//! A JSON body, written again.

mod edited;

use bytes::Bytes;
use stockade_core::{FieldPath, ModelName, ModelRef};

use super::object::Object;
use crate::json::{Document, ReadLimits, Value};
use crate::route::canonical_digest;
use crate::shape::fold::fold;
use crate::shape::{Field, Kind, Shape};

/// A body that was read, and what is changed in it when it is written.
#[derive(Debug)]
pub(super) struct JsonBody {
    document: Document,
    shape: &'static Shape,
    /// The limits within which it was read.
    limits: ReadLimits,
    asked_for_usage: bool,
    changes: Vec<Change>,
    /// Fields at the top that are not forwarded.
    left_out: Vec<&'static str>,
}

/// A field that gets another value than the caller's.
#[derive(Debug)]
struct Change {
    place: FieldPlace,
    json: String,
}

/// The place of a field: at the top, or in an object that stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FieldPlace {
    parent: Option<&'static str>,
    name: &'static str,
}

impl FieldPlace {
    const INCLUDE_USAGE: Self = Self { parent: Some("stream_options"), name: "include_usage" };

    /// Tells whether a path leads here. Names at the top are compared as Go does, and those in
    /// the maps that stand there exactly.
    pub(super) fn is_at(self, path: &FieldPath) -> bool {
        let mut names = path.names();
        let top = names.next().map(fold);
        let outer = self.parent.unwrap_or(self.name);
        let inner = self.parent.map(|_| self.name);
        top.as_deref() == Some(outer) && names.next() == inner && names.next().is_none()
    }
}

impl JsonBody {
    pub(super) fn new(
        document: Document,
        shape: &'static Shape,
        limits: &ReadLimits,
        asked_for_usage: bool,
    ) -> Self {
        let (changes, left_out) = (Vec::new(), Vec::new());
        Self { document, shape, limits: *limits, asked_for_usage, changes, left_out }
    }

    pub(super) const fn shape(&self) -> &'static Shape {
        self.shape
    }

    /// The limits for a body that has some more fields.
    pub(super) fn limits_with(&self, more: usize) -> ReadLimits {
        let values = more.saturating_mul(2 * FieldPath::DEEPEST);
        ReadLimits { values: self.limits.values.saturating_add(values), ..self.limits }
    }

    /// The bytes of the body as it was read.
    pub(super) fn length(&self) -> usize {
        self.document.length()
    }

    pub(super) fn overhead(&self) -> usize {
        self.document.overhead()
    }

    pub(super) fn asked_for_usage(&self) -> bool {
        self.asked_for_usage
    }

    /// Lets a stream end with the usage, on routes where that can be asked for; false where it
    /// cannot, or where the caller has asked already.
    pub(super) fn ask_for_usage(&mut self) -> bool {
        let can_ask = !self.asked_for_usage && self.shape.field("stream_options").is_some();
        if can_ask {
            self.set(FieldPlace::INCLUDE_USAGE, "true".to_owned());
        }
        can_ask
    }

    /// Writes another value than the caller's, or one where it has none.
    pub(super) fn set(&mut self, place: FieldPlace, json: String) {
        self.changes.push(Change { place, json });
    }

    /// Forwards nothing of what the caller says in a field at the top.
    pub(super) fn leave_out(&mut self, unwanted: fn(Kind) -> bool) {
        let fields = self.shape.fields.iter().filter(|field| unwanted(field.kind));
        self.left_out.extend(fields.map(|field| field.name));
    }

    /// Returns the places where a body of this shape can say something, first the one that
    /// Ollama reads first.
    pub(super) fn places(&self, wanted: fn(Kind) -> bool) -> Vec<FieldPlace> {
        let mut places = Vec::new();
        for field in self.shape.fields {
            let (parent, fields) = match field.kind {
                Kind::Options(inner) => (Some(field.name), inner),
                _ => (None, std::slice::from_ref(field)),
            };
            let wanted = fields.iter().filter(|field| wanted(field.kind));
            places.extend(wanted.map(|field| FieldPlace { parent, name: field.name }));
        }
        places
    }

    /// Returns the caller's value there; `null` is nothing.
    pub(super) fn value(&self, place: FieldPlace) -> Option<Value<'_>> {
        if place.parent.is_none() && self.left_out.contains(&place.name) {
            return None;
        }
        let root = self.document.root();
        let object = place.parent.map_or(Some(root), |parent| root.get(parent))?;
        object.get(place.name).filter(|value| !value.is_null())
    }

    /// The members at the top, but for those that say nothing to Ollama.
    pub(super) fn members(
        &self,
    ) -> impl Iterator<Item = (Value<'_>, Option<&'static Field>, Value<'_>)> {
        self.document.root().members().filter_map(|(key, value)| {
            let field = self.shape.field(&key.as_text()?);
            let silent = |field: &Field| {
                let ignored = matches!(field.kind, Kind::Ignored);
                value.is_null() || ignored || self.left_out.contains(&field.name)
            };
            (!field.is_some_and(silent)).then_some((key, field, value))
        })
    }

    /// The canonical body: the models first, then what the caller says, in its order,
    /// then what is added. `spell` gives the spelling of a model; none has a character that
    /// JSON would escape.
    pub(super) fn write(&self, models: &[ModelRef], spell: fn(&ModelName) -> &str) -> Bytes {
        let mut out = Object::with_capacity(self.document.root().raw().len() + 256);
        for field in self.shape.fields {
            let Kind::Model(role) = field.kind else {
                continue;
            };
            if let Some(model) = models.iter().find(|model| model.role == role) {
                out.key(field.name);
                out.value(format!("\"{}\"", spell(&model.name)).as_bytes());
            }
        }
        for (key, field, value) in self.members() {
            if !field.is_some_and(names_model) {
                out.raw_key(key.raw());
                self.write_value(&mut out, field, value);
            }
        }
        self.write_additions(&mut out);
        out.finish().into()
    }

    fn write_value(&self, out: &mut Object, field: Option<&'static Field>, value: Value<'_>) {
        let Some(field) = field else {
            return out.value(value.raw());
        };
        if let Some(json) = self.change(None, field.name) {
            return out.value(json.as_bytes());
        }
        if matches!(field.kind, Kind::Digests) {
            return out.value(&canonical_digests(value));
        }
        if self.changes_in(field.name).next().is_some() {
            return out.value(&self.changed_object(field.name, Some(value)));
        }
        out.value(value.raw());
    }

    fn change(&self, parent: Option<&str>, name: &str) -> Option<&str> {
        let wanted = |change: &&Change| change.place.parent == parent && change.place.name == name;
        self.changes.iter().find(wanted).map(|change| change.json.as_str())
    }

    fn changes_in(&self, parent: &str) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(move |change| change.place.parent == Some(parent))
    }

    /// The object under a name at the top with its changes, or those alone.
    fn changed_object(&self, parent: &str, object: Option<Value<'_>>) -> Vec<u8> {
        let members = object.into_iter().flat_map(Value::members);
        let mut out = Object::with_capacity(128);
        let mut written = Vec::new();
        for (key, value) in members {
            let name = key.as_text().unwrap_or_default();
            let change = self.change(Some(parent), &name);
            out.raw_key(key.raw());
            out.value(change.map_or(value.raw(), str::as_bytes));
            written.push(name);
        }
        for change in self.changes_in(parent) {
            if !written.iter().any(|name| name == change.place.name) {
                out.key(change.place.name);
                out.value(change.json.as_bytes());
            }
        }
        out.finish()
    }

    /// Writes the fields that the caller did not send.
    fn write_additions(&self, out: &mut Object) {
        let absent = |name: &str| {
            let said = self.document.root().get(name).is_some_and(|value| !value.is_null());
            !said || self.left_out.contains(&name)
        };
        let mut parents = Vec::new();
        for change in &self.changes {
            match change.place.parent {
                None if absent(change.place.name) => {
                    out.key(change.place.name);
                    out.value(change.json.as_bytes());
                }
                Some(parent) if absent(parent) && !parents.contains(&parent) => {
                    parents.push(parent);
                    out.key(parent);
                    out.value(&self.changed_object(parent, None));
                }
                _ => {}
            }
        }
        self.write_output(out);
    }

    /// Writes the field that Ollama does not read under the name that it does read.
    fn write_output(&self, out: &mut Object) {
        let first = |wanted| self.places(wanted).first().copied();
        let output = first(|kind| matches!(kind, Kind::Output));
        let alias = first(|kind| matches!(kind, Kind::OutputAlias));
        let (Some(output), Some(alias)) = (output, alias) else {
            return;
        };
        let said = self.value(output).is_some() || self.change(None, output.name).is_some();
        if let Some(value) = self.value(alias).filter(|_| !said) {
            let change = self.change(None, alias.name);
            out.key(output.name);
            out.value(change.map_or(value.raw(), str::as_bytes));
        }
    }
}

/// Tells whether a field names a model. Those are written from the names that were read.
const fn names_model(field: &Field) -> bool {
    matches!(field.kind, Kind::Model(_) | Kind::ModelAlias)
}

fn canonical_digests(files: Value<'_>) -> Vec<u8> {
    let mut out = Object::with_capacity(files.raw().len());
    for (file, digest) in files.members() {
        let digest = digest.as_text().and_then(|text| canonical_digest(&text));
        out.raw_key(file.raw());
        out.value(format!("\"{}\"", digest.unwrap_or_default()).as_bytes());
    }
    out.finish()
}
