//! The demands of rules and limits on fields.

use std::borrow::Cow;

use stockade_core::{FieldPath, FieldRule, Limit, ToolSelector};

use crate::json::{Number, Value};
use crate::shape::fold::fold;
use crate::shape::{Field, Kind, Shape};

/// Fields that name a model on some route. What is judged and forwarded there is the gateway's.
const NAMES_MODEL: [&str; 5] = ["model", "name", "source", "destination", "from"];
/// Fields into which nothing is written: they decide how the answer is read, or name blobs.
const NEVER_WRITTEN: [&str; 4] = ["stream", "files", "draft_files", "adapters"];
/// The field with the tools that a request offers, in every API.
const TOOLS: &str = "tools";
/// The reason why a rule for a field refuses the request. The texts are for the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::request) enum Unfit {
    #[error("the field {0:?} is not allowed for you; leave it out")]
    Forbidden(String),
    #[error("a policy changes the field {0:?}, which names a model and is never changed so")]
    NamesModel(String),
    #[error("a policy writes the field {0:?}, which no policy may write")]
    NeverWritten(String),
    #[error("a policy writes a value into the field {0:?} that is no JSON, an object or a list")]
    NotScalar(String),
    #[error("a policy writes the field {0:?}, which is inside of what is no object here")]
    NoObject(String),
    #[error("a policy writes the field {0:?}, and that or another forbids what it is part of")]
    WrittenAndForbidden(String),
    #[error("a policy writes the field {0:?}, and that or another writes something inside of it")]
    WrittenTwice(String),
    #[error("policies write or limit the field {0:?} by different names, which is not done")]
    NamedTwice(String),
    #[error("the field {0:?} must be a whole number: a policy limits it")]
    NotWhole(String),
    #[error("a policy changes the request to one that cannot be read: {0}")]
    Unreadable(String),
    #[error("a policy changes the field {0:?}, which a form needs or cannot have")]
    NotInForm(String),
}

/// The demands on one field.
#[derive(Clone, Copy, Debug)]
pub(in crate::request) struct Demand<'a> {
    /// The whole path, for messages.
    pub(super) path: &'a str,
    /// The names that are left of it, from the object at hand on.
    pub(super) rest: &'a str,
    pub(super) action: Action<'a>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Action<'a> {
    Strip,
    Forbid,
    Write(Write<'a>),
    /// Those, among tools of this shape.
    StripTools(&'static Shape, &'a ToolSelector),
}

/// The value that is written into a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write<'a> {
    /// This, where it says nothing.
    Insert(&'a str),
    /// The nearest number within the limit, and this one where it says nothing.
    Limit(&'a Limit, Option<i64>),
}

impl<'a> Demand<'a> {
    fn new(path: &'a FieldPath, action: Action<'a>) -> Self {
        Self { path: path.as_str(), rest: path.as_str(), action }
    }

    /// Returns what a rule demands; nothing where it can change nothing. `tools` is the shape of
    /// the tools in the body, where it can have some.
    pub(in crate::request) fn of_rule(
        rule: &'a FieldRule,
        tools: Option<&'static Shape>,
    ) -> Result<Option<Self>, Unfit> {
        match rule {
            FieldRule::Forbid(path) => Ok(Some(Self::new(path, Action::Forbid))),
            FieldRule::Strip(path) => {
                refuse_model(path)?;
                Ok(Some(Self::new(path, Action::Strip)))
            }
            FieldRule::Insert(path, json) => Self::of_insert(path, json),
            FieldRule::StripTools(selector) => Ok(tools.map(|shape| {
                let action = Action::StripTools(shape, selector);
                Self { path: TOOLS, rest: TOOLS, action }
            })),
        }
    }

    fn of_insert(path: &'a FieldPath, json: &'a str) -> Result<Option<Self>, Unfit> {
        refuse_model(path)?;
        let text = || path.as_str().to_owned();
        if NEVER_WRITTEN.contains(&&*top_of(path)) {
            return Err(Unfit::NeverWritten(text()));
        }
        match scalar(json) {
            None => Err(Unfit::NotScalar(text())),
            // A field that is null says nothing, as one that is not there.
            Some("null") => Ok(None),
            Some(json) => Ok(Some(Self::new(path, Action::Write(Write::Insert(json))))),
        }
    }

    /// Returns what a limit of a number demands. It is written only into bodies whose shape has
    /// the field, or the object that it is in.
    pub(in crate::request) fn of_limit(
        path: &'a FieldPath,
        limit: &'a Limit,
        shape: &Shape,
    ) -> Self {
        let field = path.names().next().and_then(|name| shape.field(name));
        let has_room =
            |field: &Field| matches!(field.kind, Kind::Any | Kind::Options(_) | Kind::Nested(_));
        let insert = limit.inserted().filter(|_| field.is_some_and(has_room));
        Self::new(path, Action::Write(Write::Limit(limit, insert)))
    }

    /// The same, of another field at the top.
    pub(in crate::request) const fn of_field(self, name: &'static str) -> Self {
        Self { path: name, rest: name, action: self.action }
    }

    /// The name at the top of the body.
    pub(in crate::request) fn top(&self) -> &str {
        self.path.split_once('.').map_or(self.path, |(name, _)| name)
    }

    pub(in crate::request) fn is_of(&self, name: &str) -> bool {
        fold(self.rest) == name
    }

    pub(in crate::request) const fn strips(&self) -> bool {
        matches!(self.action, Action::Strip)
    }

    pub(in crate::request) const fn inserts(&self) -> bool {
        matches!(self.action, Action::Write(Write::Insert(_)))
    }

    pub(super) const fn writes(&self) -> bool {
        matches!(self.action, Action::Write(Write::Insert(_) | Write::Limit(_, Some(_))))
    }
}

/// The name at the top of the body to which a path leads, as Go compares it.
fn top_of(path: &FieldPath) -> Cow<'_, str> {
    fold(path.names().next().unwrap_or_default())
}

fn refuse_model(path: &FieldPath) -> Result<(), Unfit> {
    if NAMES_MODEL.contains(&&*top_of(path)) {
        return Err(Unfit::NamesModel(path.as_str().to_owned()));
    }
    Ok(())
}

/// The text of a JSON value that is no object and no list.
fn scalar(json: &str) -> Option<&str> {
    let value: serde_json::Value = serde_json::from_str(json).ok()?;
    (!value.is_object() && !value.is_array()).then(|| json.trim())
}

impl Write<'_> {
    /// Returns the JSON that takes the place of a value, where that is another one.
    pub(super) fn replacement(
        self,
        value: Option<Value<'_>>,
        path: &str,
    ) -> Result<Option<Vec<u8>>, Unfit> {
        let said = value.filter(|value| !value.is_null());
        Ok(match (self, said) {
            (Self::Insert(_), Some(_)) => None,
            (Self::Insert(json), None) => Some(json.into()),
            (Self::Limit(_, insert), None) => insert.map(|number| number.to_string().into()),
            (Self::Limit(limit, _), Some(value)) => {
                let number = value.as_number().and_then(Number::as_i64);
                let number = number.ok_or_else(|| Unfit::NotWhole(path.to_owned()))?;
                let nearest = limit.nearest(number);
                (nearest != number).then(|| nearest.to_string().into())
            }
        })
    }
}
