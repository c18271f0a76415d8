//! Fields of a JSON body that are left out, forbidden, written or limited, by their path.
//!
//! A path goes through objects only. Names are compared as Ollama compares them: as Go does where
//! it reads into structs and where nobody knows, exactly where it reads into maps.

use std::borrow::Cow;
use std::collections::BTreeMap;

use stockade_core::{FieldPath, FieldRule, Limit};

use super::object::Object;
use crate::json::{Number, Value};
use crate::shape::fold::fold;
use crate::shape::{Kind, Shape};

/// Fields that name a model on some route. What is judged and forwarded there is the gateway's.
const NAMES_MODEL: [&str; 5] = ["model", "name", "source", "destination", "from"];
/// Fields into which nothing is written: they decide how the answer is read, or name blobs.
const NEVER_WRITTEN: [&str; 4] = ["stream", "files", "draft_files", "adapters"];
/// Lists, whose elements have no path.
const LISTS: [&str; 2] = ["tools", "messages"];

/// The reason why a rule for a field refuses the request. The texts are for the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfit {
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
    #[error("the field {0:?} must be a whole number: a policy limits it")]
    NotWhole(String),
    #[error("a policy changes the request to one that cannot be read: {0}")]
    Unreadable(String),
    #[error("a policy changes the field {0:?}, which a form needs or cannot have")]
    NotInForm(String),
}

/// What is demanded of one field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demand<'a> {
    /// The whole path, for messages.
    path: &'a str,
    /// The names that are left of it, from the object at hand on.
    rest: &'a str,
    action: Action<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Action<'a> {
    Strip,
    Forbid,
    Write(Write<'a>),
}

