//! Fields of a JSON body that are left out, forbidden, written or limited, by their path.
//!
//! A path goes through objects only. Names are compared as Ollama compares them: as Go does where
//! it reads into structs and where nobody knows, exactly where it reads into maps.

mod demand;

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::object::Object;
use super::tools::{Rest, Unwanted};
use crate::json::Value;
use crate::shape::fold::fold;
use crate::shape::{Kind, Shape};
use demand::{Action, Write};

pub(super) use demand::{Demand, Unfit};

/// Lists, whose elements have no path.
const LISTS: [&str; 2] = ["tools", "messages"];

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

/// The demands on one field of an object, and inside of it.
#[derive(Debug, Default)]
struct Group<'a> {
    name: &'a str,
    path: &'a str,
    strip: bool,
    forbidden: bool,
    write: Option<Write<'a>>,
    tools: Option<Unwanted<'a>>,
    inside: Vec<Demand<'a>>,
    found: bool,
}

impl<'a> Group<'a> {
    fn add(&mut self, demand: Demand<'a>) -> Result<(), Unfit> {
        let (name, rest) = match demand.rest.split_once('.') {
            Some((name, rest)) => (name, Some(rest)),
            None => (demand.rest, None),
        };
        self.name = name;
        if let Some(rest) = rest {
            self.inside.push(Demand { rest, ..demand });
            return Ok(());
        }
        self.path = demand.path;
        match demand.action {
            Action::Strip => self.strip = true,
            Action::Forbid => self.forbidden = true,
            // Two names that Ollama takes for one are two demands of one field.
            Action::Write(write) if self.write.is_some_and(|known| known != write) => {
                return Err(Unfit::NamedTwice(self.path.to_owned()));
            }
            Action::Write(write) => self.write = Some(write),
            Action::StripTools(shape, selector) => {
                self.tools.get_or_insert_with(|| Unwanted::new(shape)).add(selector);
            }
        }
        Ok(())
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
        let rest = self.tools.as_ref().map_or(Rest::All, |tools| tools.rest_of(value));
        if self.strip || matches!(rest, Rest::Nothing) {
            let instead = self.addition(names)?;
            let Some(json) = instead else { return Ok(Some(Edit::Remove)) };
            return Ok((json != value.raw()).then_some(Edit::Replace(json)));
        }
        let json = match self.write {
            _ if value.is_null() => self.addition(names)?,
            // Where a value is there already, what is inside of it still counts.
            Some(write) => match write.replacement(Some(value), self.path)? {
                None => self.change_inside(value, names)?,
                replaced => replaced,
            },
            None => self.change_inside(value, names)?,
        };
        // Nothing is written into tools that are there.
        let rest = if let Rest::Some(json) = rest { Some(json) } else { None };
        Ok(json.or(rest).map(Edit::Replace))
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
            groups.entry(names.key(name)).or_default().add(*demand)?;
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