/// The value that is written into a field.
#[derive(Clone, Copy, Debug)]
enum Write<'a> {
    /// This, where it says nothing.
    Insert(&'a str),
    /// The nearest number within the limit, and this one where it says nothing.
    Limit(&'a Limit, Option<i64>),
}

impl<'a> Demand<'a> {
    fn new(path: &'a FieldPath, action: Action<'a>) -> Self {
        Self { path: path.as_str(), rest: path.as_str(), action }
    }

    /// Returns what a rule demands; nothing where it can change nothing.
    pub(super) fn of_rule(rule: &'a FieldRule) -> Result<Option<Self>, Unfit> {
        let path = rule.path();
        let name = fold(path.names().next().unwrap_or_default());
        let text = || path.as_str().to_owned();
        if rule.changes() && NAMES_MODEL.contains(&&*name) {
            return Err(Unfit::NamesModel(text()));
        }
        Ok(Some(match rule {
            FieldRule::Strip(path) => Self::new(path, Action::Strip),
            FieldRule::Forbid(path) => Self::new(path, Action::Forbid),
            FieldRule::Insert(..) if NEVER_WRITTEN.contains(&&*name) => {
                return Err(Unfit::NeverWritten(text()));
            }
            FieldRule::Insert(path, json) => match scalar(json) {
                None => return Err(Unfit::NotScalar(text())),
                // A field that is null says nothing, as one that is not there.
                Some("null") => return Ok(None),
                Some(json) => Self::new(path, Action::Write(Write::Insert(json))),
            },
        }))
    }

    /// Returns what a limit of a number demands. It is written only into bodies whose shape has
    /// the field, or the object that it is in.
    pub(super) fn of_limit(path: &'a FieldPath, limit: &'a Limit, shape: &Shape) -> Self {
        let known = path.names().next().is_some_and(|name| shape.field(name).is_some());
        let insert = limit.inserted().filter(|_| known);
        Self::new(path, Action::Write(Write::Limit(limit, insert)))
    }

    /// The same, of another field at the top.
    pub(super) const fn of_field(self, name: &'static str) -> Self {
        Self { path: name, rest: name, action: self.action }
    }

    pub(super) fn is_of(&self, name: &str) -> bool {
        fold(self.rest) == name
    }

    pub(super) const fn strips(&self) -> bool {
        matches!(self.action, Action::Strip)
    }

    pub(super) const fn inserts(&self) -> bool {
        matches!(self.action, Action::Write(Write::Insert(_)))
    }

    const fn writes(&self) -> bool {
        matches!(self.action, Action::Write(Write::Insert(_) | Write::Limit(_, Some(_))))
    }
}

/// The text of a JSON value that is no object and no list.
pub(super) fn scalar(json: &str) -> Option<&str> {
    let value: serde_json::Value = serde_json::from_str(json).ok()?;
    (!value.is_object() && !value.is_array()).then(|| json.trim())
}

impl Write<'_> {
    /// Returns the JSON that takes the place of a value, where that is another one.
    fn replacement(self, value: Option<Value<'_>>, path: &str) -> Result<Option<Vec<u8>>, Unfit> {
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

/// The way in which Ollama compares the names in an object.
#[derive(Clone, Copy, Debug)]
pub(super) enum Names {
    /// As Go does, in an object of this shape.
    Of(&'static Shape),
    /// As Go does, in an object that nobody knows here.
    Unknown,
    /// Exactly.
    Exact,
}

impl Names {
    fn key(self, name: &str) -> Cow<'_, str> {
        match self {
            Self::Exact => Cow::Borrowed(name),
            Self::Of(_) | Self::Unknown => fold(name),
        }
    }

    /// The comparison inside of a field; `None` where nothing in it has a path.
    fn inside(self, key: &str) -> Option<Self> {
        let Self::Of(shape) = self else {
            return Some(self);
        };
        match shape.field(key).map(|field| field.kind) {
            _ if LISTS.contains(&key) => None,
            Some(Kind::Nested(shape)) => Some(Self::Of(shape)),
            Some(_) => Some(Self::Exact),
            None => Some(Self::Unknown),
        }
    }
}

/// What is demanded of one field of an object, and inside of it.
#[derive(Debug, Default)]
struct Group<'a> {
    name: &'a str,
    path: &'a str,
    strip: bool,
    forbidden: bool,
    write: Option<Write<'a>>,
    inside: Vec<Demand<'a>>,
    found: bool,
}

impl<'a> Group<'a> {
    fn add(&mut self, demand: Demand<'a>) {
        let (name, rest) = match demand.rest.split_once('.') {
            Some((name, rest)) => (name, Some(rest)),
            None => (demand.rest, None),
        };
        self.name = name;
        if let Some(rest) = rest {
            self.inside.push(Demand { rest, ..demand });
            return;
        }
        self.path = demand.path;
        match demand.action {
            Action::Strip => self.strip = true,
            Action::Forbid => self.forbidden = true,
            Action::Write(write) => self.write = Some(write),
        }
    }

    fn check(&self) -> Result<(), Unfit> {
        let inside = self.inside.iter().find(|demand| demand.writes());
        match (self.write, inside) {
            (Some(_), Some(_)) => Err(Unfit::WrittenTwice(self.path.to_owned())),
            (Some(Write::Insert(_)), None) if self.forbidden => {
                Err(Unfit::WrittenAndForbidden(self.path.to_owned()))
            }
            (None, Some(inside)) if self.forbidden => {
                Err(Unfit::WrittenAndForbidden(inside.path.to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// The change of a member that is there.
    fn change(&self, value: Value<'_>, names: Option<Names>) -> Result<Option<Edit>, Unfit> {
        if self.forbidden {
            return Err(Unfit::Forbidden(self.path.to_owned()));
        }
        if self.strip {
            let instead = self.addition(names)?;
            let Some(json) = instead else { return Ok(Some(Edit::Remove)) };
            return Ok((json != value.raw()).then_some(Edit::Replace(json)));
        }
        let json = match self.write {
            Some(write) => write.replacement(Some(value), self.path)?,
            None if value.is_null() => self.addition(names)?,
            None => self.change_inside(value, names)?,
        };
        Ok(json.map(Edit::Replace))
    }

    fn change_inside(
        &self,
        value: Value<'_>,
        names: Option<Names>,
    ) -> Result<Option<Vec<u8>>, Unfit> {
        match names {
            Some(names) if value.kind() == crate::json::Kind::Object => {
                edited_object(Some(value), &self.inside, names)
            }
            _ => match self.inside.iter().find(|demand| demand.writes()) {
                Some(demand) => Err(Unfit::NoObject(demand.path.to_owned())),
                None => Ok(None),
            },
        }
    }

    /// The value of a member that is not there.
    fn addition(&self, names: Option<Names>) -> Result<Option<Vec<u8>>, Unfit> {
        match (self.write, names) {
            (Some(write), _) => write.replacement(None, self.path),
            (None, Some(names)) => edited_object(None, &self.inside, names),
            (None, None) => match self.inside.iter().find(|demand| demand.writes()) {
                Some(demand) => Err(Unfit::NoObject(demand.path.to_owned())),
                None => Ok(None),
            },
        }
    }
}

enum Edit {
    Remove,
    Replace(Vec<u8>),
}

/// The changes of an object's members, and what is added to them.
pub(super) struct Plan {
    /// By the number of the member, in order.
    edits: Vec<(usize, Edit)>,
    added: Vec<(String, Vec<u8>)>,
}

impl Plan {
    /// Finds out what is to be changed; `None` where nothing is.
    pub(super) fn of<'v>(
        members: impl Iterator<Item = (Value<'v>, Value<'v>)>,
        demands: &[Demand<'_>],
        names: Names,
    ) -> Result<Option<Self>, Unfit> {
        let mut groups = BTreeMap::<Cow<'_, str>, Group<'_>>::new();
        for demand in demands {
            let name = demand.rest.split_once('.').map_or(demand.rest, |(name, _)| name);
            groups.entry(names.key(name)).or_default().add(*demand);
        }
        if groups.is_empty() {
            return Ok(None);
        }
        groups.values().try_for_each(Group::check)?;
        let (mut edits, mut added) = (Vec::new(), Vec::new());
        for (number, (key, value)) in members.enumerate() {
            let name = key.as_text().unwrap_or_default();
            let name = names.key(&name);
            let Some(group) = groups.get_mut(&*name) else {
                continue;
            };
            group.found = true;
            let edit = group.change(value, names.inside(&name))?;
            edits.extend(edit.map(|edit| (number, edit)));
        }
        for (key, group) in groups.iter().filter(|(_, group)| !group.found) {
            let value = group.addition(names.inside(key))?;
            added.extend(value.map(|value| (group.name.to_owned(), value)));
        }
        let changes = !edits.is_empty() || !added.is_empty();
        Ok(changes.then_some(Self { edits, added }))
    }

    /// Writes the object; the members are those of which the plan was made.
    pub(super) fn write<'v>(
        self,
        members: impl Iterator<Item = (Value<'v>, Value<'v>)>,
        capacity: usize,
    ) -> Vec<u8> {
        let mut out = Object::with_capacity(capacity);
        let mut edits = self.edits.into_iter().peekable();
        for (number, (key, value)) in members.enumerate() {
            match edits.next_if(|(at, _)| *at == number) {
                Some((_, Edit::Remove)) => {}
                Some((_, Edit::Replace(json))) => out.member(key.raw(), &json),
                None => out.member(key.raw(), value.raw()),
            }
        }
        for (name, json) in self.added {
            out.member(serde_json::Value::from(name).to_string().as_bytes(), &json);
        }
        out.finish()
    }
}

fn edited_object(
    object: Option<Value<'_>>,
    demands: &[Demand<'_>],
    names: Names,
) -> Result<Option<Vec<u8>>, Unfit> {
    let members = || object.into_iter().flat_map(Value::members);
    let capacity = object.map_or(64, |object| object.raw().len() + 64);
    let plan = Plan::of(members(), demands, names)?;
    Ok(plan.map(|plan| plan.write(members(), capacity)))
}
